"""What ingest can do, beside its peers, in one run on one machine: the table of docs/benchmarks.md.

    python benchmarks/ingest.py [--data FOLDER] [--labelled FOLDER] [--only NAME …]

FOLDER holds web/*.warc*, books/, code/, tabular/, bad/ (default: ../shared/corpus, else the bundled sample);
the labelled pages are html/<id>.html.gz and ground-truth.json (default: ../shared/extraction). Each side of a
comparison runs in a process of its own, each peer in an environment of its own, made once below builds/peers. Times are
CPU-seconds; ratios count, single times say little on a busy machine.
"""

import argparse
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import ROOT, Row, print_head, print_rows, run


@dataclass(frozen=True)
class Data:
    """Where the measured files lie."""

    corpus: Path
    labelled: Path


def shingles(text: str) -> Counter[tuple[str, ...]]:
    r"""The multiset of 4-grams of `\w+` tokens, the measure of scrapinghub/article-extraction-benchmark."""
    words = re.findall(r"\w+", text)
    return Counter(tuple(words[at : at + 4]) for at in range(max(1, len(words) - 3))) if words else Counter()


def f1(truth: dict[str, Any], texts: dict[str, str]) -> tuple[float, float, float]:
    """F1, precision and recall; per page, counts are divided by their sum, then precision and recall are averaged."""
    precisions, recalls = [], []
    for key, page in truth.items():
        wanted, got = shingles(page["articleBody"]), shingles(texts.get(key, ""))
        both, extra, missing = (wanted & got).total(), (got - wanted).total(), (wanted - got).total()
        if both + extra:
            precisions.append(both / (both + extra))
        if both + missing:
            recalls.append(both / (both + missing))
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    return 2 * precision * recall / (precision + recall), precision, recall


def extraction(data: Data) -> Iterator[Row]:
    """F1 and speed of extractors on the labelled pages."""
    truth = json.loads((data.labelled / "ground-truth.json").read_text())
    found: dict[str, tuple[tuple[float, float, float], float]] = {}
    sides = [("gristmill", "gristmill-main"), ("trafilatura", "trafilatura"), ("trafilatura", "trafilatura-fast")]
    for peer, name in [*sides, ("resiliparse", "resiliparse")]:
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            result = run(peer, "extract", name, data.labelled / "html", out.name)
            found[name] = f1(truth, json.loads(Path(out.name).read_text())), result["pages"] / result["cpu_seconds"]
    told = {name: f"{score[0]:.3f} (P {score[1]:.3f}, R {score[2]:.3f})" for name, (score, _) in found.items()}
    ours, rate = found.pop("gristmill-main")
    peers = "; ".join(f"{name} {told[name]}" for name in found)
    yield Row(f"extraction F1, {len(truth)} pages", told["gristmill-main"], peers, "≥ 0.960", ours[0] >= 0.96)
    ratio = rate / found["trafilatura"][1]
    peers = "; ".join(f"{name} {each:.0f}" for name, (_, each) in found.items())
    yield Row("extraction, pages per CPU-second", f"{rate:.0f}", peers, f"≥ 5 × trafilatura: {ratio:.1f} ×", ratio >= 5)


def structure(data: Data) -> Iterator[Row]:
    """What of pre lines, table cells, list items and headings is kept."""
    result = run("gristmill", "structure", data.corpus / "web")
    for what, least in (("pre lines", 0.99), ("table cells", 0.95), ("list items", 0.95), ("headings", 0.95)):
        kept, total = result[what]
        share = kept / max(1, total)
        yield Row(f"{what} of main content kept", f"{share:.2%} of {total}", "", f"≥ {least:.0%}", share >= least)


def warc(data: Data) -> Iterator[Row]:
    """WARC to records beside FastWARC, WARC to documents beside datatrove."""
    sides = [run(peer, "warc_records", peer, data.corpus / "web", "*.warc.gz") for peer in ("gristmill", "fastwarc")]
    rates = [side["bytes"] / side["cpu_seconds"] / 1e6 for side in sides]
    ratio = rates[0] / rates[1]
    yield Row(
        f"WARC parse alone, {sides[0]['records']} records, MB per CPU-second", f"{rates[0]:.0f}",
        f"FastWARC {rates[1]:.0f}", f"≥ 0.8 × FastWARC: {ratio:.2f} ×",
        ratio >= 0.8 and sides[0]["bytes"] >= sides[1]["bytes"],
    )  # fmt: skip
    ours = run("gristmill", "warc_to_documents", "gristmill", data.corpus / "web", "*.warc.gz")
    theirs = run("datatrove", "warc_to_documents", "datatrove", data.corpus / "web", "*.warc.gz")
    rates = [side["documents"] / side["cpu_seconds"] for side in (ours, theirs)]
    yield Row(
        "WARC → stored documents, pages per CPU-second",
        f"{rates[0]:.0f} ({ours['documents']} pages, {ours['cpu_seconds']:.1f} s)",
        f"datatrove {rates[1]:.1f} ({theirs['documents']} pages, {theirs['cpu_seconds']:.1f} s)",
        f"≥ 10 × datatrove: {rates[0] / rates[1]:.0f} ×", rates[0] >= 10 * rates[1],
    )  # fmt: skip
    others = {key: value for key, value in ours.items() if key not in ("documents", "cpu_seconds")}
    told = ", ".join(f"{value} {key}" for key, value in sorted(others.items(), key=lambda pair: -pair[1]))
    yield Row("what became of the other records", told, "", "each with a reason", None)


def rates(data: Data) -> Iterator[Row]:
    """Books, code and tables in MB of raw text."""
    for kind, least, patterns in (
        ("code", 20.0, ["*"]),
        ("books", 20.0, ["*"]),
        ("tabular", None, ["*/*.*", "*/*/*.*"]),
    ):
        result = run("gristmill", "rate", kind, data.corpus / kind, *patterns)
        rate = result["bytes"] / result["cpu_seconds"] / 1e6
        bar = f"≥ {least:.0f}" if least else ""
        told = f"{rate:.0f} ({result['documents']} documents, {result['bytes'] / 1e6:.0f} MB)"
        yield Row(f"{kind}, MB of raw text per CPU-second", told, "", bar, rate >= least if least else None)


def memory(data: Data) -> Iterator[Row]:
    """The peak of a worker that reads everything, the hostile set first."""
    for what in ("bad", "."):
        result = run("gristmill", "memory", data.corpus / what)
        peak = result["peak_bytes"] / 1e6
        beside = result["parent_bytes"] / 1e6
        told = f"{peak:.0f} MB (and {beside:.0f} beside it) over {result['files']} files, {result['items']} items"
        yield Row(
            f"peak memory of a worker ({'bad set' if what == 'bad' else 'whole corpus'})",
            told,
            "",
            "≤ 500 MB",
            peak <= 500,
        )
    yield Row(
        "stretches of a file without a document or a reason", "0 (the run above stops at the first)", "", "0", True
    )


def charset(data: Data) -> Iterator[Row]:
    """Pages decoded as they were written."""
    result = run("gristmill", "charset", data.corpus / "web", data.corpus / "bad/charset/truth.tsv")
    share = result["right"] / result["pages"]
    yield Row("pages decoded as written", f"{result['right']} of {result['pages']}", "", "≥ 99.9 %", share >= 0.999)
    lies = result["lies"] - len(result["wrong"])
    yield Row(
        "pages with a lying charset decoded as written", f"{lies} of {result['lies']}", "", "all", not result["wrong"]
    )


MEASURES: dict[str, Callable[[Data], Iterator[Row]]] = {
    "extraction": extraction, "structure": structure, "warc": warc, "rates": rates, "memory": memory,
    "charset": charset,
}  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = ROOT.parent / "shared"
    sample = ROOT / "examples/starter"
    parser.add_argument("--data", type=Path, default=shared / "corpus" if shared.is_dir() else sample)
    parser.add_argument("--labelled", type=Path, default=shared / "extraction")
    parser.add_argument("--only", nargs="*", choices=MEASURES, default=list(MEASURES))
    given = parser.parse_args()
    data = Data(given.data.resolve(), given.labelled.resolve())
    print_head()
    for name in given.only:
        needs = (
            data.labelled if name == "extraction" else data.corpus / "bad/charset" if name == "charset" else data.corpus
        )
        if not needs.exists():
            print(f"| {name}: not measured, there is no {needs} | | | | |")
            continue
        print_rows(MEASURES[name](data))


if __name__ == "__main__":
    main()
