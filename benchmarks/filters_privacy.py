"""Privacy: recall and precision on another generator's values, on hits read by hand, and speed.

    python benchmarks/filters_privacy.py [--corpus ../shared/corpus] [--seed N] [--number N] [--megabytes N]

Values of Faker (an environment of its own) are set between two words of lines of the corpus, one a line; beside them
stand as many lines as they are. A hit that overlaps the value and has its kind is right; any other hit is a false
alarm, also where the line itself holds an address. Everything is counted, also what is not what its kind says: IBANs
of the wrong length (Faker gives GB's 21 characters in some locales), Aadhaar numbers with Luhn's check digit (theirs
is Verhoeff's), Lithuania's (US numbers), Israel's, whose one check digit says little, phone numbers of eight digits.

privacy_hits.tsv holds hits on truth/texts.parquet that were read by hand: kind, document, bytes, and whether what
stands there has the form of that kind.
"""

import argparse
import csv
import random
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from peers import ROOT, Row, print_head, print_rows, run

from processors.filters.measure import Measures
from processors.filters.privacy import Privacy
from processors.filters.rule import SPANS

HOSTILE = ("1", "@", ".", "a@", "1-1-", "12 34 ", "12 34 56 78, ", "(1", "+1", "1.1.", "a:", "1:", "a@b.c.",
           "123-45-6789 ", "a 12345678 ",
           "(123) ", "tel 1234567 ", "4111 1111 1111 1111 ", "8.8.8.8 ", "AB12", "DE89 3704 ")  # fmt: skip


def hits_of(texts: list[str]) -> list[list[tuple[int, int, str]]]:
    """Start, end (bytes) and kind of what is found in each text."""
    column = pa.array(texts, pa.large_string())
    spans = Privacy().scores(_batch(column), Measures(column))[SPANS].to_pylist()
    return [[(each["start"], each["end"], each["rule"].partition(".")[2]) for each in row or ()] for row in spans]


def _batch(column: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"id": pa.array(range(len(column))), "text": column})


def lines_of(rows: list[dict[str, Any]], seed: int) -> list[str]:
    """Up to eight lines of prose of each document, in seeded order."""
    chosen, lines = random.Random(seed), []
    for row in rows:
        own = [line for line in row["text"].split("\n") if 40 < len(line) < 400 and row["domain"] != "code"]
        chosen.shuffle(own)
        lines += [line for line in own if "@" not in line][:8]
    chosen.shuffle(lines)
    return lines


def labelled(rows: list[dict[str, Any]], seed: int, number: int) -> list[Row]:
    """The table of recall and precision for each kind."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "values.tsv"
        run("faker", "faker_values", seed, number, path)
        with path.open(encoding="utf-8") as file:
            values = [(kind, locale, value) for kind, locale, value in csv.reader(file, delimiter="\t")]
    lines, chosen, texts, places = lines_of(rows, seed), random.Random(seed), [], []
    for _, _, value in values:
        line = chosen.choice(lines)
        at = chosen.choice([match.start() for match in re.finditer(" ", line)] or [len(line)])
        texts.append(f"{line[:at]} {value}{line[at:]}")
        places.append((len(line[:at].encode()) + 1, len(f"{line[:at]} {value}".encode())))
    alone = lines[: len(values)]
    found = hits_of(texts + alone)
    right: Counter[tuple[str, str]] = Counter()
    totals: Counter[tuple[str, str]] = Counter()
    false: Counter[str] = Counter()
    for (kind, locale, _), (start, end), hits in zip(values, places, found, strict=False):
        here = [hit for hit in hits if hit[0] < end and hit[1] > start]
        totals[kind, locale] += 1
        right[kind, locale] += any(hit[2] == kind for hit in here)
        false.update(hit[2] for hit in hits if hit not in here or hit[2] != kind)
    false.update(hit[2] for hits in found[len(values) :] for hit in hits)
    return _rows(right, totals, false)


def _rows(right: Counter[tuple[str, str]], totals: Counter[tuple[str, str]], false: Counter[str]) -> list[Row]:
    rows = []
    for name in sorted({name for name, _ in totals}):
        total = sum(number for (other, _), number in totals.items() if other == name)
        hits = sum(number for (other, _), number in right.items() if other == name)
        recall, precision = hits / total, hits / max(hits + false[name], 1)
        weak = [f"{place} {right[name, place] / n:.2f}" for (other, place), n in sorted(totals.items())
                if other == name and right[name, place] < 0.95 * n]  # fmt: skip
        told = f"recall {recall:.4f}, precision {precision:.4f} of {total:,}"
        rows.append(Row(name, told, "; ".join(weak), "0.95 both", min(recall, precision) >= 0.95))
    return rows


def read_by_hand(rows: list[dict[str, Any]]) -> list[Row]:
    """Precision on the corpus itself, and whether all true hits are still found."""
    texts = {row["id"]: row["text"] for row in rows}
    with (ROOT / "benchmarks/privacy_hits.tsv").open(encoding="utf-8") as file:
        told = [each for each in csv.DictReader(file, delimiter="\t") if each["id"] in texts]
    names = sorted({each["id"] for each in told})
    found = dict(zip(names, hits_of([texts[name] for name in names]), strict=True))
    still = [each for each in told if (int(each["start"]), int(each["end"]), each["kind"]) in found[each["id"]]]
    true, good = (sum(each["verdict"] == "true" for each in them) for them in (told, still))
    what = f"{len(told)} hits read by hand"
    return [
        Row(
            what,
            f"{good} of {len(still)} true, {good} of {true} true ones found",
            "",
            "0.95",
            good >= 0.95 * len(still),
        )
    ]


def speed(rows: list[dict[str, Any]], megabytes: int) -> list[Row]:
    """MB per CPU-second on the corpus, and seconds for hostile lines."""
    column = pa.array([row["text"] for row in rows], pa.large_string())
    seconds = min(_seconds(column) for _ in range(3))
    told = [
        Row(
            "corpus, one core",
            f"{column.nbytes / seconds / 1e6:.0f} MB/s",
            "",
            "40 MB/s",
            column.nbytes >= 40e6 * seconds,
        )
    ]
    for piece in HOSTILE:
        taken = _seconds(pa.array([piece * (megabytes * 1_000_000 // len(piece))], pa.large_string()))
        told.append(
            Row(f"a line of {megabytes} MB of {piece!r}", f"{taken:.2f} s", "", "2 s", taken <= 2 * megabytes / 20)
        )
    return told


def _seconds(column: pa.Array) -> float:
    begin = time.process_time()
    Privacy().scores(_batch(column), Measures(column))
    return time.process_time() - begin


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared/corpus")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--number", type=int, default=60, help="values of each locale")
    parser.add_argument("--megabytes", type=int, default=20, help="of hostile lines")
    given, _ = parser.parse_known_args()
    table = pq.read_table(given.corpus / "truth/texts.parquet", columns=["id", "text", "domain"])
    rows = table.to_pylist()
    print_head()
    print_rows(labelled(rows, given.seed, given.number))
    print_rows(read_by_hand(rows))
    print_rows(speed(rows, given.megabytes))


if __name__ == "__main__":
    main()
