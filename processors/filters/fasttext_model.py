"""fastText behind two verbs, so that the package under it can be changed in one place.

`fasttext-new` reads the original's .bin and .ftz files, frees the interpreter lock, and has its own module name.
"""

from functools import cache
from pathlib import Path

import pyarrow as pa

LIBRARY = "fasttext-new"
_LABEL = "__label__"


@cache
def load_model(path: Path) -> object:
    """The model in a .bin or .ftz file; loaded once per process."""
    import fasttext_new

    return fasttext_new.load_model(str(path))


def predict(model: object, texts: list[str]) -> tuple[pa.Array, pa.Array]:
    """The likeliest label of each text, without its prefix, and its probability to four decimals; null where none.

    A newline ends a text for fastText, so newlines become blanks.
    """
    lines = [text.replace("\n", " ") for text in texts]
    found, chances = model.predict_batch(lines, k=1, threads=1)  # type: ignore[attr-defined]
    labels = [names[0].removeprefix(_LABEL) if names else None for names in found]
    scores = [min(round(float(values[0]), 4), 1.0) if len(values) else None for values in chances]
    return pa.array(labels, pa.string()), pa.array(scores, pa.float64())
