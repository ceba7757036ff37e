"""What there is to ingest: a source's input files, in units that are one part of the stage each.

In: a source's entry in the recipe. Out: parts, whose identity is the files' stamps and the settings of their reading;
where the files lie stands aside. Files are found by globs, or named by a list (Common Crawl's ``warc.paths.gz``):
then no server is asked for each of a hundred thousand, their sizes stay unknown, and each name is taken to stand for
one content.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from corpus.errors import InputError
from corpus.recipe import Parts, Source
from corpus.stage import Part, Stamp
from sources.containers.compression import BrokenError, chunks
from sources.hosts import checked
from sources.places import Folder, Place, Remote, place_of
from sources.settings import ReadSettings

MAX_LIST_BYTES = 1 << 28  # of a list, expanded
PROBES = 5  # files of a list that are asked for their size when a forecast needs one


@dataclass(frozen=True)
class IngestSettings:
    """What decides the bytes of a source's document parts. Where its list of blocked hosts lies is not said in it."""

    source: str
    snapshot: str
    reading: ReadSettings
    text_bytes: int


@dataclass(frozen=True)
class Whereabouts:
    """A part's `aside`: where its files and its list of blocked hosts lie."""

    place: Place
    block_hosts: str = ""


def plan_ingest(source: Source, reading: ReadSettings, parts: Parts, folder: Path) -> list[Part]:
    """Units of input files: in name order, those of a list in its order.

    Raises InputError where the root is missing, a glob finds nothing, or a list cannot be read.
    """
    try:
        place = place_of(source.root, folder)
        stamps = _listed(source, place, folder) if source.paths else _found(source, place)
    except InputError as error:
        raise InputError(f"source {source.name}: {error}") from error
    hosts = ""
    if reading.block_hosts:
        hosts = str((folder / reading.block_hosts).resolve())
        reading = replace(reading, block_hosts="", block_hosts_sha256=checked(Path(hosts)))
    settings = IngestSettings(source.name, source.snapshot, reading, parts.text_bytes)
    return [
        Part(
            f"{source.name}/{source.snapshot}-{number:05d}",
            unit,
            settings,
            source.name,
            Whereabouts(place.only(unit), hosts),
        )
        for number, unit in enumerate(_units(stamps, parts))
    ]


def _found(source: Source, place: Place) -> list[Stamp]:
    stamps: dict[str, Stamp] = {}
    for pattern in source.files:
        found = place.find(pattern)
        if not found:
            raise InputError(f"`{pattern}` finds no file below {place.root}; mend the glob or the root")
        stamps |= found
    return sorted(stamps.values(), key=lambda stamp: stamp.name)


def _listed(source: Source, place: Place, folder: Path) -> list[Stamp]:
    """Stamps of the names on the source's list: known of files in a folder, without size and mark of remote ones."""
    names = _names(source, place, folder)
    if source.take:
        start, stop = source.take
        if start >= len(names):
            raise InputError(f"`take` begins at {start}, {source.paths} has {len(names)} names")
        names = names[start:stop]
    if not names:
        raise InputError(f"{source.paths} names no file")
    stamps = []
    for name in names:
        stamp = None if isinstance(place, Remote) else place.stamp(name)
        stamps.append(stamp or Stamp(name, None, None))
    return stamps


def _names(source: Source, place: Place, folder: Path) -> list[str]:
    beside = source.paths.startswith(("./", "../", "/"))
    if beside:
        place = place_of(str((folder / source.paths).parent), folder)
    name = Path(source.paths).name if beside else source.paths
    stamp = place.stamp(name)
    if stamp is None:
        hint = "" if beside else "; a list beside the recipe is named ./…"
        raise InputError(f"the list {source.paths} is not there (looked at {place.root}/{name}){hint}")
    with place.opened(stamp) as file:
        assert file, f"{name}: gone since it was looked at"
        try:
            lines = b"".join(chunks(file.path, MAX_LIST_BYTES)).decode("utf-8-sig").splitlines()
        except (BrokenError, UnicodeDecodeError) as error:
            raise InputError(f"the list {source.paths} cannot be read ({error}): give one name a line") from error
    names: dict[str, None] = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            names[_name(line.strip(), source, number)] = None
    return list(names)


def _name(line: str, source: Source, number: int) -> str:
    name = line.removeprefix(source.root.rstrip("/") + "/")
    if "://" in name or "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise InputError(f"{source.paths}, line {number}: `{line[:200]}` is not the name of a file below {source.root}")
    return name


def _units(stamps: Sequence[Stamp], parts: Parts) -> Iterator[tuple[Stamp, ...]]:
    unit: list[Stamp] = []
    size = 0
    for stamp in stamps:
        weight = stamp.bytes if stamp.bytes is not None else parts.input_bytes // parts.listed_files
        if unit and size + weight > parts.input_bytes:
            yield tuple(unit)
            unit, size = [], 0
        unit.append(stamp)
        size += weight
    if unit:
        yield tuple(unit)


def stored_bytes(parts: Sequence[Part]) -> tuple[int | None, bool]:
    """Bytes of the parts' input files, and whether that is counted: of listed files a few are asked for theirs."""
    files = [(part.aside.place, stamp) for part in parts for stamp in part.inputs if isinstance(stamp, Stamp)]
    known = sum(stamp.bytes for _, stamp in files if stamp.bytes is not None)
    unknown = [(place, stamp) for place, stamp in files if stamp.bytes is None]
    if not unknown:
        return known, True
    probes = unknown[:: max(1, len(unknown) // PROBES)][:PROBES]
    sizes = [s.bytes for s in (place.stamp(named.name) for place, named in probes) if s and s.bytes is not None]
    return known + sum(sizes) * len(unknown) // len(sizes) if sizes else None, False


@contextmanager
def sample_of(part: Part, most: int) -> Iterator[tuple[Part, int]]:
    """A part with about `most` bytes of input, on this machine, and how many they are.

    Its smallest files, at least one; of a remote file that is larger only the first `most` bytes are fetched.
    """
    chosen: list[Stamp] = []
    for stamp in sorted(
        (s for s in part.inputs if isinstance(s, Stamp)), key=lambda s: (s.bytes is None, s.bytes or 0)
    ):
        if not chosen or sum(each.bytes or most for each in chosen) + (stamp.bytes or most) <= most:
            chosen.append(stamp)
    place = part.aside.place
    with ExitStack() as stack:
        if not isinstance(place, Folder):
            here = [(stamp, stack.enter_context(place.opened(stamp, most))) for stamp in chosen]
            chosen = [Stamp(stamp.name, file.bytes, None) for stamp, file in here if file]
            odd = {stamp.name: str(file.path) for stamp, file in here if file}
            part = replace(part, aside=replace(part.aside, place=Folder("/", odd)))
        yield replace(part, inputs=tuple(chosen)), sum(stamp.bytes or 0 for stamp in chosen)
