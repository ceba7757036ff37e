"""Public IP addresses: not those of IANA's special-purpose registries (RFC 6890 and its successors).

Four numbers with dots are as often a version. One is refused after a word or mark of versions ("release 1.2.3.4",
"==1.2.3.4", "Foo/1.2.3.4", "v1.2.3.4"), and if all four are below 32 unless a word such as "address" or a protocol
stands before it or a port or prefix length behind it. A network (1.2.3.0/24) is nobody's address.

IPv6 is taken as eight groups of hexadecimal digits, or shortened by `::` if the first group is of the block that is
given out (2000::/3): `dead::beef` is a path in code.
"""

from numba import njit

from processors.privacy.cues import IP_WORD, OTHER_WORD, PHONE_WORD, word_before
from processors.privacy.marks import DOT, is_alnum, is_digit

SMALL = 32  # numbers of versions


@njit(nogil=True, cache=True)
def is_public_v4(a, b, c, d):
    """Whether an address is a host's on the public Internet."""
    if a == 0 or a == 10 or a == 127 or a >= 224:
        return False
    if (a == 100 and 64 <= b < 128) or (a == 169 and b == 254) or (a == 172 and 16 <= b < 32):
        return False
    if a == 192 and (b == 168 or (b == 0 and (c == 0 or c == 2)) or (b == 88 and c == 99)):
        return False
    if a == 198 and (b == 18 or b == 19 or (b == 51 and c == 100)):
        return False
    return not (a == 203 and b == 0 and c == 113)


@njit(nogil=True, cache=True)
def is_quad(data, groups, count):
    """Whether the first four groups are numbers up to 255, without leading zeros, with dots between, and no more."""
    if count < 4 or (count > 4 and groups[3, 2] == DOT):
        return False
    for g in range(4):
        first, last = groups[g, 0], groups[g, 1]
        if last - first > 3 or (last - first > 1 and data[first] == 48) or (g < 3 and groups[g, 2] != DOT):
            return False
        if last - first == 3 and number(data, first, last) > 255:
            return False
    return True


@njit(nogil=True, cache=True)
def number(data, first, last):
    """The integer that decimal digits stand for."""
    total = 0
    for i in range(first, last):
        total = total * 10 + data[i] - 48
    return total


@njit(nogil=True, cache=True)
def is_address(data, groups, start, stop):
    """Whether a quad is a public address and no version, network or name."""
    at, end = groups[0, 0], groups[3, 1]
    octets = (number(data, at, groups[0, 1]), number(data, groups[1, 0], groups[1, 1]),
              number(data, groups[2, 0], groups[2, 1]), number(data, groups[3, 0], end))  # fmt: skip
    if not is_public_v4(*octets):
        return False
    said = False  # that it is an address
    if at > start:
        before = data[at - 1]
        second = data[at - 2] if at - 1 > start else 0x20
        if is_alnum(before) or before == 0x5F or before == 0x2E or before == 0x5E or before == 0x7E or before == 0x24:
            return False
        if before == 0x3D and (second == 0x3D or second == 0x3E or second == 0x3C or second == 0x7E or second == 0x21):
            return False
        said = before == 0x2F and second == 0x2F
        if (before == 0x2D or before == 0x2F or before == 0x2B) and not said and is_alnum(second):
            return False
        if before == 0x2F and not said:
            return False
    if end < stop:
        after = data[end]
        second = data[end + 1] if end + 1 < stop else 0x20
        if is_alnum(after) or after == 0x5F:
            return False
        if (after == 0x2E or after == 0x2D or after == 0x2B or after == 0x7E) and is_alnum(second):
            return False
        if after == 0x2F and is_digit(second) and octets[3] == 0:
            return False
        port = after == 0x3A and is_digit(second)
        said = said or port or (after == 0x2F and is_digit(second) and _is_prefix(data, end + 1, stop))
    word = word_before(data, at, start)
    if word in (OTHER_WORD, PHONE_WORD):
        return said
    small = octets[0] < SMALL and octets[1] < SMALL and octets[2] < SMALL and octets[3] < SMALL
    return said or word == IP_WORD or not small


@njit(nogil=True, cache=True)
def _is_prefix(data, at, stop):
    """Whether a prefix length stands at `at`: one or two digits and no more of a number."""
    last = at
    while last < stop and is_digit(data[last]):
        last += 1
    return last - at < 3 and (last + 1 >= stop or data[last] != 0x2E or not is_digit(data[last + 1]))


@njit(nogil=True, cache=True)
def _hex(byte):
    if is_digit(byte):
        return byte - 48
    low = byte | 32
    return low - 87 if 97 <= low <= 102 else -1


@njit(nogil=True, cache=True)
def v6_at(data, colon, start, stop):
    """Start and end of the public IPv6 address whose first colon is at `colon`; (0, 0) where there is none."""
    first = colon
    while first > start and colon - first < 5 and _hex(data[first - 1]) >= 0:
        first -= 1
    if first == colon or colon - first > 4:
        return 0, 0
    if first > start:
        before = data[first - 1]
        if is_alnum(before) or before == 0x3A or before == 0x5F or before == 0x2E or before == 0x2D:
            return 0, 0
    i, filled, gaps, digits, pairs = first, 0, 0, 0, 0
    head, second = 0, 0
    while True:
        begin, group = i, 0
        while i < stop and i - begin < 5 and _hex(data[i]) >= 0:
            group = group * 16 + _hex(data[i])
            digits += is_digit(data[i])
            i += 1
        if i - begin > 4:
            return 0, 0
        if i > begin:
            head = group if filled == 0 else head
            second = group if filled == 1 and gaps == 0 else second
            filled += 1
            pairs += i - begin == 2
        elif gaps == 0 or data[i - 2] != 0x3A:
            return 0, 0
        if i >= stop or data[i] != 0x3A or filled > 8:
            break
        if i + 1 < stop and data[i + 1] == 0x3A:
            gaps += 1
            i += 2
            if i >= stop or _hex(data[i]) < 0:
                break
        elif i + 1 < stop and _hex(data[i + 1]) >= 0:
            i += 1
        else:
            break
    if i < stop and (
        is_alnum(data[i]) or data[i] == 0x5F or (data[i] == 0x3A and i + 1 < stop and data[i + 1] == 0x3A)
    ):
        return 0, 0
    if gaps > 1 or filled > 8 - gaps or (gaps == 0 and filled < 8) or pairs == 8 or digits == 0:
        return 0, 0
    if i < stop and data[i] == 0x2F and data[i - 1] == 0x3A:  # a network: 2001:67c::/32
        return 0, 0
    return (first, i) if _is_public_v6(head, second, gaps) else (0, 0)


@njit(nogil=True, cache=True)
def _is_public_v6(head, second, gaps):
    """By its first two groups. What is not given out yet counts as public: it is no name of a private thing either."""
    if gaps and head >> 13 != 1:
        return False
    if head == 0x2001 and (second == 0xDB8 or second < 0x200):
        return False
    if head == 0x3FFF and second < 0x1000:
        return False
    if head == 0 or head == 0x64 or head == 0x100 or head == 0x2002 or head == 0x5F00:
        return False
    return not (head >> 9 == 0x7E or head >> 6 == 0x3FA or head >> 6 == 0x3FB or head >> 8 == 0xFF)
