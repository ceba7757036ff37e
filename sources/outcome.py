"""From what a reader found to an `Item`: text normalised, nothing visible means skipped, strings that always encode."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, Literal

from processors.charset import mojibake
from processors.extract import PageError
from processors.normalize import is_blank, normalize_to_utf8
from sources import hand
from sources.hosts import blocked
from sources.item import Document, Item, Unit
from sources.settings import ReadSettings

# What bytes that nobody thought of make a reader raise; anything else is a fault in the program.
FAULTS = (ValueError, ArithmeticError, LookupError, RecursionError, OSError, EOFError, MemoryError)


class UnreadError(Exception):
    """Why a stretch gave no document: its reason in snake_case, words for the detail, and which outcome that is."""

    def __init__(
        self, reason: str, detail: str = "", outcome: Literal["skipped", "quarantined"] = "quarantined"
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail, self.outcome = reason, detail, outcome


def skip(reason: str, detail: str = "") -> UnreadError:
    """An `UnreadError` for what holds no document by its nature."""
    return UnreadError(reason, detail, "skipped")


def refuse_blocked(url: str | None, settings: ReadSettings) -> None:
    """Skip what a blocked host gave: raises UnreadError `blocked_host`.

    `attempt` asks for every document; a reader that knows the URL before it extracts saves itself that work.
    """
    if detail := blocked(url, settings):
        raise skip("blocked_host", detail)


def attempt(
    make: Callable[[], Document],
    settings: ReadSettings,
    start: int,
    end: int,
    unit: Unit,
    name: str | None,
    ordinal: int = 0,
) -> Item:
    """The item of a stretch whose document `make` gives; its text is normalised here.

    `make` raises UnreadError or PageError. Anything else it raises is a fault in reading this one record, found by
    an input nobody thought of: it is quarantined as `reader_fault` with the error's text, and the
    rest of the file is read on.
    """
    name = printable(name)
    if passed_over := hand.take(start, ordinal):
        return Item(start, end, "quarantined", *passed_over, None, unit, ordinal, name)
    try:
        document = _finished(make(), settings)
    except UnreadError as unread:
        return Item(
            start, end, unread.outcome, unread.reason, printable(unread.detail) or "", None, unit, ordinal, name
        )
    except PageError as refused:
        return Item(start, end, "quarantined", refused.reason, str(refused), None, unit, ordinal, name)
    except FAULTS as error:
        return Item(start, end, "quarantined", "reader_fault", told(error), None, unit, ordinal, name)
    finally:
        hand.lay_down()
    return Item(start, end, "document", document=document, unit=unit, ordinal=ordinal, name=name)


def told(error: Exception) -> str:
    """A fault in words, for an item's detail."""
    return (printable(f"{type(error).__name__}: {error}") or "")[:1000]


def printable(value: str | None) -> str | None:
    r"""`value` with lone surrogates (bytes of no charset in a name, say) written as ``\udcNN``, so that it encodes."""
    return value if value is None or value.isascii() else value.encode("utf-8", "backslashreplace").decode()


def _finished(document: Document, settings: ReadSettings) -> Document:
    refuse_blocked(document.url, settings)
    text, limit = document.text, settings.max_document_bytes
    _refuse_large(_size(text, limit), limit)  # before any copy of it is made
    odd = {name: value for name in _STATED if (value := getattr(document, name)) and not value.isascii()}
    stated: dict[str, Any] = {name: printable(value) for name, value in odd.items()}
    licence = stated.pop("licence", document.licence) or settings.licence
    # A text with an emoji takes four bytes a character: the old one goes before the new one is made.
    document = replace(document, text="", mojibake=mojibake(text), licence=licence, **stated)
    data = normalize_to_utf8(text)
    del text
    text = data.decode()
    if is_blank(text):
        raise skip("empty_text")
    _refuse_large(len(data), limit)
    return replace(document, text=text)


def _size(text: str, limit: int) -> int:
    """Bytes of a text; of one that is within `limit` whatever its characters are, only how many they are."""
    return len(text) if 4 * len(text) <= limit or text.isascii() else len(text.encode("utf-8", "replace"))


def _refuse_large(size: int, limit: int) -> None:
    if size > limit:
        raise UnreadError("too_large", f"{size} bytes of text, at most {limit} are taken (max_document_bytes)")


_STATED = [f.name for f in fields(Document) if f.name not in ("text", "meta", "secrets", "mojibake")]
