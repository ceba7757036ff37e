"""What a classifier is trained on and how: options of the command, or a TOML file with the same keys and more.

positive = ["good/*.jsonl.zst", "../builds/web:wiki"]
negative = ["../builds/web:crawl"]
on = ["../builds/web:crawl"]
keep = 0.1
word_ngrams = 2
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.errors import RecipeError
from corpus.strict import Text, parse, read_toml

MIN_EXAMPLES = 50  # different ones of a class; fewer say nothing
_SETS = ("positive", "negative", "on")
_COUNTS = ("dim", "word_ngrams", "min_count", "buckets")


@dataclass(frozen=True)
class Training:
    """What to train on and how.

    Attributes:
        positive, negative: sets of examples, see `examples`.
        on: sets that `keep` is a share of, as the corpus that will be filtered; none: no threshold by share.
        label, other: what the model calls the two classes.
        keep: the share of `on` to keep.
        heldout: the share of examples that is not trained on.
        most: examples of a class at most, and of `on`.
        window: how many of a text's first characters are read; 0 reads all.
        column: what holds the text in files.
        epochs: how often each example is shown; 0: five times, and where they are few as often as makes 25,000 times
            in all (100 times at most), for a model that has seen little knows nothing.
        seed, lr, dim, word_ngrams, min_count, buckets: fastText's; buckets hold n-grams of words.
    """

    positive: tuple[str, ...]
    negative: tuple[str, ...]
    on: tuple[str, ...] = ()
    label: str = "hq"
    other: str = "lq"
    keep: float = 0.1
    heldout: float = 0.1
    most: int = 200_000
    window: int = 0
    column: str = "text"
    seed: int = 0
    lr: float = 0.1
    dim: int = 100
    epochs: int = 0
    word_ngrams: int = 1
    min_count: int = 1
    buckets: int = 2_000_000

    def __post_init__(self) -> None:
        bounds: list[tuple[str, float, bool, str]] = [
            ("keep", self.keep, 0 < self.keep < 1, "between 0 and 1"),
            ("heldout", self.heldout, 0 < self.heldout < 1, "between 0 and 1"),
            ("most", self.most, self.most >= MIN_EXAMPLES, f"at least {MIN_EXAMPLES}"),
            ("window", self.window, self.window >= 0, "at least 0; 0 reads all"),
            ("seed", self.seed, 0 <= self.seed < 1 << 31, "at least 0 and below 2**31"),
            ("epochs", self.epochs, self.epochs >= 0, "at least 0; 0 is as many as are needed"),
            ("lr", self.lr, 0 < self.lr <= 10, "above 0"),
            *((name, getattr(self, name), getattr(self, name) >= 1, "at least 1") for name in _COUNTS),
        ]
        for name, value, good, rule in bounds:
            if not good:
                raise RecipeError(f"classifier train: `{name}` is {value!r}, it must be {rule}")
        for label in (self.label, self.other):
            if not re.fullmatch(r"[^\s_][^\s]*", label) or self.label == self.other:
                raise RecipeError(
                    f"classifier train: the label {label!r} must be one word, without `__label__`, of two"
                )


def read_training(path: Path | None, options: Mapping[str, Any]) -> Training:
    """Settings from a TOML file, whose sets lie relative to it, with options laid over them.

    Raises RecipeError for what is wrong in either.
    """
    text, table = Text("classifier train", ""), dict[str, Any]()
    if path:
        content, table = read_toml(path)
        text = Text(str(path), content)
        for name in _SETS:
            if isinstance(table.get(name), list):
                table[name] = [str(path.parent / each) for each in table[name]]
    table |= {key: list(value) if isinstance(value, tuple) else value for key, value in options.items()}
    for name in _SETS[:2]:
        if not table.get(name):
            raise RecipeError(
                f"{path or 'classifier train'}: no {name} examples; give --{name} GLOB, or `{name}` in TOML"
            )
    return parse(Training, table, text)
