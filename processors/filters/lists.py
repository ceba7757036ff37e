"""Lists that a filter is given: a file with one entry a line goes in, entries or their hashes come out.

Blank lines are passed over, and so is what follows a `#` at the beginning of a line or after a blank. A list of
millions is held as sorted 64-bit hashes: 8 bytes an entry; a string meets another's hash once in 2^64 comparisons.
"""

import logging
import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from corpus.errors import InputError
from processors.filters.rule import Rule
from processors.urls import host_of

log = logging.getLogger(__name__)

BETWEEN = ", "  # between the names in a score that holds several

_COMMENT = re.compile(r"(?:^|\s)#.*")
_NO_HOST = re.compile(r"[/@?#\s]").search
_PLAIN_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z]+")  # what the URL parser would give back as it is


@dataclass(frozen=True)
class Names(Rule):
    """Fires where one of the names in the score, ", " between them, is among `names`."""

    names: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """When it fires, for people."""
        return f"`{self.score}` names {' or '.join(f'`{name}`' for name in self.names)}"

    def fires(self, scores: pa.Array) -> pa.Array:
        """Which rows it drops; a null score never falls."""
        wanted = set(self.names)
        return pc.fill_null(
            by_value(scores, lambda found: not wanted.isdisjoint(found.split(BETWEEN)), pa.bool_()), False
        )

    def settings(self) -> dict[str, object]:
        """The rule as data for JSON."""
        return {**super().settings(), "names": list(self.names)}


@dataclass(frozen=True)
class Listed(Rule):
    """Fires where the score is an entry of a list; neither where it is "", for none, nor where it is null."""

    @property
    def told(self) -> str:
        """When it fires, for people."""
        return f"`{self.score}` is an entry of the list"

    def fires(self, scores: pa.Array) -> pa.Array:
        """Which rows it drops."""
        return pc.fill_null(pc.not_equal(scores.cast(pa.string()), ""), False)


def by_value(column: pa.Array, judged: Callable[[str], Any], kind: pa.DataType) -> pa.Array:
    """What `judged` says of each string, asked once for each different one; null where the column is null."""
    coded = column.cast(pa.string()).dictionary_encode()
    return pa.array([judged(value) for value in coded.dictionary.to_pylist()], kind).take(coded.indices)


def entries(path: str | Path) -> Iterator[tuple[int, str]]:
    """The number of each line that holds an entry, and the entry. Raises InputError where the list cannot be read."""
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if entry := (_COMMENT.sub("", line) if "#" in line else line).strip():
                    yield number, entry
    except OSError as error:
        raise InputError(f"{path}: this list cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: this list is not UTF-8 text (byte {error.start} of a line); convert it") from error


class Hashed:
    """A set of strings, by their hashes: `"x" in hashed`."""

    def __init__(self, strings: Iterable[str]) -> None:
        self._hashes = array("Q", (xxhash.xxh3_64_intdigest(each.encode()) for each in strings))
        np.frombuffer(self._hashes, np.uint64).sort()  # in place

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, string: str) -> bool:
        wanted = xxhash.xxh3_64_intdigest(string.encode())
        at = bisect_left(self._hashes, wanted)
        return at < len(self._hashes) and self._hashes[at] == wanted


def hosts(path: str | Path, strict: bool = True) -> Hashed:
    """The hosts of a list; `*.example.org` and `.example.org` mean example.org.

    Raises InputError for a line that is no host; where not `strict`, as for a list that others keep, such lines are
    counted in a warning and match nothing.
    """
    junk: list[str] = []
    found = Hashed(_hosts(path, None if strict else junk))
    if junk:
        log.warning("%s: %d lines are no host and match nothing, the first: %s", path, len(junk), junk[0])
    return found


def _hosts(path: str | Path, junk: list[str] | None) -> Iterator[str]:
    for number, entry in entries(path):
        plain = entry.lower().removeprefix("*").strip(".")
        host = plain if _PLAIN_HOST.fullmatch(plain) else "" if _NO_HOST(plain) else host_of(f"http://{plain}/")
        if host:
            yield host
        elif junk is None:
            raise InputError(
                f"{path}:{number}: `{entry[:80]}` is not a host; the list has one host a line, like example.org"
            )
        else:
            junk.append(f"{number}: {entry[:80]}")


def covering(host: str, listed: Hashed) -> str:
    """The longest of the host and its parent domains that is listed; empty where none is."""
    while host and host not in listed:
        host = host.partition(".")[2]
    return host


def some(hashed: Hashed, path: str | Path) -> Hashed:
    """The same set. Raises InputError where it is empty: a list without an entry would let everything pass unsaid."""
    if not len(hashed):
        raise InputError(f"{path}: this list has no entry; fill it, or take the setting that names it out")
    return hashed
