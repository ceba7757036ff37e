"""Classifiers, word lists and lists of hosts: how fast they are, and whether training gives the same bytes twice.

    python benchmarks/filters_classifier.py [TEXTS.parquet]

The texts (columns text and domain) default to the development corpus' sample. A classifier is trained on the spot, to
tell one domain from the others. The word list is made of rare words of the texts themselves; its peer is what
datatrove's `C4BadWordsFilter` does: one regular expression of all words, ignoring case.
"""

import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from peers import ROOT, Row, print_head, print_rows

from processors.classifier.settings import Training
from processors.classifier.train import Trained, train
from processors.filters.classifier import Classifier
from processors.filters.fasttext_model import load_model
from processors.filters.measure import Measures
from processors.filters.opt_out import OptOut
from processors.filters.url_category import UrlCategory
from processors.filters.word_list import WordList

TEXTS = ROOT.parent / "shared/corpus/truth/texts.parquet"
ROUNDS, WORDS, HOSTS, URLS = 3, 3000, 1_000_000, 50_000
LIST_RATE = 30.0  # MB per CPU-second


def main(texts: Path = TEXTS) -> None:
    """Print the table."""
    table = pq.read_table(texts, columns=["text", "domain"])
    column = table["text"].combine_chunks().cast(pa.large_string())
    print_head()
    with tempfile.TemporaryDirectory() as folder:
        trained = [_trained(table, Path(folder), name) for name in ("a", "b")]
        same = trained[0].sha256 == trained[1].sha256
        told = f"{trained[0].counts['trained on']} examples, held-out F1 {trained[0].best.f1:.3f}"
        print_rows([Row("training twice gives the same bytes", f"{same}; {told}", "", "yes", same)])
        print_rows(_classifier(column, trained[0]))
        print_rows(_words(column, Path(folder)))
        print_rows(_hosts(Path(folder)))


def _trained(table: pa.Table, folder: Path, name: str) -> Trained:
    """Web pages against code, the two largest domains of the development corpus."""
    for domain in ("web", "code"):
        rows = [row["text"] for row in table.to_pylist() if row["domain"] == domain]
        (folder / f"{domain}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in rows))
    sets = [(str(folder / f"{domain}.jsonl"),) for domain in ("web", "code")]
    return train(Training(*sets, window=4000, most=1000), folder / f"{name}.bin")


def _classifier(texts: pa.Array, trained: Trained) -> Iterator[Row]:
    lines = [text.replace("\n", " ") for text in texts.to_pylist()]
    model = load_model(Path(trained.model))
    raw = _seconds(lambda: model.predict_batch(lines, k=1, threads=1))
    for window, unit in ((0, "document"), (4000, "document"), (0, "paragraph")):
        each = Classifier(trained.model, window=window, unit=unit)
        seconds = _seconds(lambda each=each: each.scores(_batch(texts), Measures(texts)))
        what = f"classifier, {unit}" + (f", window {window:,}" if window else "")
        peer = f"{_megabytes(texts) / raw:.0f} MB/s fastText alone"
        yield Row(what, f"{_megabytes(texts) / seconds:.0f} MB/s", peer, "", None)


def _words(texts: pa.Array, folder: Path) -> Iterator[Row]:
    known = Counter(word for text in texts.to_pylist() for word in re.findall(r"\w{4,}", text.lower()))
    rare = [word for word, _ in known.most_common()][3000:]
    words = random.Random(1).sample(rare, min(WORDS, len(rare)))
    (folder / "words").mkdir()
    (folder / "words" / "en").write_text("\n".join(words), "utf-8")
    each, measures = WordList(str(folder / "words"), always=("en",)), Measures(texts)
    measures["plain_words"]  # counted once for all filters
    seconds = _seconds(lambda: each.scores(_batch(texts), measures))
    some = texts.slice(0, max(len(texts) // 50, 1))
    found = re.compile(rf"(?:\W|^)({'|'.join(map(re.escape, words))})(?:\W|$)", re.IGNORECASE)
    theirs = _megabytes(some) / _seconds(lambda: [found.findall(text) for text in some.to_pylist()], 1)
    ours = _megabytes(texts) / seconds
    bar = f">= {LIST_RATE:.0f} MB/s"
    yield Row(f"word list, {len(words):,} words", f"{ours:.0f} MB/s", f"{theirs:.2f} MB/s (re)", bar, ours >= LIST_RATE)


def _hosts(folder: Path) -> Iterator[Row]:
    draw = random.Random(2)
    hosts = [f"{draw.getrandbits(48):x}.{draw.choice(('com', 'org', 'co.uk'))}" for _ in range(HOSTS)]
    (folder / "ut1/adult").mkdir(parents=True)
    for path in (folder / "ut1/adult/domains", folder / "hosts.txt"):
        path.write_text("\n".join(hosts) + "\n")
    urls = [f"https://www.{draw.choice(hosts)}/page/{n}.html?x={n}" for n in range(URLS)]
    nothing = pa.nulls(URLS, pa.string())
    columns = {"url": pa.array(urls), "canonical": nothing, "repository": nothing, "author": nothing}
    batch = pa.RecordBatch.from_pydict(columns)
    for name, each in (
        ("url_category", UrlCategory(str(folder / "ut1"))),
        ("opt_out", OptOut(hosts=str(folder / "hosts.txt"))),
    ):
        load = _seconds(lambda each=each: each.scores(batch.slice(0, 1), Measures(nothing)), 1)
        rate = URLS / _seconds(lambda each=each: each.scores(batch, Measures(nothing)))
        yield Row(f"{name}, {HOSTS:,} hosts", f"{rate:,.0f} URLs/s after {load:.1f} s to load", "", "", None)


def _batch(texts: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"text": texts})


def _megabytes(texts: pa.Array) -> float:
    return sum(len(text.encode()) for text in texts.to_pylist()) / 1e6


def _seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """CPU-seconds of the fastest of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
