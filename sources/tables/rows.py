"""What a row of a table says: the settings name its columns, a document comes out.

In: one value a named column: text (`str`, or `bytes` that should be UTF-8), a number, a list, a mapping, or None. What
the columns hold that the settings name by role goes to the document's columns, what `meta_columns` names to `meta`.
"""

import json
from collections.abc import Mapping
from typing import Any

from sources.item import Document
from sources.outcome import UnreadError, printable, skip
from sources.settings import ReadSettings

Row = Mapping[str, Any]

_FIELDS = {
    "user_id": "id_column", "url": "url_column", "title": "title_column", "author": "author_column",
    "date": "date_column", "language": "language_column", "licence": "licence_column",
}  # fmt: skip


def named(settings: ReadSettings) -> dict[str, str]:
    """Every column that the settings name, the text's first, each with the setting that names it (the first one)."""
    settings_of: dict[str, str] = {settings.text_column: "text_column"}
    for setting in _FIELDS.values():
        if column := getattr(settings, setting):
            settings_of.setdefault(column, setting)
    for column in settings.meta_columns:
        settings_of.setdefault(column, "meta_columns")
    return settings_of


def document(row: Row, settings: ReadSettings) -> Document:
    """The document of a row. Raises UnreadError where its text is null, not text or not UTF-8, or a value is too large.

    A list of values in a column becomes one text, " AND " between licences and ", " between others: a code file's row
    names every licence that was found in its repository. A mapping becomes JSON.
    """
    text = _text(row.get(settings.text_column), settings.text_column)
    stated: dict[str, Any] = {}
    for field, setting in _FIELDS.items():
        column = getattr(settings, setting)
        value = row.get(column) if column else None
        stated[field] = None if value is None else _stated(value, column, setting, settings)
    return Document(text, **stated, meta=_meta(row, settings))


def _text(value: Any, column: str) -> str:
    if value is None:
        raise skip("null_text")
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise UnreadError("bad_utf8", f"`{column}`: {error}") from error
    if not isinstance(value, str):
        raise UnreadError("text_is_not_text", f"`{column}` holds a value of type {type(value).__name__}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise UnreadError("lone_surrogate", f"`{column}` holds half of a surrogate pair") from error
    return value


def _stated(value: Any, column: str, setting: str, settings: ReadSettings) -> str | None:
    if isinstance(value, list):
        between = " AND " if setting == "licence_column" else ", "
        text = between.join(filter(None, (_scalar(item) for item in value if item is not None)))
    else:
        text = _scalar(value)
    if len(text) > settings.max_value_bytes:
        raise _large(column, len(text), settings)
    return text or None


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (dict, list, bool)):
        return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)
    return str(value)


def _meta(row: Row, settings: ReadSettings) -> dict[str, Any]:
    meta = {column: _plain(row[column]) for column in settings.meta_columns if row.get(column) is not None}
    if meta and (size := len(json.dumps(meta, ensure_ascii=False))) > settings.max_value_bytes:
        raise _large(", ".join(meta), size, settings)
    return meta


def _large(column: str, size: int, settings: ReadSettings) -> UnreadError:
    limit = settings.max_value_bytes
    return UnreadError("value_too_large", f"`{column}`: {size} characters, at most {limit} are taken (max_value_bytes)")


def _plain(value: Any) -> Any:
    """`value` as JSON knows it: bytes as text, no NaN, everything else that JSON lacks as it is written."""
    if isinstance(value, dict):
        return {printable(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if value is None or isinstance(value, (int, bool)):
        return value
    return printable(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))


def missing(column: str, setting: str, there: list[str]) -> tuple[str, str]:
    """Reason and words for a column that a table lacks."""
    reason = "no_text_column" if setting == "text_column" else "no_such_column"
    listed = ", ".join(f"`{printable(name)}`" for name in there[:30]) + (", ..." if len(there) > 30 else "")
    return reason, f"no column `{column}` ({setting}); there are {listed or 'none'}"
