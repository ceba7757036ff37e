"""Benchmark items planted into real texts: how many are found, how many other documents, and how fast, beside peers."""

import argparse
import json
import random
import tempfile
from pathlib import Path

from peers import ROOT, Row, print_head, print_rows, run

TEXTS = ROOT.parent / "shared/corpus/truth/texts.parquet"
ITEMS, PLANTED = 10_000, 300
PRESETS = ("13-gram", "gpt-3", "8-gram", "datatrove", "marin", "dolma", "llama-2")
PEERS_MEGABYTES = 3.0  # a second or so each


def main(texts: Path = TEXTS) -> None:
    """Every preset on the same texts; on a part of them datatrove's own filter, and sets of tuples in plain Python."""
    print_head()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.json"
        make(texts, made)
        rate = 0.0
        for preset in PRESETS:
            found = run("gristmill", "contamination_gristmill", made, preset)
            rate = rate or found["rate"]
            told = (
                f"{found['found']} of {found['planted']} planted, {found['others']} others; {found['rate']:.0f} MB/s, "
                f"index {found['grams']:,} n-grams in {found['indexed']:.1f} s, peak {found['peak'] / 1e6:.0f} MB"
            )
            met = found["found"] == found["planted"] and not found["others"] and found["rate"] >= 50
            print_rows([Row(f"contamination, {preset}", told, "", "all, no other, ≥ 50 MB/s", met)])
        for name, peer, script in (
            ("sets of 13 words in plain Python", "gristmill", "contamination_python"),
            ("datatrove 0.10.1, its English splitter", "datatrove-minhash", "contamination_datatrove"),
        ):
            found = run(peer, script, made, PEERS_MEGABYTES)
            told = f"{found['rate']:.2f} MB/s, {found['found']} of {found['planted']} planted"
            print_rows([Row(name, f"{rate / found['rate']:.0f} times as fast", told, "", None)])


def make(texts: Path, to: Path) -> None:
    """Documents, items of words drawn from them, and which item stands in which document: as one JSON file."""
    import pyarrow.parquet as pq

    random_ = random.Random(7)
    documents = pq.read_table(texts, columns=["text"])["text"].to_pylist()
    words = [word for word in " ".join(documents[::9]).split() if word.isascii() and word.isalpha()]
    items = [
        {"question": " ".join(random_.choices(words, k=random_.randint(20, 60))),
         "answer": " ".join(random_.choices(words, k=random_.randint(14, 30)))}
        for _ in range(ITEMS)
    ]  # fmt: skip
    planted = {}
    for row in random_.sample(range(len(documents)), PLANTED):
        number = random_.randrange(ITEMS)
        text = documents[row]
        at = text.find("\n\n", random_.randrange(max(1, len(text)))) if "\n\n" in text else len(text)
        at = len(text) if at < 0 else at
        leak = f"{items[number]['question']}\n{items[number]['answer']}"
        documents[row] = f"{text[:at]}\n\n{leak}\n\n{text[at:].lstrip()}"
        planted[row] = number
    to.write_text(json.dumps({"documents": documents, "items": items, "planted": planted}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, default=TEXTS, help="Parquet with a column `text`")
    main(parser.parse_args().texts)
