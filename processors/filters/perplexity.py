"""How surprised a language model is: KenLM's perplexity of a text, by path (CCNet, 1911.00359 section 3.3).

    [[chain.web]]
    name = "perplexity"
    model = "models/lm_sp"          # a folder with en.arpa.bin and en.sp.model, de.arpa.bin, …: CCNet's layout
    above = 1000

`model` is a KenLM model (.arpa or binary), or a folder of them by language; `pieces` is a SentencePiece model that cuts
lines into what the n-grams are made of (in a folder it lies beside as `en.sp.model`), without one they are made of what
lies between blanks. `normalise` is what was done to the text that the model was trained on:

    cc_net   lower case, accents off, digits to 0, typographic punctuation to ASCII, control characters off
    lower    lower case
    none     nothing

The perplexity of a text is 10 to the power of -(sum of the lines' log10 probabilities) / (tokens + one end a line).
CCNet takes the whole text for one line, since its normaliser drops newlines; here lines count, and blank ones do not.
Bounds are off by default: perplexities of two models do not compare, so they are set by quantile (CCNet: head below the
30th, tail above the 60th percentile of a language).

KenLM is LGPL and therefore an extra, built from source in about a minute: pip install gristmill[kenlm]
"""

import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from corpus.errors import InputError, RecipeError
from processors.filters.characters import UNICODE
from processors.filters.digest import digest
from processors.filters.measure import Measures
from processors.filters.rule import Rule, in_force

_ENDINGS = (".arpa.bin", ".bin", ".binary", ".arpa")
_PIECES = ".sp.model"
_STEPS = ("cc_net", "lower", "none")
_FROM = "，。、„”“«»」「《》´∶：？！（）；–～’━〈〉【】％►"
_TO = ',.,"""""""""\'::?!();-~\'-<>[]%-'
_FEW = 50  # characters to change: from there on one slow pass takes less than a fast one for each
_PUNCTUATION = dict(zip(_FROM, _TO, strict=True)) | {"—": " - ", "．": ". ", "…": "..."}


@dataclass(frozen=True)
class Perplexity:
    """Scores: `value`, two decimals; null for a text without a token, and where there is no model for its language.

    Attributes:
        model: a KenLM model, or a folder with one for each language.
        pieces: a SentencePiece model; in a folder, by language.
        normalise: "cc_net", "lower" or "none".
        below: a lower perplexity drops the document; off by default.
        above: a higher perplexity does; off by default.
    """

    name: ClassVar[str] = "perplexity"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("sentencepiece",)
    paths: ClassVar[tuple[str, ...]] = ("model", "pieces")

    model: str = ""
    pieces: str = ""
    normalise: str = "cc_net"
    below: float = float("-inf")
    above: float = float("inf")

    def __post_init__(self) -> None:
        if self.normalise not in _STEPS:
            raise RecipeError(f"perplexity: `normalise` is {self.normalise!r}, it must be one of {', '.join(_STEPS)}")

    def number_settings(self) -> dict[str, object]:
        """The models, by their SHA-256, KenLM's version, and what is done to a text."""
        if not self.model:
            raise RecipeError("perplexity: `model` is not given; name a KenLM model, or a folder of them")
        files = {"model": digest(self.model), "pieces": digest(self.pieces) if self.pieces else ""}
        return {**files, "kenlm": _kenlm(), "normalise": self.normalise, "unicode": UNICODE}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """Perplexities, each by the model of the text's language or by the one there is."""
        if not len(batch):  # asked only for names and types
            return {"value": pa.nulls(0, pa.float64())}
        self.number_settings()  # says so where no model is named, or the package is missing
        texts = measures.texts.to_pylist()
        languages = measures.languages.to_pylist() if Path(self.model).is_dir() else [None] * len(texts)
        found = np.full(len(texts), np.nan)
        for language in sorted({*languages}, key=str):
            if (files := self._files(language)) is None:
                continue
            model, pieces = _models(*files, (digest(files[0]), files[1] and digest(files[1])))
            for row, (text, spoken) in enumerate(zip(texts, languages, strict=True)):
                if text and spoken == language:
                    found[row] = _perplexity(_normalised(text, self.normalise), model, pieces)
        return {"value": pa.array(found, pa.float64(), mask=np.isnan(found))}

    def rules(self) -> tuple[Rule, ...]:
        """Too unsurprising, then too surprising."""
        return in_force(Rule("low", "value", below=self.below), Rule("high", "value", above=self.above))

    def _files(self, language: str | None) -> tuple[str, str] | None:
        """KenLM's and SentencePiece's files for a language; None where the folder has none."""
        folder = Path(self.model)
        if not folder.is_dir():
            return self.model, self.pieces
        if not any(path.name.endswith(_ENDINGS) for path in folder.iterdir()):
            raise InputError(f"{folder}: no KenLM model is in it; it must hold files like en.arpa.bin and en.sp.model")
        code = (language or "").partition("-")[0]
        for path in (folder / f"{code}{ending}" for ending in _ENDINGS):
            if code and path.is_file():
                beside = folder / f"{code}{_PIECES}"
                return str(path), self.pieces or (str(beside) if beside.is_file() else "")
        return None


def _perplexity(text: str, model: Any, pieces: Any) -> float:
    """10 to the power of the mean log10 improbability of a token; NaN without one."""
    lines = [line for line in text.split("\n") if line and not line.isspace()]
    if pieces:
        lines = [" ".join(cut) for cut in pieces.encode(lines, out_type=str)] if lines else []
    tokens = sum(len(line.split()) for line in lines)
    if not tokens:
        return float("nan")
    return round(10.0 ** min(-sum(map(model.score, lines)) / (tokens + len(lines)), 300), 2)


def _normalised(text: str, steps: str) -> str:
    if steps == "none":
        return text
    text = text.lower()
    if steps == "lower":
        return text
    text = unicodedata.normalize("NFD", text)  # and not composed again, as CCNet has it: Hangul stays in letters
    changed = {character: plain for character in {*text} if (plain := _plain(character)) != character}
    if len(changed) > _FEW:
        return text.translate({ord(character): plain for character, plain in changed.items()})
    for character, plain in changed.items():  # none of them gives one that is changed again
        text = text.replace(character, plain)
    return text


@lru_cache(maxsize=1 << 16)
def _plain(character: str) -> str:
    """A character as CCNet's normaliser leaves it."""
    kind = unicodedata.category(character)
    if kind == "Mn" or (kind == "Cc" and character != "\n"):
        return ""
    return "0" if kind == "Nd" else _PUNCTUATION.get(character, character)


@cache
def _kenlm() -> str:
    """The version that is installed."""
    try:
        return version("kenlm")
    except PackageNotFoundError as error:
        raise InputError(
            "perplexity: the package kenlm is not installed (LGPL, an extra); run: pip install gristmill[kenlm]"
        ) from error


@lru_cache(maxsize=8)
def _models(model: str, pieces: str, digests: tuple[str, str]) -> tuple[Any, Any]:
    import kenlm
    from sentencepiece import SentencePieceProcessor

    wanted = kenlm.Config()
    wanted.show_progress, wanted.arpa_complain = False, kenlm.ARPALoadComplain.NONE
    try:
        loaded = kenlm.Model(model, wanted)
    except OSError as error:
        raise InputError(f"{model}: no KenLM model: {str(error).splitlines()[0][:200]}") from error
    try:
        return loaded, SentencePieceProcessor(model_file=pieces) if pieces else None
    except (OSError, RuntimeError) as error:
        raise InputError(f"{pieces}: no SentencePiece model: {str(error).splitlines()[0][:200]}") from error
