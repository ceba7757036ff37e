"""What HTTP header fields say of a page: who may use it, what its own URL and its licence are."""

import re
from collections.abc import Sequence
from urllib.parse import urljoin

_MOST = 16  # fields of a name that are read
_VALUED = ("max-snippet", "max-image-preview", "max-video-preview", "unavailable_after")
_LINK = re.compile(r"<([^<>]{0,4096})>((?:[^,<\"]|\"[^\"]{0,4096}\"){0,4096})")
_REL = re.compile(r";\s{0,8}rel\s{0,8}=\s{0,8}(?:\"([^\"]{0,256})\"|([\w:./-]{1,256}))", re.IGNORECASE)


def robots(values: Sequence[str], page: str | None = None) -> str | None:
    """What `X-Robots-Tag` fields and the `page` itself ask for: lower case, sorted, ", " between; None for nothing.

    A rule for one crawler keeps its name before it, as in `gptbot: noindex`
    (https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag).
    """
    rules = set(page.split(", ")) if page else set()
    for value in values[:_MOST]:
        crawler = ""
        for part in value[:4096].lower().split(","):
            name, colon, rule = (piece.strip() for piece in part.partition(":"))
            if colon and name not in _VALUED:
                crawler, name = name + ": ", rule
            elif colon:
                name = f"{name}:{rule}"
            if name:
                rules.add(crawler + " ".join(name.split()))
    return ", ".join(sorted(rules)) or None


def links(values: Sequence[str]) -> dict[str, str]:
    """The first target of each relation that `Link` fields (RFC 8288) state, relations in lower case."""
    found: dict[str, str] = {}
    for value in values[:_MOST]:
        for target, parameters in _LINK.findall(value[:16384]):
            if rel := _REL.search(parameters):
                for relation in (rel[1] or rel[2]).lower().split():
                    found.setdefault(relation, target.strip())
    return found


def absolute(target: str | None, base: str | None) -> str | None:
    """A URL as seen from `base`; None for none and for one that cannot be read."""
    if not target:
        return None
    try:
        return urljoin(base, target) if base else target
    except ValueError:
        return None
