"""Who asked not to be in a corpus: lists of hosts, repositories and authors, by path.

    [[chain.code]]
    name = "opt_out"
    hosts = "lists/hosts.txt"                # example.org: this host and all below it; the page's own or its canonical
    repositories = "lists/repositories.txt"  # as The Stack's opt-outs: owner/name
    authors = "lists/authors.txt"            # a name or an e-mail address

A line holds one entry; `#` begins a comment. Repositories, in either case of letters:

    owner/name              of that name on whatever host (the commit or version of a document counts nowhere)
    github.com/owner/name   there, and where a document does not say on which host its repository lies
    owner/  or  owner/*     all of an owner's
    name                    a package of that name without an owner, as PyPI's and npm's archives are
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import RecipeError
from processors.filters.characters import UNICODE
from processors.filters.digest import digest
from processors.filters.lists import Hashed, Listed, by_value, covering, entries, hosts, some
from processors.filters.measure import Measures
from processors.filters.rule import Rule
from processors.urls import host_of

_LISTS = ("hosts", "repositories", "authors")
_SCORES = ("host", "repository", "author")


@dataclass(frozen=True)
class OptOut:
    """Scores: `host`, `repository`, `author`, the entry that takes the document in; "" for none, null without a value.

    Attributes:
        hosts: a list; one of the three must be given.
        repositories: a list.
        authors: a list.
    """

    name: ClassVar[str] = "opt_out"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("ada-url",)
    columns: ClassVar[tuple[str, ...]] = ("author", "canonical", "repository", "url")
    paths: ClassVar[tuple[str, ...]] = _LISTS

    hosts: str = ""
    repositories: str = ""
    authors: str = ""

    def number_settings(self) -> dict[str, object]:
        """The lists, by their SHA-256. Raises RecipeError where there is none."""
        given = {name: getattr(self, name) for name in _LISTS if getattr(self, name)}
        if not given:
            raise RecipeError("opt_out: none of `hosts`, `repositories` and `authors` is given; name a list")
        return {"unicode": UNICODE, **{name: digest(path) for name, path in given.items()}}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """What of the lists each document falls under; a column is null where its list is not given."""
        if not len(batch):  # asked only for names and types
            return {name: pa.nulls(0, pa.string()) for name in _SCORES}
        sums, nothing = self.number_settings(), pa.nulls(len(batch), pa.string())
        host = repository = author = nothing
        if self.hosts:
            listed = _hosts(self.hosts, str(sums["hosts"]))
            own, named = (
                by_value(batch.column(column), lambda url: covering(host_of(url), listed), pa.string())
                for column in ("url", "canonical")
            )
            host = pc.if_else(pc.fill_null(pc.not_equal(own, ""), False), own, pc.coalesce(named, own))
        if self.repositories:
            repositories = _repositories(self.repositories, str(sums["repositories"]))
            repository = by_value(batch.column("repository"), repositories.entry, pa.string())
        if self.authors:
            authors = _authors(self.authors, str(sums["authors"]))
            author = by_value(batch.column("author"), lambda stated: _listed(stated, authors), pa.string())
        return {"host": host, "repository": repository, "author": author}

    def rules(self) -> tuple[Rule, ...]:
        """One for each kind of list."""
        return tuple(Listed(name, name) for name in _SCORES)


@dataclass(frozen=True)
class Repositories:
    """Listed repositories, as they stand and without their hosts."""

    whole: Hashed
    bare: Hashed

    def entry(self, repository: str) -> str:
        """The entry under which a document's repository falls, or ""."""
        host, path = _placed(repository)
        owners = [path[: at + 1] for at in range(len(path)) if path[at] == "/"]
        wanted = [path, *owners]
        if not host:
            return next((each for each in wanted if each in self.bare), "")
        placed = [f"{host}/{each}" for each in wanted]
        return next((each for each in (*placed, *wanted) if each in self.whole), "")


def _placed(repository: str) -> tuple[str, str]:
    """Host ("" where it is not said) and path, without commit, version and spelling: `git@host:owner/name.git@1.2`."""
    text = re.sub(r"^(?:[a-z][a-z0-9+.-]*://)?(?:[^@/:]*@(?=[^/:]*\.[^/:]*[:/]))?", "", repository.strip().lower())
    text = re.sub(r"^([^/:]*\.[^/:]*):(?:\d+/)?", r"\1/", text)  # host:owner/name, host:port/owner/name
    head, at, _ = text.rpartition("@")
    text = head if at and head else text
    owner_only = text.endswith(("/", "/*"))
    text = text.rstrip("*").strip("/").removesuffix(".git")
    host, slash, path = text.partition("/")
    if not (slash and "." in host):
        host, path = "", text
    return host.removeprefix("www."), path + "/" * owner_only


@lru_cache(maxsize=4)
def _hosts(path: str, digest: str) -> Hashed:
    return some(hosts(path), path)


@lru_cache(maxsize=4)
def _repositories(path: str, digest: str) -> Repositories:
    found = [_placed(entry) for _, entry in entries(path)]
    whole = Hashed(f"{host}/{name}" if host else name for host, name in found)
    return Repositories(some(whole, path), Hashed(name for _, name in found))


@lru_cache(maxsize=4)
def _authors(path: str, digest: str) -> Hashed:
    return some(Hashed(_plain(entry) for _, entry in entries(path)), path)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _listed(stated: str, authors: Hashed) -> str:
    return next((each for each in _spellings(stated) if each in authors), "")


def _spellings(authors: str) -> Iterator[str]:
    """The whole field, each of several authors with `;` between, and of `Name <address>` both alone."""
    yield _plain(authors)
    for each in authors.split(";"):
        yield _plain(each)
        name, bracket, address = each.partition("<")
        if bracket:
            yield from (_plain(name), _plain(address.partition(">")[0]))
