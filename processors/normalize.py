"""Text as it is stored: one Unicode form, one line end, nothing that cannot be seen or cannot come back from tokens.

In: any `str`. Out: a `str` that encodes to UTF-8; applying it twice changes nothing. Indentation is kept.
"""

import re
import unicodedata
from collections.abc import Iterator

_LINE_ENDS = ("\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029")
_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n") + b"\x7f"
_LATER_CONTROLS = re.compile(b"\xc2[\x80-\x9f]")  # U+0080 to U+009F as UTF-8
_SURROGATES = re.compile("[\ud800-\udfff]")
_BLANK_LINES = re.compile(b"\n\n\n\n+")  # found by its first bytes, which "\n{4,}" is not
# A run may be one letter under very many combining marks: NFC costs the square of its length.
_RUNS = re.compile(r"[^\w\s\x00-\u02ff]+")
_ODD = re.compile(_RUNS.pattern.removesuffix("+"))
_LONG_RUN = 512
_PIECE = 2**18  # characters of a longer text that are worked on at a time
_STEP = 30  # as in the Stream-Safe Text Format (Unicode Standard Annex 15, section 13)
# Blanks, format and filler characters, combining marks alone, and the replacement character: nothing to read.
_VISIBLE = re.compile(
    "[^\\s\x00-\x1f\x7f-\x9f\xad\u0300-\u036f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000e0000-\U000e0fff]"
)


def normalize(text: str) -> str:
    r"""NFC, ``\n`` line ends, no control characters but ``\n`` and ``\t``, no trailing blanks, at most two blank lines.

    Vertical tab, form feed, U+0085, U+2028 and U+2029 end lines too. Lone surrogates become U+FFFD. U+2581, with which
    SentencePiece marks blanks, becomes U+2582, as it would come back as a blank. Blank lines and byte order marks
    at the start and blanks at the end go. Combining marks beyond 30 on one letter, in runs of over 512, are parted by
    U+034F.
    """
    if len(text) > _PIECE:
        return normalize_to_utf8(text).decode()
    text = _tidied(text)
    if "\n\n\n\n" in text:
        text = _BLANK_LINES.sub(b"\n\n\n", text.encode()).decode()
    return text.lstrip("\n\ufeff").rstrip()


def normalize_to_utf8(text: str) -> bytes:
    """What `normalize` gives, as UTF-8: a `str` with one emoji in it takes four times as much."""
    if len(text) <= _PIECE:
        return normalize(text).encode()
    pieces: list[bytes] = []
    for piece in _pieces(text):
        tidied = _tidied(piece)
        if tidied := tidied if pieces else tidied.lstrip("\n\ufeff"):
            pieces.append(tidied.encode())
    data = b"".join(pieces)
    del pieces
    return _BLANK_LINES.sub(b"\n\n\n", data).rstrip(b" \t\n")  # a line's other blanks are gone by now


def is_blank(text: str) -> bool:
    """Whether nothing can be seen in `text`: blanks, zero-width and format characters, U+FFFD only."""
    return _VISIBLE.search(text) is None


def _pieces(text: str) -> Iterator[str]:
    """The text cut behind line ends, which nothing reaches across: neither composition nor a run of marks."""
    start = 0
    while (end := text.find("\n", start + _PIECE)) >= 0:
        yield text[start : end + 1]
        start = end + 1
    yield text[start:]


def _tidied(text: str) -> str:
    ascii_only = text.isascii()
    for end in _LINE_ENDS[:4] if ascii_only else _LINE_ENDS:
        text = text.replace(end, "\n")
    text = _without_controls(text)
    if not ascii_only:
        text = _composed(text.replace("\u2581", "\u2582"))
    if not ascii_only or " \n" in text or "\t\n" in text:
        text = "\n".join([line.rstrip() for line in text.split("\n")])
    return text


def _without_controls(text: str) -> str:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        text = _SURROGATES.sub("\ufffd", text)
        data = text.encode()
    bare = data.translate(None, _CONTROLS)
    if b"\xc2" in bare:
        bare = _LATER_CONTROLS.sub(b"", bare)
    return text if len(bare) == len(data) else bare.decode()


def _composed(text: str) -> str:
    parted = _with_marks_parted(text)
    composed = unicodedata.normalize("NFC", parted)
    return composed if composed == parted else _with_marks_parted(composed)  # NFC makes two marks of some


def _with_marks_parted(text: str) -> str:
    return _RUNS.sub(_part_marks, text) if _has_long_run(text) else text


def _has_long_run(text: str) -> bool:
    """Whether a run is longer than `_LONG_RUN`; a longer one holds one of every so many characters."""
    for hit in _ODD.finditer(text[::_LONG_RUN]):
        at = hit.start() * _LONG_RUN
        around = _RUNS.findall(text, max(0, at - _LONG_RUN), at + _LONG_RUN + 1)
        if max(map(len, around), default=0) > _LONG_RUN:
            return True
    return False


def _part_marks(match: re.Match[str]) -> str:
    if len(match[0]) <= _LONG_RUN:
        return match[0]
    pieces, run = [], 0
    for at in range(0, len(match[0]), _LONG_RUN):  # a list of all characters would take a hundred bytes for each
        piece = match[0][at : at + _LONG_RUN]
        parted = []
        for mark in piece:
            run = run + 1 if unicodedata.combining(mark) else 0
            if run > _STEP:
                parted.append("\u034f")
                run = 1
            parted.append(mark)
        pieces.append("".join(parted))
    return "".join(pieces)
