"""How fast all of Gopher, C4 and FineWeb are scored, beside datatrove 0.10.1, on the same texts of a corpus.

    python benchmarks/filters.py heuristics        (or this file; --data texts.parquet, a column `text`)

Ours gives every score and every rule of the four filters in FineWeb's order, cuts and all, on all texts, in a process.
datatrove stops a filter at its first rule that fires; it is given every k-th text, once with its own splitter for
English (spaCy), once with a regular expression. CPU-seconds after imports and compilation; ratios count.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from peers import ROOT, Row, print_head, print_rows, run

TEXTS = ROOT / "../shared/corpus/truth/texts.parquet"
SIDES = {"spacy": (100, 4_000_000), "regex": (15, 12_000_000)}  # bar; bytes that its run may take


def rows(texts: Path) -> Iterator[Row]:
    """A row for each of datatrove's splitters, and our rate with n-grams and without."""
    ours = run("gristmill", "heuristics_gristmill", texts)
    rate = ours["bytes"] / ours["cpu_seconds"] / 1e6
    told = f"{rate:.1f} ({ours['bytes'] / 1e6:.0f} MB, {ours['start_seconds']:.1f} s before)"
    yield Row("heuristics, MB per CPU-second", told, "", "moonshot ≥ 40", rate >= 40)
    for splitter, (bar, size) in SIDES.items():
        theirs = run("datatrove-minhash", "heuristics_datatrove", "speed", texts, splitter, size)
        their_rate = theirs["bytes"] / theirs["cpu_seconds"] / 1e6
        peer = f"datatrove, {splitter}: {their_rate:.2f} ({theirs['documents']} texts)"
        ratio = rate / their_rate
        yield Row("heuristics, MB per CPU-second", f"{rate:.1f}", peer, f"≥ {bar} ×: {ratio:.0f} ×", ratio >= bar)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=TEXTS, help="texts.parquet with a column `text`")
    given, _ = parser.parse_known_args()
    print_head()
    print_rows(rows(given.data.resolve()))


if __name__ == "__main__":
    main()
