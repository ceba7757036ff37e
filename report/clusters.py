"""Duplicates at a glance: whose documents fell to whose, how large clusters are, and the largest of them.

In: a published corpus. Out: `Overview`; the front door prints it. Reads selection/, and of documents/ what names the
few documents that are shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corpus.errors import InputError
from corpus.files import File
from corpus.store import Store
from corpus.version import read_version
from processors.dedupe.clusters import BY, Cluster, Flow, fallen, flows, largest, sizes, twins_of

Row = tuple[str, ...]


@dataclass(frozen=True)
class Overview:
    """The duplicates of a corpus, or those that fell of one source."""

    fell: int
    flows: list[Flow]
    sizes: list[tuple[int, int, int, int]]  # smallest, largest size; clusters, documents in them
    largest: list[Cluster]
    planted: dict[str, Any]  # what the probe measured (`processors.dedupe.probe`); empty where there was none


def overview(store: Store, *, source: str | None, count: int, members: int, seed: int = 0) -> Overview:
    """Read it. Raises InputError where nothing is published, or no source has that name."""
    what = read_version(store)
    files = [File(**file) for file in what["files"]]
    selection = [file for file in files if file.folder == "selection"]
    documents = {file.part: file for file in files if file.folder == "documents"}
    check_source(store, files, source)
    wanted = [file for file in selection if source in (None, file.part.split("/")[0])]
    down = fallen(store, wanted, seed)
    twins = twins_of(store, selection, down)
    top = largest(store, selection, documents, down, twins, count, members)
    return Overview(len(down.row), flows(selection, down, twins), sizes(twins), top, what.get("planted", {}))


def check_source(store: Store, files: Sequence[File], source: str | None) -> None:
    """Raise InputError where a source is asked for that a corpus of these files has not."""
    names = sorted({file.part.split("/")[0] for file in files if file.folder == "documents"})
    if source is not None and source not in names:
        raise InputError(f"no source `{source}` in {store.url}; there are {', '.join(names)}")


def provenance(went: Sequence[Flow]) -> tuple[Row, list[Row]]:
    """Header and a row a snapshot: how many fell, why, and where their twins are."""
    header = ("source", "snapshot", "fell", *BY, "to its snapshot", "to another", "to another source", "which")
    rows: list[Row] = []
    for group in dict.fromkeys((flow.source, flow.snapshot) for flow in went):
        mine = [flow for flow in went if (flow.source, flow.snapshot) == group]
        at_home = [flow for flow in mine if flow.to_source == flow.source]
        abroad = [flow for flow in mine if flow.to_source != flow.source]
        numbers = [
            _sum(mine), *(_sum([flow for flow in mine if flow.by == by]) for by in BY),
            _sum([flow for flow in at_home if flow.to_snapshot == flow.snapshot]),
            _sum([flow for flow in at_home if flow.to_snapshot != flow.snapshot]), _sum(abroad),
        ]  # fmt: skip
        which = {flow.to_source: _sum([f for f in abroad if f.to_source == flow.to_source]) for flow in abroad}
        told = ", ".join(f"{name} {count:,}" for name, count in sorted(which.items(), key=lambda item: -item[1]))
        rows.append((*group, *(f"{number:,}" if number else "" for number in numbers), told))
    return header, rows


def _sum(went: Sequence[Flow]) -> int:
    return sum(flow.documents for flow in went)


def size_table(sizes: Sequence[tuple[int, int, int, int]]) -> tuple[Row, list[Row]]:
    """Header and a row a class of sizes; a cluster's size counts its kept document."""
    rows: list[Row] = [
        (f"{least:,}" if least == most else f"{least:,} to {most:,}", f"{clusters:,}", f"{documents - clusters:,}")
        for least, most, clusters, documents in sizes
    ]
    return ("documents in a cluster", "clusters", "fell"), rows


def planted_table(planted: dict[str, Any]) -> tuple[Row, list[Row]]:
    """Header and a row a stretch of similarity: planted pairs, of how many one fell, and of how many one should."""
    rows: list[Row] = [
        (
            f"{band['from']:.3f} to {band['to']:.3f}", f"{band['pairs']:,}", f"{band['found']:,}",
            f"{band['expected']:,.2f}", _share(band["found"], band["pairs"]) if band["alike"] else "",
        )
        for band in planted["bands"]
    ]  # fmt: skip
    return ("Jaccard", "pairs", "found", "expected", "recall"), rows


def planted_line(planted: dict[str, Any]) -> str:
    """What the probe found, in a line."""
    alike = [band for band in planted["bands"] if band["alike"]]
    pairs, found, expected = (sum(band[key] for band in alike) for key in ("pairs", "found", "expected"))
    return (
        f"Of {pairs:,} planted pairs at the threshold or above {found:,} were found, {expected:,.2f} expected; "
        f"{planted['fell'] - planted['wrong']:,} of {planted['fell']:,} planted documents that fell have a kept twin "
        f"that is alike."
    )


def _share(part: int, of: int) -> str:
    return f"{part / of:.2%}" if of else ""
