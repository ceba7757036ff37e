"""E-mail addresses, by the sign between their two halves.

The local part is ASCII letters, digits and . _ % + - ' & ~ (RFC 5322 allows more; = / ? and # begin one too seldom,
and end what stands before it too often), 64 bytes at most, and the domain has labels of letters, digits and hyphens
that end in a top-level domain: two or more letters that are no file's extension. What follows `//` is a user name of
a URL, what stands before `:path`, and `git`, the account of a repository, what stands between slashes the id of a
message, and what follows `!` or `$` a name on IRC or a template.
"""

import numpy as np
from numba import njit

from processors.privacy.marks import is_alnum, is_digit

LONGEST_LOCAL = 64
LONGEST_DOMAIN = 253
# Endings that no top-level domain has: what stands after the last dot of foo@2x.png or self@module.attribute.
NO_DOMAINS = (
    b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"ico", b"bmp", b"js", b"jsx", b"mjs", b"cjs", b"ts", b"tsx",
    b"css", b"scss", b"less", b"html", b"htm", b"php", b"json", b"xml", b"yml", b"yaml", b"toml", b"txt", b"log",
    b"cfg", b"conf", b"ini", b"service", b"socket", b"timer", b"mount", b"target", b"tar", b"gz", b"tgz", b"bz2", b"xz",
    b"rpm", b"deb", b"whl", b"jar", b"exe", b"dll", b"pdf", b"doc", b"docx", b"csv", b"tsv", b"sql", b"min",
    b"map", b"setter", b"getter", b"deleter", b"property", b"class", b"init", b"latest", b"beta", b"alpha", b"git",
)  # fmt: skip

_LOCAL = np.zeros(256, np.bool_)
_LOCAL[list(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+-'&~")] = True
_ENDINGS = np.frombuffer(b"".join(NO_DOMAINS), np.uint8)
_BOUNDS = np.cumsum([0, *map(len, NO_DOMAINS)])


@njit(nogil=True, cache=True)
def _no_domain(data, first, last):
    for n in range(_BOUNDS.size - 1):
        if _BOUNDS[n + 1] - _BOUNDS[n] == last - first:
            same = True
            for i in range(last - first):
                same = same and (data[first + i] | 32) == _ENDINGS[_BOUNDS[n] + i]
            if same:
                return True
    return False


@njit(nogil=True, cache=True)
def _top(data, dot, last):
    """Whether what stands behind a dot, up to `last`, can be a top-level domain."""
    if last - dot - 1 < 2 or last - dot - 1 > 24:
        return False
    if last - dot > 5 and data[dot + 1] | 32 == 0x78 and data[dot + 2] | 32 == 0x6E and data[dot + 3] == 0x2D:  # xn--
        return True
    for i in range(dot + 1, last):
        if not is_alnum(data[i]) or is_digit(data[i]):
            return False
    return not _no_domain(data, dot + 1, last)


@njit(nogil=True, cache=True)
def _may_follow(data, first, start):
    """Whether an address may begin at `first`: not behind `//`, `!` or `$`, nor behind a hyphen in a word."""
    before = data[first - 1]
    if before == 0x21 or before == 0x24:
        return False
    if first - 1 == start or (before != 0x2F and before != 0x2D):
        return True
    second = data[first - 2]
    return second != 0x2F if before == 0x2F else second <= 0x20


@njit(nogil=True, cache=True)
def email_at(data, sign, start, stop):
    """Start and end of the address around the @ at `sign`, within `start` and `stop`; (0, 0) where there is none."""
    first = sign
    while first > start and sign - first < LONGEST_LOCAL and _LOCAL[data[first - 1]]:
        first -= 1
    if first > start and _LOCAL[data[first - 1]]:  # too long for an address
        return 0, 0
    while first < sign and not (is_alnum(data[first]) or data[first] == 0x5F):
        first += 1
    if first == sign or data[sign - 1] == 0x2E:
        return 0, 0
    if first > start and not _may_follow(data, first, start):
        return 0, 0
    if sign - first == 3 and data[first] == 0x67 and data[first + 1] == 0x69 and data[first + 2] == 0x74:  # git
        return 0, 0
    end, last, label = (
        0,
        sign + 1,
        sign + 1,
    )  # the end of the longest domain so far; of what was read; of its last label
    while last < stop and last - sign <= LONGEST_DOMAIN:
        byte = data[last]
        if byte == 0x2E or byte == 0x2D:
            if last == label or (byte == 0x2E and data[last - 1] == 0x2D):
                break
            if byte == 0x2E:
                label = last + 1
        elif not is_alnum(byte):
            break
        last += 1
    end = last
    while end > label and data[end - 1] == 0x2D:
        end -= 1
    while end > sign + 1:  # "me@example.org.Then": the last dot that has a domain behind it
        dot = end - 1
        while dot > sign and data[dot] != 0x2E:
            dot -= 1
        if dot <= sign + 1:
            return 0, 0
        if _top(data, dot, end):
            break
        if dot + 1 < end:
            return 0, 0
        end = dot
    if end <= sign + 1 or (end < stop and (data[end] == 0x5F or data[end] == 0x40 or data[end] == 0x28)):
        return 0, 0
    if (
        end + 1 < stop
        and data[end] == 0x3A
        and (is_alnum(data[end + 1]) or data[end + 1] == 0x2F or data[end + 1] == 0x7E)
    ):
        return 0, 0
    if end < stop and data[end] == 0x2F and first > start and data[first - 1] == 0x2F:
        return 0, 0
    return first, end
