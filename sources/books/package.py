"""An EPUB's package document, its navigation and its guide: what the book is, its pages in order, their titles.

Read after EPUB 3.3 (W3C, https://www.w3.org/TR/epub-33/) and OPF 2.0.1 (IDPF): `META-INF/container.xml` names the
package document, whose manifest names the files and whose spine orders them. XML that declares entities is refused.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.etree import ElementTree

from sources.dates import iso_date
from sources.outcome import UnreadError

XML_BYTES = 8 * 2**20
Read = Callable[[str, int], bytes]  # a member's bytes, at most so many; raises UnreadError

_PAGES = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml")
_NCX = "application/x-dtbncx+xml"
_DC = "{http://purl.org/dc/elements/1.1/}"
_OPF = "{http://www.idpf.org/2007/opf}"
_EPUB = "{http://www.idpf.org/2007/ops}"
_TITLE_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Part:
    """A page of the spine: its path in the zip, its title in the table of contents, what the package calls it."""

    href: str
    title: str | None = None
    roles: frozenset[str] = frozenset()  # nav, cover, toc, copyright-page, ...


@dataclass(frozen=True, slots=True)
class Package:
    """What the package document says. `odd` lists references of the spine that lead nowhere: (href or id, reason)."""

    parts: list[Part]
    odd: list[tuple[str, str]]
    title: str | None = None
    author: str | None = None
    date: str | None = None
    language: str | None = None
    licence: str | None = None
    identifier: str | None = None
    problems: list[str] = field(default_factory=list)


def read_package(read: Read) -> Package:
    """The package of an EPUB whose members `read` gives. Raises UnreadError where it has none that can be read."""
    path = _package_path(read)
    try:
        root = parse_xml(read(path, XML_BYTES), "bad_opf")
    except UnreadError as unread:
        raise UnreadError("no_opf" if unread.reason == "missing" else unread.reason, unread.detail) from unread
    folder = posixpath.dirname(path)
    manifest = {e.get("id"): e for e in root.iter() if _local(e) == "item"}
    roles, titles, problems = _told(root, manifest, folder, read)
    parts: dict[str, Part] = {}
    apart: dict[str, Part] = {}  # out of the reading order: they come last
    odd: list[tuple[str, str]] = []
    for reference in (e for e in root.iter() if _local(e) == "itemref"):
        item = manifest.get(reference.get("idref"))
        if item is None:
            odd.append((reference.get("idref", "")[:200], "unknown_id"))
            continue
        href = resolve(folder, item.get("href", ""))
        if href is None:
            odd.append((item.get("href", "")[:200], "path_escape"))
        elif item.get("media-type", "").lower() not in _PAGES:
            odd.append((href[:200], "not_a_page"))
        elif href not in parts and href not in apart:
            place = apart if reference.get("linear", "").strip() == "no" else parts
            place[href] = Part(href, titles.get(href), frozenset(roles.get(href, ())))
    stated = _Stated(root)
    return Package(
        [*parts.values(), *apart.values()], odd, stated.title(), stated.author(), stated.date(),
        stated.first("language"), stated.licence(), stated.first("identifier"), problems,
    )  # fmt: skip


def parse_xml(data: bytes, reason: str) -> ElementTree.Element:
    """The root of an XML file. Raises UnreadError: `entity_declaration`, or `reason` where it is not well-formed."""
    if re.search(rb"<!\s*ENTITY|<\0!\0E\0N|\0<\0!\0E\0N", data):
        raise UnreadError("entity_declaration", "the XML declares entities, which are not expanded")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise UnreadError(reason, f"{error}") from error


def resolve(folder: str, href: str) -> str | None:
    """The path in the zip that a reference means, without its fragment; None where it leads out of it."""
    path = posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))
    return None if path.startswith(("../", "/")) or path == ".." or ":" in path.partition("/")[0] else path


def _package_path(read: Read) -> str:
    try:
        container = parse_xml(read("META-INF/container.xml", XML_BYTES), "bad_container")
    except UnreadError as unread:
        raise UnreadError("no_container" if unread.reason == "missing" else unread.reason, unread.detail) from unread
    paths = [e.get("full-path") for e in container.iter() if _local(e) == "rootfile" and e.get("full-path")]
    if not paths or paths[0] is None:
        raise UnreadError("no_container", "container.xml names no package document")
    return paths[0]


def _told(
    root: ElementTree.Element, manifest: dict[str | None, ElementTree.Element], folder: str, read: Read
) -> tuple[dict[str, set[str]], dict[str, str], list[str]]:
    """By href the roles that manifest, guide and landmarks give, and the navigation's titles; what is wrong with it."""
    roles: dict[str, set[str]] = {}
    for item in manifest.values():
        href = resolve(folder, item.get("href", ""))
        if href and "nav" in item.get("properties", "").split():
            roles.setdefault(href, set()).add("nav")
    for reference in (e for e in root.iter() if _local(e) == "reference"):
        href = resolve(folder, reference.get("href", ""))
        if href and "#" not in reference.get("href", ""):
            roles.setdefault(href, set()).add(reference.get("type", "").lower())
    titles: dict[str, str] = {}
    problems: list[str] = []
    for item in manifest.values():
        is_nav = "nav" in item.get("properties", "").split()
        if not is_nav and item.get("media-type", "").lower() != _NCX:
            continue
        href = resolve(folder, item.get("href", "")) or ""
        try:
            tree = parse_xml(read(href, XML_BYTES), "bad_navigation")
        except UnreadError as unread:
            problems.append(f"{unread.reason}: {href[:200]}")
            continue
        for kind, target, label in _landmarks(tree) if is_nav else _points(tree):
            page = resolve(posixpath.dirname(href), target)
            if page and kind == "toc" and label:
                titles.setdefault(page, label[:_TITLE_CHARACTERS])
            elif page and kind and "#" not in target:
                roles.setdefault(page, set()).add(kind)
    return roles, titles, problems


def _landmarks(nav: ElementTree.Element) -> Iterator[tuple[str, str, str]]:
    """("toc", target, label) of the table of contents and (role, target, label) of the landmarks in an EPUB 3's nav."""
    for element in (e for e in nav.iter() if _local(e) == "nav"):
        types = element.get(_EPUB + "type", "").split()
        for link in (e for e in element.iter() if _local(e) == "a"):
            if "toc" in types:
                yield "toc", link.get("href", ""), _text(link)
            elif "landmarks" in types:
                roles = [role for role in link.get(_EPUB + "type", "").split() if role != "toc"]
                yield (roles[0] if roles else ""), link.get("href", ""), _text(link)


def _points(ncx: ElementTree.Element) -> Iterator[tuple[str, str, str]]:
    for point in (e for e in ncx.iter() if _local(e) == "navPoint"):
        label = next((_text(e) for e in point if _local(e) == "navLabel"), "")
        target = next((e.get("src", "") for e in point if _local(e) == "content"), "")
        yield "toc", target, label


class _Stated:
    """The metadata of a package document."""

    def __init__(self, root: ElementTree.Element) -> None:
        self._root = root
        self._refined: dict[tuple[str, str], str] = {}  # (id, property) -> value
        for meta in (e for e in root.iter() if _local(e) == "meta" and e.get("refines")):
            self._refined[meta.get("refines", "").lstrip("#"), meta.get("property", "")] = _text(meta)

    def first(self, key: str) -> str | None:
        return next((text for element in self._root.iter(_DC + key) if (text := _text(element)[:1000])), None)

    def title(self) -> str | None:
        titles = [e for e in self._root.iter(_DC + "title") if _text(e)]
        main = [e for e in titles if self._refined.get((e.get("id", ""), "title-type")) == "main"]
        return _text((main or titles)[0])[:1000] if titles else None

    def author(self) -> str | None:
        creators = [e for e in self._root.iter(_DC + "creator") if _text(e)]
        authors = [e for e in creators if self._role(e) in ("aut", "")] or creators
        return "; ".join(dict.fromkeys(_text(e)[:1000] for e in authors)) or None

    def _role(self, creator: ElementTree.Element) -> str:
        role = (
            creator.get(_OPF + "role") or creator.get("role") or self._refined.get((creator.get("id", ""), "role"), "")
        )
        return role.strip().lower()

    def date(self) -> str | None:
        """Of publication; of creation where none is; dates of later changes are none of the book."""
        dates: dict[str, str] = {}
        for element in self._root.iter(_DC + "date"):
            event = (element.get(_OPF + "event") or element.get("event") or "").lower()
            if text := _text(element)[:100]:
                dates.setdefault(event, text)
        for event in ("original-publication", "publication", "", "issued", "creation"):
            if event in dates:
                return iso_date(dates[event]) or dates[event]
        return None

    def licence(self) -> str | None:
        """A link to a licence, which is exact, before the words on rights."""
        for link in (e for e in self._root.iter() if _local(e) in ("link", "meta")):
            name = (link.get("rel") or link.get("property") or "").lower()
            if name in ("cc:license", "dcterms:license", "license", "schema:license"):
                return (link.get("href") or _text(link))[:1000] or None
        return self.first("rights")


def _text(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
