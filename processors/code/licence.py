"""What a file says of its licence: in its head, as a licence text, as package metadata.

Path and text come in; a normalised SPDX expression (`processors.code.expression`) or None comes out. Nothing raises on
any text, and nothing guesses: what names no single licence ("BSD", "see LICENSE") is None, so that a caller can go
on to the next nearest file.
"""

import re

from processors.code.expression import both, named, spdx
from processors.code.licence_text import licence_of_text, notice_in, words_of
from processors.code.metadata import is_metadata_file, licence_of_metadata

__all__ = ["header_licence", "is_licence_file", "is_metadata_file", "licence_of_metadata", "licence_of_text"]

HEAD = 5000  # characters: the longest of the usual notices, MPL 1.1 with GPL and LGPL, has near 2,000

_SPDX = re.compile(r"SPDX-License-Identifier:[ \t]*([^\r\n]{1,300})")
_END = re.compile(r"\s*(?:\*/|-->|\*\)|#\}|%>|\"\"\"|''').*|[\s*#/;|\"'!-]+$")
_LICENCE = re.compile(
    r"(?:[\w.-]*[-_.])?(?:un)?licen[cs]es?(?:[-_. ][\w.+-]+)?|copying(?:[-_. ][\w.+-]+)?|(?:debian[-_])?copyright"
    r"|[\w-]+\.licen[cs]e(?:\.(?:txt|md))?",
    re.I,
)
_NO_TEXT = re.compile(
    r"\.(?:py|js|[cm]js|tsx?|jsx|java|go|rs|rb|php|c|cc|cpp|h|hpp|cs|sh|pl|pm|lua|json|ya?ml|toml|xml|ini|cfg|css|scss"
    r"|svg|png|hs|kt|swift|scala|in|sql|ex|exs|vue|spdx|tpl|tmpl|erb)$",
    re.I,
)


def header_licence(text: str) -> str | None:
    """The licence that the head of a source file states: SPDX-License-Identifier lines first, else a notice."""
    head = text[:HEAD]
    lower = head.lower()
    if not (
        "licen" in lower
        or "permission" in lower
        or "redistribution" in lower
        or "public domain" in lower
        or "gpl" in lower
    ):
        return None
    if "SPDX-License-Identifier" in head:
        tags = [_END.sub("", tag).strip() for tag in _SPDX.findall(head)]
        known = [licence for licence in (spdx(tag) or named(tag) for tag in tags) if licence]
        if known:
            return both(known)
    return notice_in(words_of(head))


def is_licence_file(path: str) -> bool:
    """Whether the name is one under which licence texts lie: LICENSE, COPYING.LESSER, LICENSE-MIT, LICENSES/MIT.txt."""
    parts = path.rsplit("/", 2)
    name = parts[-1]
    if _NO_TEXT.search(name) or is_metadata_file(path):
        return False
    if _LICENCE.fullmatch(name):
        return True
    return len(parts) > 1 and parts[-2].lower() in ("licenses", "licences") and name.lower().endswith((".txt", ".md"))
