"""What must be known of a whole repository before its first file can be told: its name, its licences, its order.

In: the path and text of each of its files, one after another. Out: a `Survey` that answers for any path under which
licence it stands (the nearest statement wins: the file's own header, a licence file or package metadata in its folder,
then in the folder above, up to the root), what the repository is called, and the file's place in an order in which
what is needed comes first.
"""

import json
import posixpath
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field

from processors.code.licence import is_licence_file, is_metadata_file, licence_of_metadata, licence_of_text
from processors.imports import dependency_order, imports_of

MAX_ORDERED = 2**26  # bytes of memory for paths and what they need, beyond which no order is looked for
_CACHED = 20_000  # folders whose nearest licence is kept
UNKNOWN = "LicenseRef-unknown"  # a licence that nobody has named yet; SPDX allows any name after LicenseRef-
_ABOVE = ("debian", "meta-inf")  # folders that speak for the one that holds them; so do *.egg-info and *.dist-info
_PLAIN = re.compile(r"(?:un)?licen[cs]e|copying", re.IGNORECASE)
_DOCUMENTATION = re.compile(r"(?:^|/)(?:docs?|documentation|man)/[^/]*$", re.IGNORECASE)
_VERSION = re.compile(r"(.+?)-(v?\d[\w.+~-]*|[0-9a-f]{40})")
_COMMIT = re.compile("[0-9a-f]{40}")
_FIELD = re.compile(r"^(Name|Version): *(\S.*?)\s*$", re.MULTILINE)


@dataclass
class Folder:
    """What the files of one folder say about licences: (path, SPDX expression or None) of each that says something."""

    texts: list[tuple[str, str | None]] = field(default_factory=list)
    metadata: list[tuple[str, str]] = field(default_factory=list)

    def licence(self) -> tuple[str, str] | None:
        """The folder's licence and the file that says so.

        A licence file goes before metadata, but where there are several that differ, metadata says how they belong
        together; without it all of them hold. A licence that nobody recognises still stands in the way of what the
        folders above say; a file that is only called after licences does not, nor does a page of documentation.
        """
        own = [(path, spdx) for path, spdx in self.texts if _PLAIN.match(posixpath.basename(path))]
        known = _known(own) or _known(self.texts)
        if len({spdx for _, spdx in known}) == 1:
            return known[0][1], known[0][0]
        if self.metadata:
            path, spdx = min(self.metadata)
            return spdx, path
        if known:
            return all_of(spdx for _, spdx in known), known[0][0]
        unknown = [path for path, _ in own if not _DOCUMENTATION.search(path)]
        return (UNKNOWN, min(unknown)) if unknown else None


def _known(texts: list[tuple[str, str | None]]) -> list[tuple[str, str]]:
    return sorted((path, spdx) for path, spdx in texts if spdx)


class Survey:
    """One repository, looked at file by file (`look`), then asked (after `close`)."""

    def __init__(self, name: str, given: str = "") -> None:
        """`name` is the container's, `given` the repository's own where the container knows it."""
        self._name, self._given = name, given
        self._folders: dict[str, Folder] = {}
        self._nearest: dict[str, tuple[str, str] | None] = {}
        self._named: dict[str, tuple[int, str]] = {}  # by folder: rank and name@version in its package metadata
        self._needs: dict[str, tuple[str, ...]] = {}
        self._size = 0
        self._order: dict[str, int] = {}
        self._tops: set[str] = set()
        self.root = ""  # the one folder in which all lies, with its slash
        self.commit = ""  # where the container says of which commit it is an image
        self.repository = given

    @staticmethod
    def of_nothing() -> "Survey":
        """What is known of a file that belongs to no repository: nothing."""
        survey = Survey("")
        survey.close()
        return survey

    def look(self, path: str, text: str | None) -> None:
        """Take in one file; text is None for what is no text."""
        top, slash, _ = path.partition("/")
        if len(self._tops) < 2:
            self._tops.add(top + slash)
        if text is None:
            return
        if self._size <= MAX_ORDERED:
            needs = imports_of(path, text)
            self._size += 200 + len(path) + sum(60 + len(name) for name in needs)
            self._needs[path] = needs
        else:
            self._needs.clear()
        folder = path.rpartition("/")[0]
        if is_licence_file(path):
            if text.strip():
                self._folders.setdefault(_speaks_for(folder), Folder()).texts.append((path, licence_of_text(text)))
        elif is_metadata_file(path):
            if spdx := licence_of_metadata(path, text):
                self._folders.setdefault(_speaks_for(folder), Folder()).metadata.append((path, spdx))
            if path.count("/") <= 1 and (named := package_of(path, text)):
                whole = _speaks_for(folder)  # a wheel's metadata lies in a folder of its own
                self._named[whole] = min(self._named.get(whole, named), named)

    def close(self) -> None:
        """All files were looked at."""
        top = next(iter(self._tops)) if len(self._tops) == 1 else ""
        self.root = top if top.endswith("/") else ""
        named = self._named.get(self.root.rstrip("/"))
        own = named[1] if named else _with_version(self.root.rstrip("/") or self._name)
        self.repository = self._given or own
        if _COMMIT.fullmatch(self.commit) and "@" not in self.repository[1:]:
            self.repository += f"@{self.commit}"
        if self._size <= MAX_ORDERED:
            cut = len(self.root)
            ordered = dependency_order({path[cut:]: needs for path, needs in self._needs.items()})
            self._order = {self.root + path: place for place, path in enumerate(ordered)}
        self._needs.clear()

    def order(self, path: str) -> int | None:
        """The file's place in the repository's order, from 0."""
        return self._order.get(path)

    def licence(self, path: str) -> tuple[str, str] | None:
        """SPDX expression and the path of the file that states it, of the nearest folder that states one."""
        folder = above = path.rpartition("/")[0]
        if folder not in self._nearest:
            found = self._stated(above)
            while above and not found:
                above = above.rpartition("/")[0]
                found = self._stated(above)
            if len(self._nearest) >= _CACHED:
                self._nearest.clear()
            self._nearest[folder] = found
        return self._nearest[folder]

    def _stated(self, folder: str) -> tuple[str, str] | None:
        return self._folders[folder].licence() if folder in self._folders else None


def all_of(expressions: Iterable[str]) -> str:
    """The SPDX expression that says that all of these hold; each stands once, in the order of its letters."""
    parts = sorted({part for each in expressions for part in ([each] if " OR " in each else each.split(" AND "))})
    if len(parts) == 1:
        return parts[0]
    return " AND ".join(f"({part})" if " OR " in part and not part.startswith("(") else part for part in parts)


def package_of(path: str, text: str) -> tuple[int, str] | None:
    """Rank (lower is believed first) and name@version that a package's metadata states."""
    base = posixpath.basename(path)
    stated: dict[str, object] = {}
    try:
        if base in ("PKG-INFO", "METADATA"):
            stated = {key.lower(): value for key, value in reversed(_FIELD.findall(text.partition("\n\n")[0]))}
        elif base == "package.json":
            stated = json.loads(text)
        elif base == "Cargo.toml":
            stated = tomllib.loads(text).get("package", {})
        elif base == "pyproject.toml":
            stated = tomllib.loads(text).get("project", {})
    except (ValueError, RecursionError):
        return None
    name, version = (stated.get("name"), stated.get("version")) if isinstance(stated, dict) else (None, None)
    if not isinstance(name, str) or not name or len(name) > 214:  # npm's longest name
        return None
    rank = ("PKG-INFO", "METADATA", "package.json", "Cargo.toml", "pyproject.toml").index(base)
    return rank, f"{name}@{version}" if isinstance(version, str) and 0 < len(version) < 100 else name


def _speaks_for(folder: str) -> str:
    above, _, last = folder.rpartition("/")
    lower = last.lower()
    return above if lower in _ABOVE or lower.endswith((".egg-info", ".dist-info")) else folder


def _with_version(folder: str) -> str:
    match = _VERSION.fullmatch(folder)
    return f"{match[1]}@{match[2]}" if match else folder
