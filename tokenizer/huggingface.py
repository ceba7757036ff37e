"""The same tokenizer for Hugging Face's library: ``tokenizer.json``, giving the ids that SentencePiece gives.

In: a model. Out: ``tokenizer/huggingface.<hash>/`` with ``tokenizer.json`` and ``tokenizer_config.json``, a folder that
`AutoTokenizer.from_pretrained` opens; or the reason why this model cannot be said in that format.

The format is that of the package `tokenizers` (Apache-2.0). BPE there knows pairs and their ranks: every way to part a
piece in two pieces is a pair, ranked as the piece is scored. Symbols found in text are added tokens, which part a text
as they do in SentencePiece; in unigram they are pieces with a good score, there as here. Marks are in the vocabulary
alone: as added tokens they would be found in text. A text is cut before runs of blanks where no piece reaches over such
a cut, which changes no id and keeps long texts fast.

In unigram two ways to cut a text can weigh the same but for rounding, and SentencePiece adds up in float32 over the
whole text, the other in float64 over a word: there, and only there, ids differ (docs/tokenizer.md has the counts).
"""

import hashlib
import json
from typing import Any

import numpy as np

from corpus.files import File
from corpus.store import Store
from tokenizer.model import BLANK, CONTROL, NORMAL, UNKNOWN, UNUSED, USER, Model, symbol_score

_MOST_BYTES = 64  # of a symbol: SentencePiece looks at so many in one place
_NEVER = -1e6  # the score of what a text must not become: in unigram every piece is looked for in it


def why_not(model: Model) -> str:
    """Why a model cannot be said in the format with the same ids; empty where it can."""
    if model.model_type not in ("bpe", "unigram"):
        return f"its type is {model.model_type}"
    if model.normalizer != "identity" or model.remove_extra_whitespaces:
        return "it rewrites text before it cuts it"
    if not model.escape_whitespaces or model.blanks_behind:
        return "it marks blanks in a way of its own"
    if model.add_dummy_prefix and USER in model.kinds:
        return "it puts a blank before a text and finds symbols in it"
    if UNUSED in model.kinds:
        return "it has unused pieces"
    if any(len(piece) == 1 for kind in (UNKNOWN, CONTROL) for piece in model.of_kind(kind)):
        return "a mark is spelt as one character"
    if any(len(symbol.encode()) > _MOST_BYTES or "\0" in symbol for symbol in model.of_kind(USER)):
        return f"a symbol has more than {_MOST_BYTES} bytes or a NUL"
    if model.model_type == "bpe" and len(np.unique(scores := model.scores[model.kinds == NORMAL])) < len(scores):
        return "pieces have the same score"
    if model.model_type == "unigram" and not _spelt(model):
        return "it has no pieces for the letters of its marks, which would be found in text"
    return ""


def _spelt(model: Model) -> bool:
    """Whether each mark and byte could also be said in letters: unigram looks for every piece in a text."""
    there = model.of_kind(NORMAL) | model.of_kind(USER)
    names = (piece for piece, kind in zip(model.pieces, model.kinds, strict=True) if kind not in (NORMAL, USER))
    return all(letter in there for letter in {*"".join(names)})


def tokenizer_json(model: Model) -> dict[str, Any]:
    """The content of ``tokenizer.json``. `why_not` says for which models it gives the same ids."""
    normalizers: list[dict[str, Any]] = [{"type": "Replace", "pattern": {"String": " "}, "content": BLANK}]
    decoders: list[dict[str, Any]] = [
        {"type": "Replace", "pattern": {"String": BLANK}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
    ]  # fmt: skip
    if model.add_dummy_prefix:
        normalizers.insert(0, {"type": "Prepend", "prepend": BLANK})
        decoders.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    cut = {
        "type": "Split", "pattern": {"Regex": f"{BLANK}+"}, "behavior": "MergedWithNext", "invert": False,
    }  # fmt: skip
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": piece, "single_word": False, "lstrip": False, "rstrip": False, "normalized": True,
             "special": False}  # looked for behind the normaliser: a symbol may hold U+2581, a blank is never met there
            for piece, i in model.of_kind(USER).items()
            if model.model_type == "bpe" and " " not in piece
        ],
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": cut if model.cut_before_blanks else None,
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": _bpe(model) if model.model_type == "bpe" else _unigram(model),
    }  # fmt: skip


def _bpe(model: Model) -> dict[str, Any]:
    return {
        "type": "BPE", "dropout": None, "unk_token": model.pieces[model.unk_id], "continuing_subword_prefix": None,
        "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": model.byte_fallback, "ignore_merges": False,
        "vocab": {piece: i for i, piece in enumerate(model.pieces)}, "merges": merges(model),
    }  # fmt: skip


def merges(model: Model) -> list[list[str]]:
    """Every pair of pieces that make a piece, by the piece's score, then the shorter left side first."""
    ids = model.of_kind(NORMAL)
    pieces = sorted(ids, key=lambda piece: -float(model.scores[ids[piece]]))
    return [
        [piece[:at], piece[at:]]
        for piece in pieces
        for at in range(1, len(piece))
        if piece[:at] in ids and piece[at:] in ids
    ]


def _unigram(model: Model) -> dict[str, Any]:
    scores = np.where(model.kinds == NORMAL, model.scores.astype(np.float64), _NEVER)
    for symbol, i in model.of_kind(USER).items():
        scores[i] = symbol_score(symbol)
    return {
        "type": "Unigram", "unk_id": model.unk_id, "byte_fallback": model.byte_fallback,
        "vocab": [[piece, score] for piece, score in zip(model.pieces, scores.tolist(), strict=True)],
    }  # fmt: skip


def tokenizer_config(model: Model) -> dict[str, Any]:
    """The content of ``tokenizer_config.json``: the marks by name, and that text never becomes one."""
    named = {"unk": model.unk_id, "bos": model.bos_id, "eos": model.eos_id, "pad": model.pad_id}
    ends = [*named.values()]
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "add_bos_token": False,
        "add_eos_token": False,
        "split_special_tokens": True,
        "model_max_length": 1 << 62,
        **{f"{name}_token": model.pieces[i] for name, i in named.items() if i >= 0},
        "extra_special_tokens": [piece for piece, i in model.of_kind(CONTROL).items() if i not in ends],
    }


def write_huggingface(store: Store, model: Model) -> tuple[tuple[File, ...], tuple[str, ...]]:
    """Write both files into a folder named by their content; none, and the reason, where the ids would differ."""
    if why := why_not(model):
        return (), (f"no tokenizer.json is written: {why}, so its ids would differ from SentencePiece's",)
    contents = {"tokenizer.json": tokenizer_json(model), "tokenizer_config.json": tokenizer_config(model)}
    data = {name: json.dumps(content, ensure_ascii=False, indent=1).encode() for name, content in contents.items()}
    folder = f"tokenizer/huggingface.{hashlib.sha256(b''.join(data.values())).hexdigest()[:12]}"
    files = []
    for name, content in data.items():
        store.put(f"{folder}/{name}", content)
        files.append(File(f"{folder}/{name}", hashlib.sha256(content).hexdigest(), len(content), 0))
    return tuple(files), ()
