r"""What dedupe can do, beside its peers, in one run on one machine: the table of docs/benchmarks.md.

    python benchmarks/dedupe.py [--data texts.parquet] [--only NAME …] [--documents N …] [--megabytes N]

texts.parquet has the columns `id` and `text`; beside it lies duplicates.tsv: every pair whose Jaccard is at least 0.5
(columns id_a, id_b, intersection, shingles_a, shingles_b; sets of 5 tokens `\w+` of the lower-cased text), found
without hashing. Default: ../shared/corpus/truth. Other documents are made from these texts or from made-up words
(sides/make_documents.py), in a scratch folder that each measure empties (about 2 kB a document). Each side runs in a
process of its own, each peer in an environment of its own, made once below builds/peers. Times are CPU-seconds after
imports and compilation, which are told beside them; ratios count, single times say little on a busy machine.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from dedupe_truth import Truth, name_of
from peers import ROOT, Row, print_head, print_rows, run

THRESHOLDS = (Fraction("0.5"), Fraction("0.7"), Fraction("0.8"), Fraction("0.9"))
GIGABYTE = 1_000_000_000
MOST_BYTES = 12 * GIGABYTE  # of address space for a hostile corpus: the machine is not to die


@dataclass(frozen=True)
class Given:
    """What the command line says."""

    texts: Path
    scratch: Path
    documents: list[int]
    megabytes: int
    limit: float

    def make(self, name: str, kind: str, **options: Any) -> tuple[Path, dict[str, Any]]:
        """A store of documents, and what was made."""
        folder = self.scratch / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if kind != "synthetic":
            options["texts"] = str(self.texts)
        return folder, run("gristmill", "make_documents", kind, folder, json.dumps(options))


def ours_on(store: Path, limit: float | None = None, **options: Any) -> dict[str, Any]:
    """What our side tells of a store of documents."""
    return run("gristmill", "dedupe_gristmill", store, json.dumps(options), limit=limit)


def compiled(scratch: Path) -> Iterator[Row]:
    """Compile what is not compiled yet, so that no measured process has to."""
    with tempfile.TemporaryDirectory(prefix="dedupe-", dir=scratch.resolve()) as folder:
        times = []
        for _ in range(2):
            run("gristmill", "make_documents", "synthetic", folder, json.dumps({"documents": 100}))
            times.append(ours_on(Path(folder))["start_seconds"])
    yield Row("imports and compilation, CPU-seconds", f"{times[0]:.1f}, then {times[1]:.1f}", "", "", None)


def signatures(given: Given) -> Iterator[Row]:
    """Text in, signature stored: one core, 112 permutations. datatrove signs a quarter of the texts, the others all."""
    store, made = given.make("signatures", "truth", parts=4, shuffle=1)
    bytes_ = sum(made["text_bytes"])
    repeats = 20
    ours = ours_on(store, dedupe={"bands": 14, "rows": 8}, sign=repeats)
    rate = repeats * bytes_ / ours["cpu_seconds"] / 1e6
    documents = repeats * sum(made["rows"]) / ours["cpu_seconds"]
    told = f"{rate:.1f} ({documents:,.0f} documents; {ours['start_seconds']:.1f} s before)"
    folder = store / "documents/truth"
    trove = run("datatrove-minhash", "dedupe_datatrove", "sign", folder, "0-00000-*.parquet", store / "kept.json")
    sides = {"datatrove, FineWeb's 14 × 8 (a quarter)": (200, trove, made["text_bytes"][0])}
    for least, name in ((20, "datasketch-sha1"), (0, "datasketch-xxh32"), (8, "rensa")):
        result = run(name.split("-")[0], "signatures_python", name, folder, "*.parquet")
        sides[f"{name.replace('-', ', ')}, shingles in Python"] = (least, result, bytes_)
    for name, (least, result, size) in sides.items():
        theirs = size / result["cpu_seconds"] / 1e6
        peer = f"{name}: {theirs:.2f} ({result['start_seconds']:.1f} s before)"
        bar = f"≥ {least} ×: {rate / theirs:.0f} ×" if least else f"told: {rate / theirs:.0f} ×"
        met = rate >= least * theirs if least else None
        yield Row("signatures stored, MB of text per CPU-second", told, peer, bar, met)


def truth(given: Given) -> Iterator[Row]:
    """What is kept and what falls, against exact Jaccards, at four thresholds with our default bands for each."""
    exact = Truth.read(given.texts)
    store, _ = given.make("truth-datatrove", "truth", shuffle=1)
    out = store / "kept.json"
    trove = run("datatrove-minhash", "dedupe_datatrove", "whole", store / "documents/truth", "*.parquet", out)
    theirs = {bytes.fromhex(name).rstrip(b"\0").decode() for name in json.loads(out.read_text())}
    for threshold in THRESHOLDS:
        store, _ = given.make(f"truth-{float(threshold)}", "truth", parts=2)
        ours = ours_on(store, dedupe={"threshold": float(threshold), "urls": False})
        rows = by_id([store / path for path in ours["files"]])
        kept = {name_of(row["id"]) for row in rows if row["kept"]}
        fell = [row for row in rows if not row["kept"]]
        both, alike = exact.both_kept(kept, threshold)
        yield Row(
            f"pairs with J ≥ {float(threshold)} of which both are kept",
            f"{both} of {alike} ({ours['cpu_seconds']:.2f} s)",
            f"datatrove: {exact.both_kept(theirs, threshold)[0]} ({trove['cpu_seconds']:.1f} s)",
            "≤ 0.1 %", both <= 0.001 * alike,
        )  # fmt: skip
        counts = {id(row): exact.counts(name_of(row["id"]), name_of(row["twin"])) for row in fell}
        wrong = sum(counts[id(row)] != (row["both"], row["either"]) for row in fell if row["by"] == "near")
        bad = sum(
            name_of(row["twin"]) not in kept or counts[id(row)][0] < threshold * counts[id(row)][1] for row in fell
        )
        yield Row(
            f"dropped without the kept twin that is named, J ≥ {float(threshold)}",
            f"{bad} of {len(fell)}; {wrong} with other counts than the exact ones",
            f"datatrove: {exact.alone(theirs, threshold)} of {len(rows) - len(theirs)}", "0", not bad and not wrong,
        )  # fmt: skip


def by_id(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The rows of selection files, whatever the parts."""
    return sorted((row for path in paths for row in pq.read_table(path).to_pylist()), key=lambda row: row["id"])


def whole(given: Given) -> Iterator[Row]:
    """Sign, pairs and select on varied copies; datatrove's four stages on the first part of them, per byte."""
    store, made = given.make("whole", "copies", bytes=given.megabytes * 1_000_000)
    size, rows = sum(made["text_bytes"]), sum(made["rows"])
    ours = ours_on(store)
    first = made["parts"][0].split("/")[1]
    folder = store / "documents/copies"
    trove = run("datatrove-minhash", "dedupe_datatrove", "whole", folder, f"{first}.*.parquet", store / "kept.json")
    slice_ = made["text_bytes"][0]
    rates = (size / ours["cpu_seconds"] / 1e6, slice_ / trove["cpu_seconds"] / 1e6)
    yield Row(
        f"whole dedupe of {size / 1e6:.0f} MB in {rows:,} varied copies, MB per CPU-second",
        f"{rates[0]:.1f} ({ours['cpu_seconds']:.1f} s: {by_stage(ours)}; {ours['start_seconds']:.1f} s before; "
        f"{ours['kept']:,} kept; {megabytes(ours)})",
        f"datatrove's four stages on {slice_ / 1e6:.0f} MB of them: {rates[1]:.2f} ({trove['cpu_seconds']:.1f} s; "
        f"{trove['start_seconds']:.1f} s before)",
        f"≥ 60 ×: {rates[0] / rates[1]:.0f} ×", rates[0] >= 60 * rates[1],
    )  # fmt: skip


def megabytes(result: dict[str, Any], each: bool = False) -> str:
    """The largest peak of a stage, and whose it was; or all."""
    told = [f"{name} {peak / 1e6:.0f}" for name, peak in result["peaks"].items()]
    most = max(result["peaks"], key=result["peaks"].__getitem__)
    return ", ".join(told) if each else f"peak {result['peaks'][most] / 1e6:.0f} MB in {most}"


def by_stage(result: dict[str, Any], documents: int = 0) -> str:
    """CPU-seconds of each stage; with a number of documents, microseconds for each."""
    scale = 1e6 / documents if documents else 1
    return ", ".join(f"{name} {seconds * scale:.1f}" for name, seconds in result["stages"].items())


def scale(given: Given) -> Iterator[Row]:
    """Cost per document of ever larger synthetic corpora, one process."""
    costs: list[float] = []
    for count in given.documents:
        store, _ = given.make("scale", "synthetic", documents=count)
        ours = ours_on(store)
        costs.append(ours["cpu_seconds"] / count * 1e6)
        flat = max(costs) <= 1.2 * min(costs)
        yield Row(
            f"{count:,} documents, µs of CPU a document", f"{costs[-1]:.1f} ({by_stage(ours, count)}); "
            f"{ours['kept']:,} kept; {ours['start_seconds']:.1f} s before", "", "flat within 20 %", flat,
        )  # fmt: skip
        told = megabytes(ours, each=True)
        most = max(ours["peaks"].values())
        yield Row(f"{count:,} documents, peak of the process in MB", told, "", "≤ 1 GB", most <= GIGABYTE)
        used = sum(ours["scratch"].values()) / count
        kinds = ", ".join(f"{name} {size / count:.0f}" for name, size in ours["scratch"].items())
        yield Row(
            f"{count:,} documents, bytes on disk a document (beside documents, verdicts)",
            f"{used:.0f} ({kinds})",
            "",
            "≤ 900",
            used <= 900,
        )
        shutil.rmtree(store)


def determinism(given: Given) -> Iterator[Row]:
    """The same selection, document by document, however the work is cut."""
    found = {}
    for parts, workers, shuffle in ((1, 1, None), (2, 1, None), (7, 1, None), (7, 2, None), (2, 2, 7), (7, 1, 8)):
        store, _ = given.make("determinism", "truth", parts=parts, shuffle=shuffle)
        name = f"{parts} parts, {workers} workers" + (", shuffled" if shuffle else "")
        paths = [store / path for path in ours_on(store, workers=workers)["files"]]
        found[name] = sha256(json.dumps(by_id(paths), default=bytes.hex).encode()).hexdigest()
    same = len(set(found.values())) == 1
    yield Row("selections that differ", str(len(set(found.values())) - 1), "; ".join(found), "0", same)


def hostile(given: Given) -> Iterator[Row]:
    """What hostile documents add to the cost of common ones, beside their share in documents or bytes."""
    count = min(given.documents)
    store, made = given.make("hostile", "synthetic", documents=count)
    plain = ours_on(store)
    size = sum(made["text_bytes"])
    told = f"{plain['cpu_seconds']:.1f} s ({by_stage(plain)}), {megabytes(plain)}"
    yield Row(f"{count:,} common documents", told, "", "", None)
    for kind, added, failing, what in (
        ("giant", 1, 0, "one document of 50 MB"), ("shells", 100_000, 0, "100,000 shells, alike by 0.85 to 0.95"),
        ("shells", 100_000, 1000, "the same, of which the 1,000 longest fail a filter"),
        ("brink", 100_000, 0, "100,000 alike by 0.63 to 0.92"),
        ("crowd", 100_000, 0, "100,000 that share most words, alike by 0.6"),
        ("empty", count // 10, 0, "a tenth empty"),
    ):  # fmt: skip
        store, made = given.make("hostile", "synthetic", documents=count, hostile=kind, added=added)
        ours = ours_on(store, given.limit, failing=failing, most_bytes=MOST_BYTES)
        share = max(sum(made["rows"]) / count, sum(made["text_bytes"]) / size)
        bar = f"≤ {share:.2f} × {plain['cpu_seconds']:.1f} s, 20 % more; ≤ 1 GB"
        if "failed" in ours:
            yield Row(f"with {what}", ours["failed"], "", bar, False)
            continue
        told = f"{ours['cpu_seconds']:.1f} s ({by_stage(ours)}), {megabytes(ours)}"
        told += f", {ours['kept'] - plain['kept']:+,} kept"
        met = ours["cpu_seconds"] <= 1.2 * share * plain["cpu_seconds"] and max(ours["peaks"].values()) <= GIGABYTE
        yield Row(f"with {what}", told, "", bar, met)


def incremental(given: Given) -> Iterator[Row]:
    """A second snapshot of a tenth on top of a build, and everything at once."""
    count = 2 * min(given.documents)
    store, made = given.make("incremental", "synthetic", documents=count, later=count // 10)
    earlier = sum("/0-" in part for part in made["parts"])
    added = ours_on(store, earlier=earlier)
    store, _ = given.make("incremental", "synthetic", documents=count, later=count // 10)
    full = ours_on(store)
    same = added["by_file"] == full["by_file"]
    yield Row("files of the selection that differ from a full rebuild", "0" if same else "some", "", "0", same)
    share = added["cpu_seconds"] / full["cpu_seconds"]
    told = f"{share:.0%}: {added['cpu_seconds']:.1f} s ({by_stage(added)})"
    told += f" of {full['cpu_seconds']:.1f} s ({by_stage(full)})"
    yield Row(f"adding a tenth to {count - count // 10:,} documents, share of a full rebuild", told, "", "", None)


MEASURES: dict[str, Callable[[Given], Iterator[Row]]] = {
    "truth": truth, "signatures": signatures, "whole": whole, "scale": scale, "determinism": determinism,
    "hostile": hostile, "incremental": incremental,
}  # fmt: skip
ON_TEXTS = ("truth", "signatures", "whole", "determinism")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/corpus/truth/texts.parquet")
    parser.add_argument("--only", nargs="*", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--documents", nargs="*", type=int, default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--megabytes", type=int, default=500, help="of varied copies")
    parser.add_argument("--limit", type=float, default=600, help="seconds after which a hostile corpus is given up")
    parser.add_argument("--scratch", type=Path, default=ROOT / "builds")
    asked = parser.parse_args()
    asked.scratch.mkdir(parents=True, exist_ok=True)
    print_head()
    print_rows(compiled(asked.scratch))
    for name in asked.only:
        needed = asked.data.with_name("duplicates.tsv") if name == "truth" else asked.data
        if name in ON_TEXTS and not needed.exists():
            print(f"| {name}: not measured, there is no {needed}; name other texts with --data | | | | |")
            continue
        with tempfile.TemporaryDirectory(prefix="dedupe-", dir=asked.scratch.resolve()) as folder:
            given = Given(asked.data.resolve(), Path(folder), asked.documents, asked.megabytes, asked.limit)
            print_rows(MEASURES[name](given))


if __name__ == "__main__":
    main()
