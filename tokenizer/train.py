"""Train a SentencePiece model on the sample, or take the one that the recipe names.

In: ``sample/``. Out: ``tokenizer/`` with the model, ``token_bytes`` (int32: UTF-8 bytes of each id), Hugging Face's
files, and the facts that shards carry.

Text is taken as it is (identity normalisation, blanks kept, no blank put before the first word), characters outside
the vocabulary become bytes: decoding gives the text back, also of a document's pieces. Runs of blanks and of tabs are
pieces as they are common; one, two or three line ends are a piece of their own, and no more follow each other in
normalised text. One thread, because the number of threads changes models.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.errors import DataError, InputError, RecipeError
from corpus.files import File, read_table, write_bytes
from corpus.recipe import TokenizerSettings
from corpus.shard import Tokenizer
from corpus.stage import Output, Part, Stage, plain
from corpus.store import Store
from tokenizer.cost import check_memory
from tokenizer.given import check_given
from tokenizer.huggingface import write_huggingface
from tokenizer.lock import LOCK, Given, Locked, locked, model_settings, read_lock, write_lock
from tokenizer.model import CONTROL, Model, bytes_per_id, load_model, read_model

__all__ = ["LOCK", "TRAIN", "Locked", "load_model", "locked", "model_settings", "read_lock", "train_part", "write_lock"]
UNK, BOS, EOS, PAD = range(4)
MARKS = ("<unk>", "<s>", "</s>", "<pad>")
LINE_ENDS = ("\n", "\n\n", "\n\n\n")  # normalised text has no longer run
MAX_SENTENCE_BYTES = 4_096  # longer lines are cut: the trainer's work grows faster than a line
_RESERVED = "\u2585"  # the trainer passes over a sentence that has it
_LETTERS = "<>_/0123456789ABCDEFabcdefghijklmnopqrstuvwxyz"


def sentences(texts: Iterable[str]) -> Iterator[str]:
    """The lines of the texts, the long ones cut, none empty."""
    most = MAX_SENTENCE_BYTES // 4
    for text in texts:
        for line in text.replace(_RESERVED, "\n").split("\n"):
            if len(line) <= most:
                if line:
                    yield line
            else:
                yield from (line[at : at + most] for at in range(0, len(line), most))


def train_model(texts: Iterable[str], settings: TokenizerSettings) -> bytes:
    """A serialised SentencePiece model. Raises RecipeError where the sample is too small for the vocabulary."""
    import sentencepiece

    model = io.BytesIO()
    # so that what looks like a mark is letters in Hugging Face's unigram, too, which finds marks in text
    spelt = {*_LETTERS, *"".join(settings.control)} - {*settings.symbols} if settings.model_type == "unigram" else ()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=sentences(texts), model_writer=model, model_type=settings.model_type,
            vocab_size=settings.vocab_size, character_coverage=settings.character_coverage,
            normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=False,
            allow_whitespace_only_pieces=True, byte_fallback=True, split_digits=settings.split_digits,
            split_by_unicode_script=settings.split_scripts, control_symbols=list(settings.control),
            user_defined_symbols=[*LINE_ENDS, *settings.symbols], required_chars="".join(sorted(spelt)),
            unk_id=UNK, bos_id=BOS, eos_id=EOS, pad_id=PAD, num_threads=1, input_sentence_size=0,
            shuffle_input_sentence=False, max_sentence_length=MAX_SENTENCE_BYTES, minloglevel=2,
        )  # fmt: skip
    except RuntimeError as error:
        said = str(error).strip().splitlines()[-1].split("] ")[-1].rstrip(".")
        raise RecipeError(
            f"tokenizer: no model of {settings.vocab_size} pieces can be trained on this sample ({said}); "
            f"lower [tokenizer] vocab_size or give it more text"
        ) from error
    return model.getvalue()


def train_part(settings: TokenizerSettings, folder: Path, sample: tuple[File, ...]) -> Part:
    """The stage's one part. `folder` is the recipe's, which the path of a given model is relative to."""
    aside = str((folder / settings.model).resolve()) if settings.model else None
    return Part("all", sample, model_settings(settings, folder), aside=aside)


def train(store: Store, part: Part) -> Output:
    """The stage's work: the sample in; model, byte counts and Hugging Face's files out."""
    settings: TokenizerSettings | Given = part.settings
    (file,) = part.inputs
    assert isinstance(file, File)
    column = read_table(store, file, ["text"])["text"]
    if not len(column):
        raise RecipeError("tokenizer: no document is left to train on; look at the filters, [heldout] and [mixture]")
    if isinstance(settings, Given):
        made = _given(Path(part.aside), settings, column)
    else:
        check_memory(settings, column.nbytes)
        data = train_model(_each(column), settings)
        made = Made(data, read_model(data), ())
    return _described(store, made, plain(settings))


TRAIN = Stage("tokenizer", train, version=2, libraries=("sentencepiece",))


@dataclass(frozen=True)
class Made:
    """A model, and what is to be said of it."""

    data: bytes
    model: Model
    notes: tuple[str, ...]


def _each(column: pa.ChunkedArray) -> Iterator[str]:
    """The texts one at a time: the trainer keeps a copy of its own."""
    for text in column:
        yield text.as_py()


def _given(path: Path, settings: Given, column: pa.ChunkedArray) -> Made:
    import hashlib

    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != settings.model_sha256:
        raise DataError(f"{path} changed while the corpus was built; build again")
    try:
        model, processor = read_model(data), load_model(data)
    except DataError as error:
        raise RecipeError(f"{path}: not a SentencePiece model; give the .model file that training wrote") from error
    return Made(data, model, check_given(model, processor, path.name, _each(column), settings.lossy))


def _described(store: Store, made: Made, settings: dict[str, Any]) -> Output:
    model = made.model
    table = io.BytesIO()
    np.save(table, bytes_per_id(model))
    files = (
        write_bytes(store, "tokenizer", "tokenizer", "model", made.data),
        write_bytes(store, "tokenizer", "token_bytes", "npy", table.getvalue()),
    )
    beside, why_not = write_huggingface(store, model)
    pad = model.pad_id if model.pad_id >= 0 else model.unk_id
    what = Tokenizer(files[0].path, files[0].sha256, len(model.pieces), model.eos_id, pad, files[1].path)
    ends = (model.bos_id, model.eos_id, model.pad_id)
    info = {
        "tokenizer": asdict(what),
        "continuation": list(model.continuation),  # no piece may begin there
        "settings": settings,
        "bos_id": model.bos_id if model.bos_id >= 0 else None,
        "control": {name: i for name, i in model.of_kind(CONTROL).items() if i not in ends},
        "notes": [*made.notes, *why_not],
    }
    return Output((*files, *beside), info=info)
