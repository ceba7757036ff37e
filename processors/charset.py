"""Bytes to text: which charset, and a decoding that never drops a byte without a mark.

In order: a byte order mark; UTF-16 and UTF-32, which show in their NULs; UTF-8 where the bytes are valid UTF-8 with
something beyond ASCII (legacy text almost never is by chance), a few broken ones among many good ones allowed; what the
transport declares; what the document declares; detection. A declared charset that the bytes contradict is passed over:
one that cannot read them, or one of single bytes that makes of them what no language writes (see `_contradicted`) where
the detected one does not. Bytes that the chosen charset cannot read become U+FFFD.

Labels mean what they mean to browsers (WHATWG Encoding Standard, https://encoding.spec.whatwg.org/). Detection is
chardetng's, the detector of Firefox (https://hsivonen.fi/chardetng/). Besides, ISO-2022-KR and HZ are read, which
browsers refuse, and XML may be in any charset that Python knows and that cannot hide markup, EBCDIC included (XML 1.0,
appendix F).
"""

import codecs
import re
import unicodedata
from itertools import pairwise

import re2

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
# Python's names for what browsers read under these labels: supersets that pages really use.
_AS_BROWSERS = {
    "shift_jis": "cp932", "euc_kr": "cp949", "gbk": "gb18030", "gb2312": "gb18030", "iso8859-11": "cp874",
    "big5": "big5hkscs",
}  # fmt: skip
_BESIDES = {
    "x-mac-cyrillic": "mac-cyrillic", "x-mac-ukrainian": "mac-cyrillic", "x-user-defined": "cp1252",
    "hz-gb-2312": "hz", "iso-2022-kr": "iso2022_kr", "csiso2022kr": "iso2022_kr",
}  # fmt: skip
_MULTIBYTE = frozenset(
    ("cp932", "cp949", "gb18030", "big5hkscs", "cp950", "euc_jp", "iso2022_jp", "iso2022_kr", "hz", "johab")
)
_NEVER = frozenset(("utf-7", "unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined", "mbcs", "oem"))
_META = re.compile(rb"<meta[^>]{0,512}?charset\s{0,8}=\s{0,8}[\"']?\s{0,8}([\w:.-]{1,40})", re.IGNORECASE)
_XML = re.compile(rb"^\s{0,64}<\?xml[^>]{0,256}?encoding\s{0,8}=\s{0,8}[\"']([\w:.-]{1,40})")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_XML_EBCDIC = "<?xm".encode("cp037")
_CESU = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")  # a surrogate pair, each half in 3 bytes
_HEAD = 4096  # where a declaration is looked for; the standard's prescan stops after 1,024 bytes, many pages need more
_PROBE = 128 * 2**10
_WIDE = 24  # of so many bytes at least one is NUL in UTF-16 with blanks
_FEW = 8  # bytes of UTF-8 beyond its characters
_LEAST_LETTERS = 32  # fewer letters beyond ASCII are no ground to mistrust a declaration,
_MOST_LETTERS = 4000  # and so many are enough to tell
_MANY_BYTES = 1000  # beyond ASCII, which detection needs to tell charsets of several bytes apart


def decode(data: bytes, declared: str | None = None, *, markup: bool = False) -> tuple[str, str]:
    """The text of `data` and the charset it was read with; `markup` also looks for a declaration in HTML or XML."""
    for bom, charset in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(charset, "replace"), charset
    if b"\0" in data and (unmarked := _wide(data, _known(declared))):
        return data.decode(unmarked, "replace"), unmarked
    if data.isascii() and b"\x1b" not in data and b"~{" not in data:  # with these ISO-2022 and HZ switch charsets
        return data.decode("ascii"), "utf-8"
    valid = _utf8(data)
    if valid is not None and len(data) - len(valid) > _FEW:
        return valid, "utf-8"
    charsets = _stated(data, declared, markup)
    if not data.isascii() and _is_utf8(data, valid is not None, charsets):
        return valid or _utf8(data, "replace") or "", "utf-8"
    for stated in (name for name in charsets if name != "utf-8"):
        try:
            text = data.decode(stated, "c1")
        except (UnicodeDecodeError, ValueError):
            continue
        return _contradicted(text, stated, data) or (text, stated)
    if data.isascii():
        return data.decode("ascii"), "utf-8"
    guess = detect(data)
    if guess == "utf-8":
        return _CESU.sub(_joined, data).decode("utf-8", "replace"), guess
    return data.decode(guess, "c1_or_mark"), guess


def detect(data: bytes) -> str:
    """The likeliest charset by the bytes alone, as a name that Python's codecs know; mostly-UTF-8 stays UTF-8."""
    from chardetng_py import EncodingDetector

    probe = data[:_PROBE]
    if _mostly_utf8(data, 4) or _CESU.search(probe):
        return "utf-8"
    detector = EncodingDetector()
    detector.feed(probe, last=len(data) <= _PROBE)
    return _of_python(detector.guess(tld=None, allow_utf8=False)) or "utf-8"


def mojibake(text: str) -> int:
    """How many characters of `text`, or short runs of them, betray a wrong decoding.

    Counted are U+FFFD, C1 controls, and UTF-8 that was read as windows-1252 or windows-1251.
    """
    if text.isascii():
        return 0
    data = text.encode("utf-8", "replace")
    found = text.count("\ufffd") + len(_C1_BYTES.findall(data))
    if any(mark in text for mark in _LATIN_MARKS):
        found += len(_LATIN_MOJIBAKE.findall(data))
    if "Р" in text or "С" in text:
        found += len(_CYRILLIC_MOJIBAKE.findall(data))
    return found


def _stated(data: bytes, declared: str | None, markup: bool) -> list[str]:
    """The charsets that are declared, as Python's names, most trusted first; UTF-16 and UTF-32 count as UTF-8."""
    head = data[:_HEAD]
    names: list[str | None] = [_known(declared)]
    if markup:
        if data.startswith(_XML_EBCDIC):
            head = head.decode("cp037").encode("utf-8")
        xml = _XML.match(head)
        metas = _META.finditer(_COMMENT.sub(b"", head) if b"<!--" in head else head)
        names += [_known(match[1].decode("ascii", "replace")) for match in (*metas, xml) if match]
        if xml:
            names.append(_of_python(xml[1].decode("ascii", "replace")))
        if data.startswith(_XML_EBCDIC):
            names = [n for n in names if n and "<?xm".encode(n, "replace") == _XML_EBCDIC]
            names.append("cp037")
    if b"\x1b$B" in data or b"\x1b$@" in data:  # in seven bits nothing else can have written this
        names.insert(0 if data.isascii() else len(names), "iso2022_jp")
    return ["utf-8" if name.startswith("utf") else name for name in names if name]


def _utf8(data: bytes, errors: str = "strict") -> str | None:
    try:
        return _CESU.sub(_joined, data).decode("utf-8", errors)
    except UnicodeDecodeError:
        return None


def _is_utf8(data: bytes, valid: bool, stated: list[str]) -> bool:
    """Whether `data` is UTF-8, all or all but; not where that may be chance, as few characters of GBK easily are."""
    if not valid:
        return _mostly_utf8(data, 1 if "utf-8" in stated else 8)
    return not stated or stated[0] not in _MULTIBYTE or not _CHANCE.fullmatch(data.translate(None, _ASCII))


def _mostly_utf8(data: bytes, times: int) -> bool:
    """Whether `data` holds characters of UTF-8 beyond ASCII, `times` as many as stretches that are none.

    A character that the end cuts off counts for neither.
    """
    probe = data[:_PROBE]
    good, broken = len(_UTF8_CHARACTER.findall(probe)), codecs.utf_8_decode(probe, "replace", False)[0].count("\ufffd")
    return good >= max(1, times * broken)


def _contradicted(text: str, stated: str, data: bytes) -> tuple[str, str] | None:
    """What detection reads instead, where `text` is plainly not what was written and its reading plainly is.

    Read with a wrong charset of single bytes, letters come out as capitals within words, letters of two scripts side by
    side, symbols among letters, or control characters. The declaration is passed over where more than 2 % of the
    letters beyond ASCII are in such company and with the detected charset less than a quarter as many are. Among
    charsets of several bytes, which can often read each other, detection decides where there is much to go by.
    """
    if stated in _MULTIBYTE:
        guess = detect(data) if len(data.translate(None, _ASCII)) >= _MANY_BYTES else stated
        if stated == "cp932" and len(_HALF_KANA.findall(text)) * 6 > len(text.encode()):  # another's single bytes
            guess = detect(data)
        elif guess not in _MULTIBYTE:
            return None
        if guess == stated:
            return None
        try:
            return data.decode(guess), guess
        except UnicodeDecodeError:
            return None
    odd, letters = _odd_company(text[:_PROBE])
    if letters < _LEAST_LETTERS or odd * 50 < letters:
        return None
    guess = detect(data)
    other = data.decode(guess, "c1_or_mark")
    odd_other, letters_other = _odd_company(other[:_PROBE])
    if guess == stated or odd_other * letters * 4 >= odd * letters_other:
        return None
    return other, guess


def _odd_company(text: str) -> tuple[int, int]:
    """How many letters beyond ASCII of `text` stand in odd company, and how many there are."""
    odd = letters = 0
    for run in _BEYOND.findall(text):
        if letters >= _MOST_LETTERS:
            break
        kinds = [_kind(character) for character in run]
        letters += sum(kind[0] != "-" and character > "\x7f" for kind, character in zip(kinds, run, strict=True))
        odd += sum(kind == "-control" for kind in kinds)
        odd += len(_THREE_LATIN.findall(run))
        for (left, right), (a, b) in zip(pairwise(kinds), pairwise(run), strict=True):
            odd += (a > "\x7f" or b > "\x7f") and _at_odds(left, right, a > "\x7f" and b > "\x7f")
    return odd, letters


def _at_odds(left: str, right: str, both_beyond: bool) -> bool:
    if left[0] == "-" or right[0] == "-":
        return both_beyond and "-symbol" in (left, right) and left[0] != right[0]
    scripts = left[1:], right[1:]
    if scripts[0] != scripts[1]:
        return "" not in scripts
    return right[0] == "u" and (left[0] == "l" or (left[0] == "u" and both_beyond))


def _kind(character: str) -> str:
    """`u`, `l` or `o` (upper, lower, other) with the script's name for a letter, else `-symbol`, `-control`, `-`."""
    known = _KINDS.get(character)
    if known is None:
        category = unicodedata.category(character)
        if category[0] == "L":
            script = unicodedata.name(character, "").partition(" ")[0]
            known = {"Lu": "u", "Ll": "l"}.get(category, "o") + (script if script in _ALPHABETS else "")
        elif "\x80" <= character <= "\x9f":
            known = "-control"
        else:
            known = "-symbol" if character > "\x7f" and category in ("So", "Sm", "Sc", "Sk", "No") else "-"
        _KINDS[character] = known
    return known


def _wide(data: bytes, told: str | None) -> str | None:
    """UTF-16 or UTF-32 without a mark: ASCII within the text, blanks at least, leaves NULs in some places of each unit
    and hardly in others. Where there is little of it, what is declared decides.
    """
    head = data[:_HEAD]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(head) >= 8 and min(head[:8].count(0), head[4:8].count(0) * 2) == 6:
        return "utf-32-le" if head[0] else "utf-32-be"
    if max(even, odd) * _WIDE >= len(head) and min(even, odd) * 50 <= len(head) and max(even, odd) > 4 * min(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    return told if told and told.startswith("utf-16") and (even + odd) * 100 >= len(head) else None


def _known(label: str | None) -> str | None:
    """Python's name for a label of the Encoding Standard, or None for one that it does not know."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    if not label:
        return None
    label = label.strip().strip("\"'")
    name = _BESIDES.get(label.lower()) or map_encoding_to_html5(label, fallback_utf8=False)
    return _of_python(_AS_BROWSERS.get(name, name)) if name else None


def _of_python(label: str) -> str | None:
    try:
        found = codecs.lookup(label)
    except LookupError:
        return None
    name = _AS_BROWSERS.get(found.name, found.name)
    return name if found._is_text_encoding and name not in _NEVER else None


def _joined(pair: re.Match[bytes]) -> bytes:
    return pair[0].decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16").encode()


def _c1(error: UnicodeError) -> tuple[str, int]:
    """Bytes 0x80 to 0x9F that a single-byte charset leaves open are C1 controls to browsers; 0x80 is € in GBK."""
    assert isinstance(error, UnicodeDecodeError)
    byte = error.object[error.start]
    if error.encoding == "gb18030" and byte == 0x80:
        return "€", error.start + 1
    if error.encoding == "charmap" and 0x80 <= byte <= 0x9F:
        return chr(byte), error.start + 1
    try:
        raise error
    finally:
        del error  # it would hold the frame that holds it, and with it the bytes


def _c1_or_mark(error: UnicodeError) -> tuple[str, int]:
    try:
        return _c1(error)
    except UnicodeDecodeError as refused:
        refused.__traceback__ = None
        return "\ufffd", refused.end


codecs.register_error("c1", _c1)
codecs.register_error("c1_or_mark", _c1_or_mark)

_UTF8_CHARACTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CHANCE = re.compile(rb"(?:[\xc4-\xdf][\xa1-\xbf])+")  # in GBK a character in six; in UTF-8 no sign that is frequent
_BEYOND = re.compile(r"[A-Za-z]?[^\x00-\x7f](?:[A-Za-z]?[^\x00-\x7f])*[A-Za-z]?")
_THREE_LATIN = re.compile("[À-ÖØ-öø-ÿ]{3}")  # no language in Latin script writes many
_HALF_KANA = re.compile("[\uff61-\uff9f]")
_ASCII = bytes(range(128))
_ALPHABETS = frozenset(("LATIN", "CYRILLIC", "GREEK", "HEBREW", "ARABIC"))
_KINDS: dict[str, str] = {}
_HIGH = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"  # what windows-1252 makes of UTF-8's later bytes
_LATIN_MARKS = ("Ã", "Â", "â€", "Ð", "Ñ")
_LATIN_MOJIBAKE = re2.compile(f"Ã{_HIGH}|Â[\xa0-\xbf]|â€|(?:[ÐÑ]{_HIGH}){{2}}")
_CYRILLIC_MOJIBAKE = re2.compile("(?:[РС][\xa0-\xbb\u0401-\u040f\u0451-\u045fҐґ‘’“”•–—™†‡…‰€№]){3}")
_C1_BYTES = re.compile(rb"\xc2[\x80-\x9f]")
