"""What kind of site a page is on, by lists of hosts and URLs: adult, phishing, gambling, …

A folder is read that is laid out as the UT1 list of the University of Toulouse (CC BY-SA 4.0): a folder for each
category, in it the files `domains` (one host a line: it and all hosts below it) and `urls` (host and path without a
scheme: that page and all below it); either may be missing, what else lies there is passed over.

`drop` defaults to the ten categories of RefinedWeb (2306.01116 appendix G.1). A host of the list `allow` is in no
category, unless a category lists a longer name below it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from corpus.errors import InputError, RecipeError
from processors.filters.digest import digest
from processors.filters.lists import BETWEEN, Hashed, Names, by_value, covering, entries, hosts, some
from processors.filters.measure import Measures
from processors.filters.rule import Rule
from processors.urls import host_of, normalized

REFINEDWEB = (
    "adult", "phishing", "dating", "gambling", "filehosting", "ddos", "agressif", "chat", "mixed_adult", "arjel",
)  # fmt: skip


@dataclass(frozen=True)
class UrlCategory:
    """Scores: `categories`, the names of all that list the document's URL, ", " between; "" for none, null without one.

    Attributes:
        folder: a folder of categories.
        allow: a list of hosts that belong to none; none by default.
        drop: the categories that drop a document, a rule for each.
    """

    name: ClassVar[str] = "url_category"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("ada-url",)
    columns: ClassVar[tuple[str, ...]] = ("url",)
    paths: ClassVar[tuple[str, ...]] = ("folder", "allow")

    folder: str = ""
    allow: str = ""
    drop: tuple[str, ...] = REFINEDWEB

    def number_settings(self) -> dict[str, object]:
        """The lists, by their SHA-256."""
        if not self.folder:
            raise RecipeError("url_category: `folder` is not given; name a folder of categories, laid out as UT1's")
        return {"folder": digest(self.folder), "allow": digest(self.allow) if self.allow else ""}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The categories of each URL."""
        if not len(batch):  # asked only for names and types
            return {"categories": pa.nulls(0, pa.string())}
        lists = _lists(self.folder, self.allow, str(self.number_settings()))
        return {"categories": by_value(batch.column("url"), lists.of, pa.string())}

    def rules(self) -> tuple[Rule, ...]:
        """One for each category that drops."""
        return tuple(Names(category, "categories", names=(category,)) for category in self.drop)


@dataclass(frozen=True)
class Lists:
    """By category its hosts and its URLs, and the hosts that belong to none."""

    categories: dict[str, tuple[Hashed, Hashed]]
    allowed: Hashed

    def of(self, url: str) -> str:
        """The categories of a URL, sorted."""
        host = host_of(url)
        free = len(covering(host, self.allowed))
        pages = list(_pages(host, url))
        found = [
            name
            for name, (listed, urls) in self.categories.items()
            if any(page in urls for page in pages) or len(covering(host, listed)) > free
        ]
        return BETWEEN.join(sorted(found))


def _pages(host: str, url: str) -> Iterator[str]:
    """host/path, whole and cut at each slash and before the query, as they stand and without `www.`."""
    if not host:
        return
    rest = normalized(url).partition("://")[2].partition("/")[2]
    path, mark, _ = rest.partition("?")
    cuts = [path[:at] for at in range(len(path) + 1) if at and (at == len(path) or path[at] == "/")]
    for place in (host, host.removeprefix("www."))[: 1 + host.startswith("www.")]:
        yield from (f"{place}/{rest}".rstrip("/"),) if mark else ()
        yield from (f"{place}/{cut}".rstrip("/") for cut in cuts)


@lru_cache(maxsize=2)
def _lists(folder: str, allow: str, digests: str) -> Lists:
    found = {}
    for category in sorted(Path(folder).iterdir()) if Path(folder).is_dir() else []:
        domains, urls = category / "domains", category / "urls"
        if domains.is_file() or urls.is_file():
            listed = hosts(domains, strict=False) if domains.is_file() else Hashed(())
            pages = Hashed(_page(entry) for _, entry in entries(urls)) if urls.is_file() else Hashed(())
            found[category.name] = (listed, pages)
    if not any(len(listed) or len(pages) for listed, pages in found.values()):
        raise InputError(f"{folder}: no category is in it; it must hold folders with a file `domains` or `urls` each")
    return Lists(found, some(hosts(allow), allow) if allow else Hashed(()))


def _page(entry: str) -> str:
    """An entry of `urls` in the form of `_pages`."""
    url = normalized(entry if "://" in entry else f"http://{entry}")
    return url.partition("://")[2].rstrip("/")
