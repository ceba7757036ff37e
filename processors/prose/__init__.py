r"""Hard-wrapped plain text to paragraphs: text goes in, text with one line a paragraph comes out.

    text ──lines──> rows ──pages──> rows without running heads ──breaks──> what follows each line ──hyphens──> text

Verse, tables, lists, code and drawings keep their lines. A text is worked through in pieces of about a million
characters, cut at blank lines, so memory does not grow with it.
"""

import re
from collections.abc import Iterator

import numpy as np

_PIECE = 2**20  # characters
_BACKSPACES = re.compile(r"[^\n]\x08")  # a terminal's bold and underlined
_ESCAPES = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")  # its colours
_SOFT = "\xad".encode()
_SOFT_END = re.compile(r"\xad[ \t]*\n[ \t]*(\w+[^\w\s]*)[ \t]*")


def unwrap(text: str) -> str:
    r"""`text` with the lines of its paragraphs joined, hyphens at their ends mended, page numbers and heads left out.

    Line ends must be ``\n``; form feeds are read as page breaks and go, soft hyphens go.
    """
    data = b"".join([_unwrapped(piece) for piece in _pieces(without_terminal_codes(text))])
    return data.decode()  # the pieces are gone by now


def without_terminal_codes(text: str) -> str:
    """`text` without overstriking (`a`, backspace, `a`) and escape sequences for colours."""
    if "\x08" in text:
        text = _BACKSPACES.sub("", text)
    return _ESCAPES.sub("", text) if "\x1b" in text else text


def _pieces(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > _PIECE:
        end = text.rfind("\n\n", start + _PIECE // 2, start + _PIECE)
        end = end if end > 0 else text.find("\n", start + _PIECE)
        if end < 0:
            break
        yield text[start:end]
        start = end
    yield text[start:] if start else text


def _unwrapped(text: str) -> bytes:
    """A piece in UTF-8, which takes a fourth of the memory of a `str` with one emoji in it."""
    from processors.prose.breaks import decide
    from processors.prose.hyphens import mend
    from processors.prose.layout import write
    from processors.prose.lines import flags, read_lines
    from processors.prose.pages import without_furniture

    raw = text.encode("utf-8", "replace")
    data = np.frombuffer(raw, np.uint8)
    rows = without_furniture(data, read_lines(data, flags()))
    width = decide(rows, _tight_dashes(raw))
    mend(data, rows)
    joined: bytes = write(data, rows, width).tobytes()
    if _SOFT in joined:
        joined = _SOFT_END.sub(r"\1\n", joined.decode()).replace("\xad", "").encode()
    return joined


def _tight_dashes(raw: bytes) -> bool:
    counts = [(raw.count(dash), dash) for dash in (b"--", "—".encode())]
    return sum(count for count, _ in counts) > 3 * sum(raw.count(b" " + dash) for count, dash in counts if count)
