"""What a forward pass reads, on the host, and the ids that objectives write into it.

In: a published corpus' tokenizer. Out: `Special`, the ids of its marks. `Rows` is what `transform` gives.
"""

import re
from dataclasses import dataclass, field

import numpy as np

from corpus.errors import DataError, RecipeError
from corpus.shard import Corpus
from pretrain.config import ObjectiveConfig

NAMES = {"fim_prefix": "<fim_prefix>", "fim_middle": "<fim_middle>", "fim_suffix": "<fim_suffix>", "mask": "<mask>"}
SENTINEL = re.compile(r"<extra_id_(\d+)>")  # T5's names (arXiv:1910.10683)


@dataclass(frozen=True, eq=False)
class Rows:
    """What forward passes read."""

    tokens: np.ndarray
    """int32 [n, T]: what the model reads; of an encoder-decoder the decoder, T then being `spans.widths`' own."""
    targets: np.ndarray
    """int32 [n, T]: what it is to say at each place; PAD bears no loss."""
    starts: np.ndarray
    """int32 [m]: flat places (row·T + column) where documents begin in tokens, each row's first place among them; in
    order, each once."""
    source: np.ndarray | None = None
    """Encoder-decoder only: int32 [n, S], what the encoder reads, PAD behind the end."""
    source_starts: np.ndarray | None = None
    """As `starts`, of source. The k-th of a row belongs to the k-th in tokens; padding in source is one more, in tokens
    it counts to the row's last document, where it can do no harm: attention is causal there and no target follows."""
    left_out: np.ndarray | None = None
    """int64 [n]: how many ids of each window its row had no room for; None = of none."""

    def part(self, first: int, stop: int) -> "Rows":
        """Rows [first, stop) alone, as views."""
        mine = slice(first, stop)
        return Rows(
            self.tokens[mine],
            self.targets[mine],
            _within(self.starts, first, stop, self.tokens.shape[1]),
            None if self.source is None else self.source[mine],
            None
            if self.source is None or self.source_starts is None
            else _within(self.source_starts, first, stop, self.source.shape[1]),
            None if self.left_out is None else self.left_out[mine],
        )


def _within(starts: np.ndarray, first: int, stop: int, width: int) -> np.ndarray:
    low, high = np.searchsorted(starts, [first * width, stop * width])
    return starts[low:high] - starts.dtype.type(first * width)


@dataclass(frozen=True, eq=False)
class Special:
    """Ids that objectives write; -1 or none where the tokenizer does not have them."""

    eos: int
    pad: int
    fim_prefix: int = -1
    fim_middle: int = -1
    fim_suffix: int = -1
    mask: int = -1
    sentinels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    """int32 [k]: `<extra_id_0>`, `<extra_id_1>` and so on."""
    ordinary: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    """int32: all ids that stand for text."""


def special_ids(corpus: Corpus, objective: ObjectiveConfig) -> Special:
    """The marks of the corpus' tokenizer; for `next` no more than its EOS and PAD, without opening the model.

    Raises RecipeError where the objective needs one that the tokenizer does not have, DataError for a damaged model.
    """
    special = Special(corpus.tokenizer.eos_id, corpus.tokenizer.pad_id)
    if objective.name == "next":
        return special
    import sentencepiece

    try:
        model = sentencepiece.SentencePieceProcessor(model_proto=bytes(corpus.store.get(corpus.tokenizer.path)))
    except (OSError, RuntimeError) as error:
        raise DataError(f"{corpus.model_path} cannot be read as a tokenizer; restore it or build again") from error
    pieces = {model.id_to_piece(i): i for i in range(model.get_piece_size())}
    numbers = {int(found[1]): i for piece, i in pieces.items() if (found := SENTINEL.fullmatch(piece))}
    marks = {i for i in pieces.values() if model.is_control(i) or model.is_unknown(i) or model.is_unused(i)}
    marks |= {*numbers.values()} | {pieces[name] for name in NAMES.values() if name in pieces}
    special = Special(
        special.eos,
        special.pad,
        **{key: pieces.get(name, -1) for key, name in NAMES.items()},
        sentinels=np.array([numbers[number] for number in sorted(numbers)], np.int32),
        ordinary=np.array(sorted({*pieces.values()} - marks), np.int32),
    )
    check(objective, special)
    return special


def check_domains(corpus: Corpus, objective: ObjectiveConfig) -> None:
    """Raises RecipeError where the objective names a domain that the training stream does not have."""
    there = {name for shard in corpus.train.shards for name in shard.domains}
    if unknown := [name for name in objective.domains if name not in there]:
        raise RecipeError(
            f"[objective] `domains` names {', '.join(unknown)}, the corpus has {', '.join(sorted(there))}: name those"
        )


def check(objective: ObjectiveConfig, special: Special) -> None:
    """Raises RecipeError where the objective needs an id that there is not."""
    needed = {"fim": ("fim_prefix", "fim_middle", "fim_suffix"), "mlm": ("mask",)}.get(objective.name, ())
    missing = [NAMES[key] for key in needed if getattr(special, key) < 0]
    if objective.name == "span" and not len(special.sentinels):
        missing = ["<extra_id_0>", "...", "<extra_id_99>"]
    if missing:
        listed = ", ".join(name if name == "..." else f'"{name}"' for name in missing)
        raise RecipeError(
            f"objective {objective.name!r} needs {listed}, which the corpus' tokenizer does not have: add them to "
            "`control` in the recipe's [tokenizer], with `retrain = true`, and build again"
        )
