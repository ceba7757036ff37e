"""Whether our scores and decisions are datatrove's: variant fineweb, the same words given to both sides.

    python benchmarks/filters.py agreement         (or this file; --data texts.parquet, a column `text`)

Two rounds: words by regular expression in both, patched into datatrove; and datatrove's own for English (spaCy), given
to our side through `Measures(bounds=…)`. Every filter reads the whole text; of datatrove each rule runs alone.
Sentences are counted by each side's own rule. Two tables: of each score the greatest difference, and how many texts are
more than 1e-6 apart; of each rule the texts that one side drops and the other keeps. Takes some minutes.

What differs: sentences, since ours are counted by rule (sentences.py); and some n-grams, since datatrove compares them
without the blanks between their words, so that "1 12" equals "11 2".
"""

import argparse
import math
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from peers import ROOT, run

TEXTS = ROOT / "../shared/corpus/truth/texts.parquet"
NEAR = 1e-6
BAR = 0.995
TOGETHER = {"gopher_quality.symbols": ("gopher_quality.hashes", "gopher_quality.ellipses")}  # one rule of theirs


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    """A column as float64, nulls as NaN."""
    return np.array([math.nan if value is None else float(value) for value in column.to_pylist()])


def compare_scores(ours: pa.Table, theirs: pa.Table) -> None:
    """A row a score."""
    print("| score | greatest difference | texts > 1e-6 apart | null on one side |\n|---|---|---|---|")
    for name in sorted(set(ours.column_names) & set(theirs.column_names) - {"left"}):
        if name.startswith("drops."):
            continue
        left, right = numbers(ours[name]), numbers(theirs[name])
        apart = np.abs(left - right)
        one = int((np.isnan(left) != np.isnan(right)).sum())
        print(f"| {name} | {np.nanmax(apart, initial=0):.3g} | {int((apart > NEAR).sum())} | {one} |", flush=True)


def compare_decisions(ours: pa.Table, theirs: pa.Table) -> None:
    """A row a rule; texts of which nothing is left to judge are told apart: datatrove divides by nothing there."""
    print("| rule | dropped by ours | by datatrove | unequal | equal | met |\n|---|---|---|---|---|---|")
    for name in sorted(column for column in theirs.column_names if column.startswith("drops.")):
        rule = name.removeprefix("drops.")
        names = [f"drops.{each}" for each in TOGETHER.get(rule, (rule,))]
        left = np.any([ours[each].to_numpy() for each in names], axis=0)
        right = theirs[name].to_numpy()
        unequal = int((left != right).sum())
        share = 1 - unequal / len(left)
        met = "yes" if share >= BAR else "**no**"
        print(f"| {rule} | {left.sum()} | {right.sum()} | {unequal} | {share:.2%} | {met} |", flush=True)
    kept = theirs["left"].is_valid().to_numpy()
    pairs = zip(ours["left"].filter(kept).to_pylist(), theirs["left"].filter(kept).to_pylist(), strict=True)
    unequal = sum(left.strip() != right for left, right in pairs)
    print(f"\nTexts that C4 keeps: {kept.sum()}, of which {unequal} are cut otherwise.\n", flush=True)


def main() -> None:
    """Both rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=TEXTS, help="texts.parquet with a column `text`")
    given, _ = parser.parse_known_args()
    texts = given.data.resolve()
    with tempfile.TemporaryDirectory(prefix="agreement-") as folder:
        for splitter in ("regex", "spacy"):
            theirs, ours = Path(folder) / f"{splitter}.parquet", Path(folder) / f"{splitter}-ours.parquet"
            run("datatrove-minhash", "heuristics_datatrove", "agree", texts, splitter, theirs)
            run("gristmill", "heuristics_gristmill", texts, theirs, ours)
            print(f"Words on both sides: {splitter}\n")
            compare_scores(pq.read_table(ours), pq.read_table(theirs))
            print()
            compare_decisions(pq.read_table(ours), pq.read_table(theirs))


if __name__ == "__main__":
    main()
