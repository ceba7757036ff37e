"""A model that was trained elsewhere: what its tokens keep of a text, and whether that is enough.

In: the bytes of a ``.model`` file and the sample. Out: what is to be said of it, or a RecipeError. A tokenizer whose
tokens do not give the text back is refused unless the recipe says ``lossy = true``, for what is lost is lost in every
shard, and no filter's reason tells of it.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from corpus.errors import RecipeError
from tokenizer.model import Model

MAX_VOCABULARY = 1 << 20
_BATCH = 1 << 20  # characters: the library takes thirty times their memory


def losses(model: Model) -> tuple[str, ...]:
    """Why a model's tokens may not give a text back, by its options; empty for one that always does."""
    what = []
    if model.normalizer != "identity":
        what.append(f"characters are rewritten ({model.normalizer})")
    if model.remove_extra_whitespaces:
        what.append("runs of blanks become one, and those at the ends go")
    if not model.byte_fallback:
        what.append("characters outside the vocabulary become <unk>")
    if model.denormalizes:
        what.append("decoding rewrites characters")
    if not model.escape_whitespaces:
        what.append("blanks are not kept apart from U+2581")
    return tuple(what)


def check_given(model: Model, processor: Any, name: str, texts: Iterable[str], lossy: bool) -> tuple[str, ...]:
    """What is to be said of a given model.

    Args:
        model: the model.
        processor: its `SentencePieceProcessor`.
        name: the file's name, for errors.
        texts: the sample.
        lossy: whether tokens that do not give the text back are accepted.

    Raises RecipeError for a model without an end mark, with too many pieces, or that loses text.
    """
    if model.eos_id < 0:
        raise RecipeError(
            f"{name}: this model has no end-of-document mark (</s>), which parts the documents of a stream; "
            f"train it with eos_id >= 0, or leave `model` out to have one trained"
        )
    if len(model.pieces) > MAX_VOCABULARY:
        raise RecipeError(
            f"{name}: this model has {len(model.pieces):,} pieces, shards take {MAX_VOCABULARY:,} at most; give another"
        )
    said = [f"the tokenizer is {name}, {len(model.pieces):,} pieces"]
    changed, looked, first = _changed(processor, texts)
    if why := losses(model):
        said.append(f"its tokens do not keep everything: {'; '.join(why)}")
    if changed:
        lost = (
            f"{changed:,} of {looked:,} sampled documents do not come back from its tokens, the first in {first}"
            f" ({'; '.join(why) or 'for a reason that its options do not tell'})"
        )
        if not lossy:
            raise RecipeError(
                f"{name}: {lost}; give a model with identity normalisation and byte fallback, or accept it with "
                f"[tokenizer] lossy = true"
            )
        said[-1] = f"accepted with lossy = true: {lost}"
    if model.pad_id < 0:
        said.append(f"it has no padding mark: <unk> (id {model.unk_id}) serves as one")
    if model.add_dummy_prefix:
        said.append("it puts a blank before each document, which decoding takes away again")
    return tuple(said)


def _changed(processor: Any, texts: Iterable[str]) -> tuple[int, int, str]:
    """How many of how many texts do not come back, and where the first does not."""
    changed, looked, first = 0, 0, ""
    for batch in batches(texts):
        back = processor.decode(processor.encode(batch))
        looked += len(batch)
        wrong = [n for n in range(len(batch)) if back[n] != batch[n]]
        if wrong and not first:
            first = difference(batch[wrong[0]], back[wrong[0]])
        changed += len(wrong)
    return changed, looked, first


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Some texts at a time, of a million characters together; a longer one by itself."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > _BATCH:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def difference(text: str, back: str, around: int = 12) -> str:
    """Where two texts part, with what stands there in both."""
    at = next((n for n, (a, b) in enumerate(zip(text, back, strict=False)) if a != b), min(len(text), len(back)))
    before = text[max(0, at - around) : at]
    return f"{before + text[at : at + around]!r} → {before + back[at : at + around]!r}"
