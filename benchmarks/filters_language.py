"""Language identification on the pages of a corpus, and the words of languages without blanks.

    python benchmarks/filters_language.py [CORPUS]

CORPUS (default: ../shared/corpus beside the project) holds web/*.warc.gz and truth/languages.tsv, whose rows with a
judged language and 50 tokens or more are taken; the pages are read and extracted by the project's own readers.

The truth goes by where a page lies in its package and by how much of it stands on the package's English pages, so a
page left in English whose English original is not in the corpus counts as translated. Therefore a second row sets
aside, for either outcome, the pages whose function words contradict their label: another language's are twice as many
(`languages.STOP_WORDS`; words that both languages have do not count). And language_pages.tsv holds what a reader made
of the pages of the development corpus on which model and truth differ (stretches from four places of each page;
"en+fr" is English with less French). The pages on which they agree were not read.
"""

import csv
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from peers import Row, print_head, print_rows

from processors.filters.fasttext_model import load_model, predict
from processors.filters.language import Language, model_file
from processors.filters.languages import STOP_WORDS, UNSPACED, code_of
from processors.filters.measure import Measures
from processors.filters.segment import VARIANTS, word_bounds
from sources.read import ReadSettings, read

CORPUS = Path(__file__).parents[2] / "shared/corpus"
READ = Path(__file__).with_name("language_pages.tsv")
TOKENS, ACCURACY, RATE, ROUNDS = 50, 0.985, 0.9, 5


@dataclass(frozen=True)
class Pages:
    """Pages with a judged language: URLs, the truth's codes, texts (large_string)."""

    urls: list[str]
    truth: list[str]
    texts: pa.Array

    @property
    def megabytes(self) -> float:
        """Of UTF-8."""
        return len("".join(self.texts.to_pylist()).encode()) / 1e6


def main(corpus: Path = CORPUS) -> None:
    """Print the table."""
    pages = _pages(corpus)
    print(f"{len(pages.urls)} pages, {pages.megabytes:.1f} MB of text, {len(set(pages.truth))} languages")
    labels = predict(load_model(model_file()), pages.texts)[0].to_pylist()
    print_head()
    print_rows(_accuracy(pages, labels))
    print_rows(_rates(pages))
    print_rows(_words(pages))


def _pages(corpus: Path) -> Pages:
    with (corpus / "truth/languages.tsv").open(encoding="utf-8", newline="") as opened:
        rows = [row for row in csv.DictReader(opened, delimiter="\t") if row["lang"] not in ("mixed", "und")]
    truth = {(row["file"], row["url"]): code_of(row["lang"]) or "" for row in rows if int(row["tokens"]) >= TOKENS}
    texts: dict[tuple[str, str], str] = {}
    for file in sorted({file for file, _ in truth}):
        for item in read(corpus / file, ReadSettings(kind="web")):
            if item.document and (file, item.document.url or "") in truth:
                texts.setdefault((file, item.document.url or ""), item.document.text)
    if len(texts) < len(truth):
        print(f"{len(truth) - len(texts)} pages of the truth gave no text")
    return Pages([url for _, url in texts], [truth[key] for key in texts], pa.array(texts.values(), pa.large_string()))


def _accuracy(pages: Pages, labels: list[str | None]) -> Iterator[Row]:
    good = np.array([code_of(label or "") == code for label, code in zip(labels, pages.truth, strict=True)])
    yield _share("accuracy, the truth as it stands", good)
    doubtful = np.array([_contradicted(*each) for each in zip(pages.texts.to_pylist(), pages.truth, strict=True)])
    yield _share(f"accuracy, {doubtful.sum()} pages set aside whose function words contradict it", good[~doubtful])
    with READ.open(encoding="utf-8", newline="") as opened:
        seen = {row["url"]: row["read"].split("+") for row in csv.DictReader(opened, delimiter="\t")}
    missed = [(url, label) for url, label, right in zip(pages.urls, labels, good, strict=True) if not right]
    known = [label == seen[url][0] for url, label in missed if url in seen]
    if known:
        right = good.sum() + sum(known)
        told = f"{right / len(good):.2%} ({len(known)} of the {len(missed)} misses were read)"
        yield Row("accuracy, misses judged by a reader", told, "", f">= {ACCURACY:.1%}", right / len(good) >= ACCURACY)
    pairs = Counter((code, label) for label, code, right in zip(labels, pages.truth, good, strict=True) if not right)
    told = ", ".join(f"{code} as {label} {count}" for (code, label), count in pairs.most_common(8))
    yield Row("misses, the truth as it stands", told, "", "", None)


def _share(what: str, good: np.ndarray) -> Row:
    return Row(what, f"{good.mean():.2%} of {good.size}", "", f">= {ACCURACY:.1%}", bool(good.mean() >= ACCURACY))


def _contradicted(text: str, code: str) -> bool:
    """Whether some other language's function words stand in a text at least twice as often as those of `code`."""
    if code not in STOP_WORDS or code in UNSPACED:
        return False
    words = Counter(re.findall(r"\w+", text.lower()))
    mine = set(STOP_WORDS[code])
    for other in STOP_WORDS.keys() - set(UNSPACED) - {code}:
        theirs = set(STOP_WORDS[other])
        counts = [sum(words[word] for word in own) for own in (theirs - mine, mine - theirs)]
        if counts[0] >= 5 and counts[0] > 2 * counts[1]:
            return True
    return False


def _rates(pages: Pages) -> Iterator[Row]:
    model = load_model(model_file())
    lines = [text.replace("\n", " ") for text in pages.texts.to_pylist()]
    labels, _ = predict(model, pages.texts)
    own = [names[0].removeprefix("__label__") if names else None for names, _ in map(model.predict, lines)]
    same = sum(a == b for a, b in zip(labels.to_pylist(), own, strict=True))
    yield Row("same labels as fastText's own call", f"{same} of {len(own)}", "", "all", same == len(own))
    batch = pa.RecordBatch.from_pydict({"text": pages.texts})
    measures = Measures(pages.texts)
    sides: dict[str, Callable[[], object]] = {
        "own": lambda: [model.predict(line) for line in lines],
        "own, in one call": lambda: model.predict_batch(lines, threads=1),
        "predict": lambda: predict(model, pages.texts),
        "language": lambda: Language().scores(batch, measures),
        "language, window = 4000": lambda: Language(window=4000).scores(batch, measures),
        "language, paragraphs": lambda: Language(mode="paragraphs").scores(batch, measures),
    }
    sides["language"]()  # compiles
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, side in sides.items():
            seconds[name].append(_seconds(side))
    rates = {name: pages.megabytes / float(np.median(each)) for name, each in seconds.items()}
    raw = max(rates["own"], rates["own, in one call"])
    peer = f"{rates['own']:.1f} MB/s a text, {rates['own, in one call']:.1f} in one call"
    for name in list(sides)[2:]:
        ratio = rates[name] / raw
        bar, met = (f">= {RATE} x", ratio >= RATE) if name in ("predict", "language") else ("", None)
        yield Row(f"rate: {name}", f"{rates[name]:.1f} MB/s, {ratio:.2f} x", peer, bar, met)


def _words(pages: Pages) -> Iterator[Row]:
    for code in UNSPACED:
        texts = pages.texts.filter(pa.array([each == code for each in pages.truth]))
        if len(texts) == 0:
            continue
        size, languages = len("".join(texts.to_pylist()).encode()) / 1e6, pa.array([code] * len(texts))
        for variant in VARIANTS:
            bounds = word_bounds(texts, languages, variant)
            work = partial(word_bounds, texts, languages, variant)
            rate = size / min(_seconds(work) for _ in range(3))
            words = len(bounds.starts) if bounds else 0
            yield Row(f"words of {code}, {variant}", f"{rate:.1f} MB/s, {words} words", "", "", None)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
