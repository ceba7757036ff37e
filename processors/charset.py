"""Bytes to text: which charset, and a decoding that never drops a byte without a mark.

In order: a byte order mark; UTF-8 where the bytes are valid UTF-8 with something beyond ASCII (legacy text almost never
is by chance); what the transport declares; what the document declares; detection. A declared charset that the bytes
contradict is passed over. Bytes that the chosen charset cannot read become U+FFFD.
"""

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Python's names for what browsers read under these labels (WHATWG Encoding Standard): supersets that pages really use.
_AS_BROWSERS = {"shift_jis": "cp932", "euc_kr": "cp949", "gbk": "gb18030", "gb2312": "gb18030", "iso8859-11": "cp874"}
_META = re.compile(rb"<meta[^>]{0,512}?charset\s{0,8}=\s{0,8}[\"']?\s{0,8}([\w:.-]{1,40})", re.IGNORECASE)
_XML = re.compile(rb"^\s{0,64}<\?xml[^>]{0,256}?encoding\s{0,8}=\s{0,8}[\"']([\w:.-]{1,40})")
_HEAD = 4096  # where a declaration is looked for; the standard's prescan stops after 1,024 bytes, many pages need more
_PROBE = 128 * 2**10


def decode(data: bytes, declared: str | None = None, *, markup: bool = False) -> tuple[str, str]:
    """The text of `data` and the charset it was read with; `markup` also looks for a declaration in HTML or XML."""
    for bom, charset in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(charset, "replace"), charset
    if markup and (unmarked := _utf16(data)):
        return data.decode(unmarked, "replace"), unmarked
    if data.isascii() and b"\x1b" not in data:  # ISO-2022 switches charsets with ESC in seven bits
        return data.decode("ascii"), "utf-8"
    if not data.isascii():
        try:
            return data.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            pass
    labels = [declared]
    if markup:
        labels += [
            match[1].decode("ascii", "replace")
            for match in (_META.search(data[:_HEAD]), _XML.match(data[:_HEAD]))
            if match
        ]
    if b"\x1b$" in data:
        labels.append("iso-2022-jp")
    for label in labels:
        stated = _known(label)
        if stated and not stated.startswith("utf"):
            try:
                return data.decode(stated), stated
            except (UnicodeDecodeError, ValueError):
                continue
    if data.isascii():
        return data.decode("ascii"), "utf-8"
    guess = detect(data)
    return data.decode(guess, "replace"), guess


def detect(data: bytes) -> str:
    """The likeliest charset by the bytes alone, as a name that Python's codecs know; mostly-UTF-8 stays UTF-8."""
    from resiliparse.parse.encoding import detect_encoding

    broken = data[:_PROBE].decode("utf-8", "replace").count("\ufffd")
    beyond = sum(map(data[:_PROBE].count, range(0xC2, 0xF5)))
    if beyond and broken * 10 < beyond:  # broken UTF-8: nearly every lead byte still begins a whole character
        return "utf-8"
    return _known(detect_encoding(data, max_len=_PROBE)) or "utf-8"


def _utf16(data: bytes) -> str | None:
    """UTF-16 without a mark: markup is ASCII, so NULs fill one half of the bytes and hardly occur in the other."""
    head = data[:_HEAD]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 10 < 3 * len(head) // 2 or min(even, odd) * 50 > len(head):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _known(label: str | None) -> str | None:
    from resiliparse.parse.encoding import map_encoding_to_html5

    name = map_encoding_to_html5(label.strip().strip("\"'"), fallback_utf8=False) if label else None
    if not name:
        return None
    name = _AS_BROWSERS.get(name, name)
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None
