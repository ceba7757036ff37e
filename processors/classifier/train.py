"""Train a fastText classifier on good and bad examples, and find the threshold that keeps a given share.

    sets ──hash────> folded: a text counts once, one that stands in both sets not at all
         ──draw────> as many of the one as of the other, a share of them held out
         ──train───> the model        ──held out──> precision and recall at each threshold
                                      ──third set─> the threshold above which a share of it lies

Texts are equal when their words are, in either case and whatever stands between them. One thread, one seed, examples in
an order that their hashes decide: the same sets give the same bytes. Defaults are those of DCLM's classifier
(2406.11794; fastText's own): learning rate 0.1, 100 dimensions, 5 epochs, single words;
where examples are few they are shown more often.
"""

import hashlib
import re
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from corpus.errors import InputError
from corpus.seeds import mix
from corpus.tables import check_place
from processors.classifier.examples import read_examples
from processors.classifier.settings import MIN_EXAMPLES, Training
from processors.classifier.spool import Place, Spool, batched
from processors.filters.fasttext_model import chance_of, load_model

_ROWS = 1000  # texts scored at once
_SHOWN = 25_000  # examples, over all epochs: with a tenth of it P stays at 0.5 (285 books against 285 web pages)
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class Point:
    """What a threshold does with the held-out examples (as many good as bad ones): shares of 1."""

    threshold: float
    precision: float
    recall: float
    f1: float
    kept: float  # of both


@dataclass(frozen=True)
class Trained:
    """A model and what is known of it. `threshold` keeps the share asked for of `on`; None without such a set."""

    model: str
    sha256: str
    settings: dict[str, Any]
    counts: dict[str, int]
    points: tuple[Point, ...]
    best: Point  # the threshold of the highest F1
    threshold: float | None = None
    achieved: float | None = None  # the share of `on` at or above it
    unread: dict[str, int] = field(default_factory=dict)  # lines that held no example, by file


def train(training: Training, out: Path) -> Trained:
    """Train, write the model to `out`, and say what it does.

    Raises:
        InputError: a set cannot be read, is empty or too small.
        StoreError: `out` cannot be written.
    """
    check_place(out)
    unread: Counter[str] = Counter()
    sets = {training.label: training.positive, training.other: training.negative}
    found = {label: _hashes(wanted, training, unread) for label, wanted in sets.items()}
    chosen, counts = _chosen(found, training)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".training-") as name:
        folder = Path(name)
        spool = Spool(folder / "texts")
        for label, wanted in sets.items():
            spool.add(label, _texts(wanted, training), chosen[label])
        model = folder / "model.bin"
        _fit(spool, training, folder / "lines.txt", model)
        good, bad = (_chances(model, spool.texts(label, True), training) for label in sets)
        threshold, achieved = _by_share(model, training) if training.on else (None, None)
        model.replace(out)
    points = tuple(point(at, good, bad) for at in (np.arange(1, 10) / 10).tolist())
    tried = (point(at, good, bad) for at in np.unique(np.concatenate([good, bad])).tolist())
    best = max(tried, key=lambda each: each.f1)
    counts |= {"trained on": spool.count(False), "held out": spool.count(True)}
    settings = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(training).items()}
    unread_lines = {file: count for file, count in sorted(unread.items()) if count}
    sha256 = hashlib.sha256(out.read_bytes()).hexdigest()
    return Trained(str(out), sha256, settings, counts, points, best, threshold, achieved, unread_lines)


def point(threshold: float, good: np.ndarray, bad: np.ndarray) -> Point:
    """What a threshold does with probabilities of good and of bad examples, both sorted."""
    right, wrong = (int(len(each) - np.searchsorted(each, threshold)) for each in (good, bad))
    precision, recall = right / max(right + wrong, 1), right / len(good)
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return Point(threshold, precision, recall, f1, (right + wrong) / (len(good) + len(bad)))


def _texts(sets: Sequence[str], training: Training, unread: Counter[str] | None = None) -> Iterator[tuple[int, str]]:
    """Every text that has a word, as far as it is read, after a hash of its words."""
    for wanted in sets:
        for batch in read_examples(wanted, training.column, Counter() if unread is None else unread):
            for text in batch.to_pylist():
                seen = text[: training.window] if training.window else text
                if words := " ".join(_WORDS.findall(seen.casefold())):
                    yield xxhash.xxh3_64_intdigest(words.encode()), seen


def _hashes(sets: Sequence[str], training: Training, unread: Counter[str]) -> np.ndarray:
    """uint64[n] of all texts: 8 bytes each are all that is held of them."""
    return np.frombuffer(array("Q", (each for each, _ in _texts(sets, training, unread))), np.uint64)


def _chosen(found: dict[str, np.ndarray], training: Training) -> tuple[dict[str, dict[int, Place]], dict[str, int]]:
    """By label the hashes to take, as many of the one as of the other; and what was counted on the way."""
    once = {label: np.unique(hashes) for label, hashes in found.items()}
    both = np.intersect1d(once[training.label], once[training.other], assume_unique=True)
    counts = {"in both sets": len(both)}
    own = {label: np.setdiff1d(hashes, both, assume_unique=True) for label, hashes in once.items()}
    for label, hashes in own.items():
        read, alike = len(found[label]), len(found[label]) - len(once[label])
        counts |= {f"{label}: read": read, f"{label}: alike": alike, f"{label}: different": len(hashes)}
        if len(hashes) < MIN_EXAMPLES:
            raise InputError(
                f"classifier train: the set for `{label}` has {len(hashes)} examples of its own ({read} with words "
                f"were read, {alike} are like others, {len(both)} stand in both sets); give it at least {MIN_EXAMPLES}"
            )
    count = min(training.most, *(len(hashes) for hashes in own.values()))
    return {label: _drawn(hashes, training, count) for label, hashes in own.items()}, counts


def _drawn(hashes: np.ndarray, training: Training, count: int) -> dict[int, Place]:
    """The first `count` in drawn order; those first in a second draw are held out, at least one, and one is left."""
    drawn = mix(hashes ^ mix(np.array([training.seed], np.uint64)))
    order = np.argsort(drawn)[:count]
    heldout = np.zeros(count, np.bool_)
    heldout[np.argsort(mix(drawn[order]))[: min(max(round(count * training.heldout), 1), count - 1)]] = True
    rows = zip(hashes[order].tolist(), drawn[order].tolist(), heldout.tolist(), strict=True)
    return {each: Place(place, apart) for each, place, apart in rows}


def _fit(spool: Spool, training: Training, lines: Path, model: Path) -> None:
    """fastText's own training, on a file of lines, in one thread."""
    import fasttext_new

    with lines.open("wb") as file:
        for label, text in spool.labelled(heldout=False):
            # a word that begins like a label would be taken for one
            file.write(b"__label__%s %s\n" % (label.encode(), text.replace(b"__label__", b"label")))
    epochs = training.epochs or max(5, min(100, -(-_SHOWN // max(spool.count(False), 1))))
    numbers = {"lr": training.lr, "dim": training.dim, "epoch": epochs, "minCount": training.min_count}
    numbers |= {"wordNgrams": training.word_ngrams, "bucket": training.buckets, "seed": training.seed}
    fasttext_new.train_supervised(input=str(lines), thread=1, verbose=0, **numbers).save_model(model)


def _chances(model: Path, texts: Iterator[pa.Array], training: Training) -> np.ndarray:
    """The probability of the good label, float64[n], sorted."""
    loaded = load_model(model)
    found = [chance_of(loaded, batch, training.label).drop_null().to_numpy() for batch in texts]
    return np.sort(np.concatenate([np.empty(0), *found]))


def _by_share(model: Path, training: Training) -> tuple[float, float]:
    """The threshold that keeps the share asked for, and the share that it does keep: equal scores stand together."""
    hashes = np.unique(_hashes(training.on, training, Counter()))
    if not len(hashes):
        raise InputError(f"classifier train: {', '.join(training.on)} holds no text; `keep` is a share of it")
    taken = dict.fromkeys(_drawn(hashes, replace(training, heldout=0.5), min(training.most, len(hashes))))
    batches = batched((text for each, text in _texts(training.on, training) if taken.pop(each, 0) is None), _ROWS)
    chances = _chances(model, (pa.array(batch, pa.large_string()) for batch in batches), training)
    threshold = float(chances[-max(round(training.keep * len(chances)), 1)])
    return threshold, float(np.mean(chances >= threshold))
