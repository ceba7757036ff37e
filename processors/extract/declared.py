"""What a page says of itself: title, author, date, language, licence, URL, and what it asks of robots.

Nothing here raises: a declaration that cannot be read is taken as it stands or left out.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from processors.extract.nodes import Nodes
from processors.extract.tags import TAGS, mask
from processors.extract.values import iso_date, licence_of_url
from processors.normalize import normalize

_LONGEST = 1024


def declared(nodes: Nodes) -> dict[str, str | None]:
    """The fields of `Page` that a page declares, as text without line breaks; None for what it does not say."""
    places = _places(nodes)
    metas, links, data = (
        _metas(nodes, places["meta"]),
        _links(nodes, places["link"]),
        _linked_data(nodes, places["script"]),
    )
    roots = [nodes.attributes_of(i) for i in (0, *places["body"][:1]) if i < len(nodes)]
    languages = [root.get(b"lang") or root.get(b"xml:lang") or b"" for root in roots]
    stated: dict[str, Iterator[str]] = {
        "title": chain(_titles(nodes, places["title"]), metas["og:title"], metas["twitter:title"], metas["dc.title"],
                       map(nodes.text, places["h1"][:1])),
        "author": chain(*(metas[name] for name in _AUTHOR), _names(data, "author")),
        "language": chain(map(_text, languages), metas["content-language"], metas["dc.language"]),
        "canonical": chain(links["canonical"], metas["og:url"]),
    }  # fmt: skip
    found = {name: next((text for value in values if (text := _tidy(value))), None) for name, values in stated.items()}
    dates = [*chain(*(metas[name] for name in _DATE)), *_strings(data, "datePublished"), *_times(nodes, places["time"])]
    found["date"] = next((date for value in dates if (date := iso_date(value))), None) or _tidy(next(iter(dates), None))
    found["licence"] = _licence(links["license"], metas, data)
    found["robots"] = _robots(metas)
    return found


def _licence(urls: list[str], metas: defaultdict[str, list[str]], data: list[Any]) -> str | None:
    stated = [*urls, *(m for name in _LICENCE for m in metas[name]), *_strings(data, "license")]
    known = [spdx for value in stated if (spdx := licence_of_url(value))]
    if known:
        return Counter(known).most_common(1)[0][0]
    return next((text for value in stated if (text := _tidy(value))), None)


def _robots(metas: defaultdict[str, list[str]]) -> str | None:
    tokens: set[str] = set()
    for name in _ROBOTS:
        for value in metas[name]:
            tokens.update(token.strip() for token in value.lower()[:_LONGEST].split(",") if token.strip())
    tokens.update(f"tdm-reservation: {value.strip()}" for value in metas["tdm-reservation"])
    return _tidy(", ".join(sorted(tokens)))


def _places(nodes: Nodes) -> dict[str, list[int]]:
    """Where the elements stand that declare something, at most a thousand of each."""
    found: dict[str, list[int]] = {name: [] for name in _ELEMENTS}
    for i in np.flatnonzero(_DECLARES[nodes.tag]).tolist():
        found[TAGS[nodes.tag[i]]].append(i)
    return {name: places[:1000] for name, places in found.items()}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _titles(nodes: Nodes, places: list[int]) -> Iterator[str]:
    """The page's title; a <title> further in belongs to a picture."""
    return (nodes.text(i) for i in places if nodes.depth[i] <= 2)


def _metas(nodes: Nodes, places: list[int]) -> defaultdict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for i in places:
        stated = nodes.attributes_of(i)
        if content := stated.get(b"content"):
            for key in _META_KEYS & stated.keys():
                found[_text(stated[key]).strip().lower()].append(_text(content))
    return found


def _links(nodes: Nodes, places: list[int]) -> defaultdict[str, list[str]]:
    """The addresses of <link> and, for the licence, <a> by their `rel`."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for i in places:
        stated = nodes.attributes_of(i) if _LINK.search(nodes.source, nodes.start[i], nodes.stop[i]) else {}
        for rel in set(stated.get(b"rel", b"").lower().split()):
            found[_text(rel)].append(_text(stated.get(b"href", b"")))
    if b"license" in nodes.source or b"creativecommons.org/" in nodes.source:
        found["license"] += _anchors(nodes)
    return found


def _anchors(nodes: Nodes) -> list[str]:
    """Where links with rel=license lead; without any, the one deed of Creative Commons that all links to deeds name."""
    rels, hrefs = nodes.attributes(b"rel", b"href")
    source = nodes.source
    stated = [
        hrefs[i]
        for i in (rels[:, 0] >= 0).nonzero()[0].tolist()
        if TAGS[nodes.tag[i]] == "a" and b"license" in source[rels[i, 0] : rels[i, 1]].lower().split()
    ]
    urls = [source[start:stop].decode("utf-8", "replace") for start, stop in stated if start >= 0]
    if urls or b"creativecommons.org/" not in source:
        return urls
    urls = [source[start:stop].decode("utf-8", "replace") for start, stop in hrefs.tolist() if start >= 0]
    deeds = {licence_of_url(url): url for url in urls if licence_of_url(url)}
    return list(deeds.values()) if len(deeds) == 1 else []


def _times(nodes: Nodes, places: list[int]) -> Iterator[str]:
    for i in places[:50]:
        stated = nodes.attributes_of(i)
        if value := stated.get(b"datetime") or stated.get(b"content"):
            yield _text(value)


def _linked_data(nodes: Nodes, places: list[int]) -> list[Any]:
    """The objects of the page's JSON-LD, those within `@graph` too."""
    if b"ld+json" not in nodes.source:
        return []
    found: list[Any] = []
    for i in places:
        if b"ld+json" not in nodes.attributes_of(i).get(b"type", b""):
            continue
        data = nodes.source[nodes.start[i + 1] : nodes.stop[i + 1]] if nodes.end[i] > i + 1 else b""
        try:
            value = json.loads(data[: 2**20].decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError):  # not JSON: it says nothing
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                graph = item.get("@graph")
                found += [item, *(graph if isinstance(graph, list) else [])]
    return [item for item in found[:1000] if isinstance(item, dict)]


def _strings(data: list[Any], key: str) -> list[str]:
    values = [item.get(key) for item in data]
    values = [value.get("@id") or value.get("url") if isinstance(value, dict) else value for value in values]
    return [value for value in values if isinstance(value, str)]


def _names(data: list[Any], key: str) -> list[str]:
    found = []
    for item in data:
        people = item.get(key)
        for person in people if isinstance(people, list) else [people]:
            name = person.get("name") if isinstance(person, dict) else person
            if isinstance(name, str):
                found.append(name)
    return found


def _tidy(value: str | None) -> str | None:
    return " ".join(normalize(value[: 4 * _LONGEST]).split())[:_LONGEST].strip() or None if value else None


_AUTHOR = ("author", "article:author", "dc.creator", "dcterms.creator", "citation_author", "sailthru.author", "byl")
_DATE = (
    "article:published_time", "og:article:published_time", "datepublished", "citation_publication_date", "dc.date",
    "dc.date.issued", "dcterms.issued", "dcterms.created", "dcterms.date", "sailthru.date", "parsely-pub-date",
    "pubdate", "publishdate", "publish-date", "date",
)  # fmt: skip
_LICENCE = ("dc.rights", "dcterms.license", "dcterms.rights", "license", "licence", "copyright")
_ROBOTS = ("robots", "googlebot", "bingbot", "ccbot", "gptbot", "google-extended", "anthropic-ai", "claudebot")
_META_KEYS = {b"name", b"property", b"itemprop", b"http-equiv"}
_LINK = re.compile(rb"canonical|license", re.IGNORECASE)
_ELEMENTS = ("title", "meta", "link", "script", "body", "h1", "time")
_DECLARES = mask(" ".join(_ELEMENTS))

__all__ = ["declared", "iso_date", "licence_of_url"]
