"""fastText behind three verbs, so that the package under it can be changed in one place.

    load_model   a .bin or .ftz file      -> the model, once per process
    predict      a column of texts        -> the likeliest label of each, and its probability
    chance_of    a column of texts, label -> that label's probability

`fasttext-new` reads the original's files, frees the interpreter lock, and has its own module name. A text goes in whole
or by its first characters; a newline ends a text for fastText, so newlines become blanks, and nothing else is changed.
Labels come without the prefix `__label__`; probabilities have four decimals and are at most 1.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import InputError

LIBRARY = "fasttext-new"
Model = Any  # fasttext_new carries no types

_LABEL = "__label__"
_BATCH_BYTES = 1 << 20  # handed over at once: bounds the copies as Python's strings


def load_model(path: Path) -> Model:
    """The model in a .bin or .ftz file; loaded once per process and state of the file.

    Raises:
        InputError: no such file, or no fastText model.
    """
    try:
        return _loaded(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise InputError(f"{path}: no fastText model: {error.strerror}") from error


@lru_cache(8)
def _loaded(path: Path, changed: int) -> Model:
    import fasttext_new

    try:
        return fasttext_new.load_model(str(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no fastText model: {error}") from error


def predict(model: Model, texts: pa.Array, window: int = 0) -> tuple[pa.Array, pa.Array]:
    """The likeliest label of each text and its probability to four decimals: string[n] and float64[n].

    Args:
        model: from `load_model`.
        texts: string or large_string; null gives null.
        window: how many of a text's first characters are read; 0 reads all.

    Both are null where fastText has nothing to say: a text of which the model knows no word.
    """
    labels: list[str | None] = []
    chances = []
    for lines in _lines(texts, window):
        names, flat, counts = model.f.predict_batch(lines, 1, 0.0, 1, "strict")
        known = np.asarray(counts, np.int64) > 0
        chance = np.full(len(known), np.nan)
        chance[known] = np.frombuffer(flat, np.float32)
        labels += [each[0].removeprefix(_LABEL) if each else None for each in names]
        chances.append(chance)
    return _judged(texts, pa.array(labels, pa.string())), _judged(texts, _rounded(chances, 4))


def chance_of(model: Model, texts: pa.Array, label: str, window: int = 0) -> pa.Array:
    """The probability of one label for each text, float64[n], to six decimals (DCLM's threshold has as many).

    Null as in `predict`.

    Raises:
        InputError: the model has no such label.
    """
    name = label if label.startswith(_LABEL) else _LABEL + label
    known = model.get_labels()
    if name not in known:
        shown = ", ".join(sorted(each.removeprefix(_LABEL) for each in known)[:20])
        raise InputError(f"the model has no label {label!r}; it has {len(known)}: {shown}")
    chances = []
    for lines in _lines(texts, window):
        names, flat, counts = model.f.predict_batch(lines, len(known), 0.0, 1, "strict")
        rows = np.repeat(np.arange(len(counts)), np.asarray(counts, np.int64))
        here = np.fromiter((each == name for each in chain.from_iterable(names)), np.bool_, len(rows))
        chance = np.full(len(counts), np.nan)
        chance[rows[here]] = np.frombuffer(flat, np.float32)[here]
        chances.append(chance)
    return _judged(texts, _rounded(chances, 6))


def slices(texts: pa.Array) -> Iterator[pa.Array]:
    """The texts in order, in slices of bounded bytes (a large text is a slice of its own); nothing where none is."""
    ends = np.cumsum(pc.fill_null(pc.binary_length(texts), 0).to_numpy(zero_copy_only=False), dtype=np.int64)
    bounds = [0, *(np.flatnonzero(np.diff(ends // _BATCH_BYTES)) + 1).tolist(), len(texts)]
    return (texts.slice(start, end - start) for start, end in pairwise(bounds) if end > start)


def _lines(texts: pa.Array, window: int) -> Iterator[list[str]]:
    """The texts as fastText takes them."""
    for part in slices(pc.utf8_slice_codeunits(texts, 0, window) if window else texts):
        yield pc.replace_substring(pc.fill_null(part, ""), "\n", " ").to_pylist()


def _rounded(chances: list[np.ndarray], decimals: int) -> pa.Array:
    """At most 1 (fastText's rounding errors go above); NaN is null."""
    whole = np.minimum(np.round(np.concatenate([np.empty(0), *chances]), decimals), 1.0)
    return pa.array(whole, pa.float64(), mask=np.isnan(whole))


def _judged(texts: pa.Array, column: pa.Array) -> pa.Array:
    return pc.if_else(texts.is_valid(), column, None)
