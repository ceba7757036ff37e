"""Tokenizer training as planned: what `gristmill plan` foretells, beside what a process of its own takes.

The texts are prose in 25 languages and code (../shared/corpus beside the project), other cuts of which the laws in
tokenizer/cost.py were fitted to. Peak memory is the whole process', CPU-seconds are of the stage.
"""

from collections.abc import Iterator

from peers import ROOT, Row, needed, print_head, print_rows, run

TEXTS = ROOT / "../shared/corpus/truth/texts.parquet"
RUNS = (
    ("bpe", 8_192, 6_000_000), ("bpe", 32_000, 24_000_000),
    ("unigram", 8_192, 3_000_000), ("unigram", 16_000, 12_000_000),
)  # fmt: skip


def rows() -> Iterator[Row]:
    """A row a training; it is as planned where it takes no more memory than 1.15 times the plan, and at least 0.7."""
    for model_type, vocabulary, size in RUNS:
        got = run("gristmill", "train_tokenizer", needed(TEXTS).resolve(), model_type, vocabulary, size)
        memory, seconds = got["peak"] / got["memory"], got["seconds"] / got["cpu"]
        told = (
            f"{got['peak'] / 1e6:.0f} MB of {got['memory'] / 1e6:.0f} planned, "
            f"{got['seconds']:.1f} CPU-seconds of {got['cpu']:.1f}"
        )
        what = f"training {model_type}, {vocabulary:,} pieces, {got['bytes'] / 1e6:.0f} MB"
        bar = f"memory 0.7 to 1.15 of the plan: {memory:.2f} (time: {seconds:.2f})"
        yield Row(what, told, "", bar, 0.7 <= memory <= 1.15)


def main() -> None:
    """Print the rows."""
    print_head()
    print_rows(rows())


if __name__ == "__main__":
    main()
