"""Train a SentencePiece model on the sample, and lock it.

In: ``sample/``. Out: ``tokenizer/`` with the model, ``token_bytes`` (int32: UTF-8 bytes of each id) and the facts
that shards carry. After the first build ``gristmill.lock`` at the corpus' root names the model by hash: later builds
keep it, whatever the mixture becomes, until the recipe says ``retrain = true``.

Text is taken as it is (identity normalisation, blanks kept, no blank put before the first word), characters outside
the vocabulary become bytes, a line end is a piece of its own: decoding gives the text back, also of a document's
pieces. One thread, because the number of threads changes models.
"""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from corpus.errors import DataError, RecipeError
from corpus.files import File, read_table, write_bytes
from corpus.recipe import TokenizerSettings
from corpus.shard import Tokenizer
from corpus.stage import Entry, Output, Part, Stage, plain
from corpus.store import Store

LOCK = "gristmill.lock"
UNK, BOS, EOS, PAD = range(4)
MAX_SENTENCE_BYTES = 4_096  # longer lines are cut: the trainer's work grows faster than a line


def sentences(texts: Iterable[str]) -> Iterator[str]:
    """The lines of the texts, the long ones cut, none empty."""
    for text in texts:
        for line in text.split("\n"):
            if len(line) <= MAX_SENTENCE_BYTES // 4:
                if line:
                    yield line
            else:
                yield from (
                    line[at : at + MAX_SENTENCE_BYTES // 4] for at in range(0, len(line), MAX_SENTENCE_BYTES // 4)
                )


def train_model(texts: Iterable[str], settings: TokenizerSettings) -> bytes:
    """A serialised SentencePiece model. Raises RecipeError where the sample is too small for the vocabulary."""
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=sentences(texts), model_writer=model, model_type=settings.model_type,
            vocab_size=settings.vocab_size, character_coverage=settings.character_coverage,
            normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=False,
            allow_whitespace_only_pieces=True, byte_fallback=True, split_digits=True, user_defined_symbols=["\n"],
            unk_id=UNK, bos_id=BOS, eos_id=EOS, pad_id=PAD, num_threads=1, input_sentence_size=0,
            shuffle_input_sentence=False, max_sentence_length=MAX_SENTENCE_BYTES, minloglevel=2,
        )  # fmt: skip
    except RuntimeError as error:
        said = str(error).strip().splitlines()[-1]
        raise RecipeError(
            f"tokenizer: no model of {settings.vocab_size} pieces can be trained on this sample ({said}); "
            f"lower [tokenizer] vocab_size or give it more text"
        ) from error
    return model.getvalue()


def load_model(model: bytes | memoryview) -> Any:
    """A `SentencePieceProcessor`. Raises DataError where the bytes are not a model."""
    import sentencepiece

    try:
        if not len(model):  # which the library takes for a model of no pieces
            raise RuntimeError("no bytes")
        return sentencepiece.SentencePieceProcessor(model_proto=bytes(model))
    except RuntimeError as error:
        raise DataError("the tokenizer is not a SentencePiece model; restore the file or set retrain = true") from error


def bytes_per_id(processor: Any) -> np.ndarray:
    """int32[vocab]: how many UTF-8 bytes of text an id stands for; 0 for marks."""
    sizes = np.zeros(processor.get_piece_size(), np.int32)
    for i in range(len(sizes)):
        if processor.is_byte(i):
            sizes[i] = 1
        elif not (processor.is_control(i) or processor.is_unknown(i)):
            sizes[i] = len(processor.id_to_piece(i).replace("\u2581", " ").encode())
    return sizes


def train(store: Store, part: Part) -> Output:
    """The stage's work: the sample in, model and byte counts out."""
    settings: TokenizerSettings = part.settings
    (file,) = part.inputs
    assert isinstance(file, File)
    texts = read_table(store, file, ["text"])["text"].to_pylist()
    if not texts:
        raise RecipeError("tokenizer: no document is left to train on; look at the filters, [heldout] and [mixture]")
    model = train_model(texts, settings)
    return Output(*_described(store, model, settings))


TRAIN = Stage("tokenizer", train, version=1, libraries=("sentencepiece",))


def _described(
    store: Store, model: bytes, settings: TokenizerSettings
) -> tuple[tuple[File, ...], tuple[()], dict[str, Any]]:
    processor = load_model(model)
    table = io.BytesIO()
    np.save(table, bytes_per_id(processor))
    files = (
        write_bytes(store, "tokenizer", "tokenizer", "model", model),
        write_bytes(store, "tokenizer", "token_bytes", "npy", table.getvalue()),
    )
    first_byte = processor.piece_to_id("<0x00>")
    what = Tokenizer(files[0].path, files[0].sha256, processor.get_piece_size(), EOS, PAD, files[1].path)
    # a byte token 0x80 to 0xBF goes on with a character: no piece may begin there
    info = {
        "tokenizer": asdict(what),
        "continuation": [first_byte + 0x80, first_byte + 0xC0],
        "settings": plain(settings),
    }
    return files, (), info


def model_settings(settings: TokenizerSettings) -> TokenizerSettings:
    """What decides a model: everything but the wish to have a new one."""
    return replace(settings, retrain=False)


@dataclass(frozen=True)
class Locked:
    """The tokenizer in force: its facts for shards, its files, the ids that may not begin a piece."""

    tokenizer: Tokenizer
    files: tuple[File, ...]
    continuation: tuple[int, int]
    settings: dict[str, Any]

    @property
    def model(self) -> File:
        """The model's file."""
        return self.files[0]


def locked(entry: Entry) -> Locked:
    """The tokenizer that a training entry describes."""
    info = entry.info
    low, high = info["continuation"]
    return Locked(Tokenizer(**info["tokenizer"]), entry.files, (low, high), info["settings"])


def read_lock(store: Store, settings: TokenizerSettings) -> Locked | None:
    """The locked tokenizer, or None where there is no lock or the recipe asks to retrain.

    Raises RecipeError where the recipe asks for another tokenizer than the locked one without saying `retrain`.
    """
    if settings.retrain:
        return None
    try:
        raw = store.get_json(LOCK)["tokenizer"]
    except FileNotFoundError:
        return None
    files = tuple(File(**file) for file in raw["files"])
    found = Locked(Tokenizer(**raw["tokenizer"]), files, tuple(raw["continuation"]), raw["settings"])
    there = store.list("tokenizer")
    gone = [file.path for file in files if there.get(file.path) != file.bytes]
    if gone:
        raise DataError(f"the locked tokenizer's {gone[0]} is gone or cut; restore it, or delete {LOCK} to train anew")
    wanted = plain(model_settings(settings))
    differing = [key for key in wanted if wanted[key] != found.settings.get(key)]
    if differing:
        key = differing[0]
        raise RecipeError(
            f"the tokenizer of this corpus is locked with {key} = {found.settings.get(key)!r}, the recipe says "
            f"{wanted[key]!r}; put the old value back, or set [tokenizer] retrain = true to train anew and encode "
            f"everything again"
        )
    return found


def write_lock(store: Store, found: Locked) -> None:
    """Lock a tokenizer. Written after its training is committed, so a killed build locks the same one."""
    store.put(LOCK, json.dumps({"tokenizer": plain(found)}, indent=1, sort_keys=True).encode() + b"\n")
