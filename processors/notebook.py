"""Jupyter notebooks to text: markdown as it stands, code in fences that name its language, without any output.

In: the JSON of an .ipynb file, nbformat 1 to 4. Out: one Markdown text in the order of the cells, as Jupytext's
Markdown form has it (jupytext.readthedocs.io, "Notebooks as Markdown"). Outputs, attachments, execution counts and
images that are written into the text as base64 are left out.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_VALUES = 1_000_000  # arrays and objects of one notebook: they cost memory that its size does not show
_EMBEDDED = re.compile(r"data:[\w.+-]{1,40}/[\w.+-]{1,80};base64,[A-Za-z0-9+/=]{64,}")
_BACKTICKS = re.compile("`{3,}")
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")


class NotebookError(ValueError):
    """What is wrong with a notebook, in words."""


def notebook_to_text(source: str) -> tuple[str, dict[str, Any]]:
    """The text of a notebook, and what is told of it: nbformat, kernel's language, how many cells of each kind.

    Raises NotebookError where it is no JSON, no notebook, or too deep or too large to be read.
    """
    if source.count("{") + source.count("[") > MAX_VALUES:
        raise NotebookError(f"more than {MAX_VALUES} arrays and objects")
    try:
        book = json.loads(source)
    except RecursionError as error:
        raise NotebookError("values within values beyond what the parser allows") from error
    except ValueError as error:
        raise NotebookError(f"not JSON: {error}"[:300]) from error
    if not isinstance(book, dict) or not isinstance(cells := _cells(book), list):
        raise NotebookError("no list of cells")
    language = _language(book, cells)
    counts = {"code": 0, "markdown": 0, "raw": 0}
    parts = []
    for cell in cells:
        if not isinstance(cell, dict):
            raise NotebookError(f"a cell is a JSON {type(cell).__name__}, not an object")
        kind, text = _cell(cell, language)
        counts[kind] += 1
        if text.strip():
            parts.append(text.strip("\n"))
    meta = {"nbformat": book.get("nbformat"), "kernel_language": language or None, "cells": counts}
    return "\n\n".join(parts) + "\n", meta


def _cells(book: dict[str, Any]) -> Any:
    if "worksheets" not in book:  # nbformat 4, and 1
        return book.get("cells")
    sheets = book["worksheets"]
    if not isinstance(sheets, list) or not all(isinstance(sheet, dict) for sheet in sheets):
        return None
    return [cell for sheet in sheets for cell in _list(sheet.get("cells"))]


def _language(book: dict[str, Any], cells: list[Any]) -> str:
    """The kernel's language, lower case; nbformat 2 and 3 also name it in every code cell."""
    stated = list(_stated_languages(book.get("metadata"))) + [
        cell.get("language") for cell in cells if isinstance(cell, dict)
    ]
    return next((s.lower() for s in stated if isinstance(s, str) and _LANGUAGE.fullmatch(s)), "")


def _stated_languages(metadata: Any) -> Iterator[Any]:
    if not isinstance(metadata, dict):
        return
    for place, key in (("language_info", "name"), ("kernelspec", "language"), ("kernel_info", "language")):
        if isinstance(metadata.get(place), dict):
            yield metadata[place].get(key)


def _cell(cell: dict[str, Any], language: str) -> tuple[str, str]:
    """Its kind and its text; what is neither code nor raw is Markdown (headings of nbformat 3 are made such)."""
    kind = cell.get("cell_type")
    if kind == "code":
        code = _text(cell.get("source", cell.get("input", cell.get("code")))).rstrip()
        if not code.strip():
            return "code", ""
        fence = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(code)), default=0))
        own = cell.get("language")
        named = own.lower() if isinstance(own, str) and _LANGUAGE.fullmatch(own) else language
        return "code", f"{fence}{named}\n{code}\n{fence}"
    text = _text(cell.get("source", cell.get("text")))
    if kind == "raw":
        return "raw", text
    if kind == "heading":
        level = cell.get("level")
        marks = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1)
        return "markdown", f"{marks} {' '.join(text.split())}"
    return "markdown", _EMBEDDED.sub("", text)


def _text(source: Any) -> str:
    """A cell's text: a string, or a list of lines, whose line ends nbformat 2 leaves out (nbformat, `v3/rwbase.py`)."""
    if isinstance(source, str):
        return source
    lines = [line for line in _list(source) if isinstance(line, str)]
    return ("" if lines and lines[0].endswith(("\n", "\r")) else "\n").join(lines)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
