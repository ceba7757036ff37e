"""The tokenizer through the whole path: locked, replaced by a given one when asked, measured, found when tampered."""

import io
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from corpus.errors import RecipeError
from corpus.pool import Pool, PoolRun
from corpus.publish import Published
from corpus.recipe import load_recipe
from corpus.store import Store
from corpus.verify import verify
from corpus.version import read_version
from flows import path
from report.console import show as show_built
from report.console import show_unchanged
from report.tokenizer import measured
from tokenizer.lock import read_lock, told


def build(recipe: Path) -> tuple[Published, Store]:
    wanted, store = load_recipe(recipe), Store(recipe.parent / "out")
    with Pool(1, store) as pool:
        return path.build(wanted, store, PoolRun(store, pool)), store


def llama_like(recipe: Path) -> None:
    import sentencepiece

    out = io.BytesIO()
    text = "".join(book.read_text() for book in sorted((recipe.parent / "raw/books").glob("*.txt")))
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text.split("\n")), model_writer=out, model_type="bpe", vocab_size=400,
        byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, num_threads=1,
        minloglevel=2,
    )  # fmt: skip
    (recipe.parent / "my.model").write_bytes(out.getvalue())


def test_a_tokenizer_is_replaced_by_a_given_one_only_when_asked(world: Path) -> None:
    first, store = build(world)
    trained = read_version(store)
    llama_like(world)
    text = world.read_text()
    asked = text.replace("vocab_size = 420", 'model = "my.model"')
    world.write_text(asked)
    with pytest.raises(RecipeError, match="is locked: it is one that was trained here, the recipe asks for a given"):
        build(world)
    world.write_text(asked.replace("[tokenizer]", "[tokenizer]\nretrain = true"))
    recipe = load_recipe(world)
    count = sum(c["documents"] for c in trained["ledger"] if (c["stage"], c["outcome"]) == ("encode", "passed"))
    assert f"taken from my.model; unless that gives the same model, {count:,} documents" in told(
        store, recipe.tokenizer, recipe.folder
    )
    second, _ = build(world)
    assert second.version == first.version + 1
    assert not first.notes
    for show in (partial(show_built, dedupe=recipe.dedupe), show_unchanged):
        out = io.StringIO()
        show(Console(file=out), second, store.url)
        assert "Tokenizer: the tokenizer is my.model, 400 pieces." in out.getvalue()
    assert all(finding.holds for finding in verify(store))
    given = read_version(store)
    assert bytes(store.get(given["tokenizer"]["path"])) == (world.parent / "my.model").read_bytes()
    assert given["order"]["sha256"] != trained["order"]["sha256"]
    world.write_text(asked)
    recipe = load_recipe(world)
    found = read_lock(store, recipe.tokenizer, recipe.folder)
    assert found is not None and any("puts a blank before each document" in note for note in found.notes)
    assert not build(world)[0].new

    ours, before = measured(store.url, _saved(world, store, trained))
    assert ours.changed == before.changed == 0
    assert ours.total().documents == before.total().documents > 0
    assert {line.domain for line in ours.lines} >= {"web", "general"}


def _saved(world: Path, store: Store, version: dict) -> Path:
    (world.parent / "before.model").write_bytes(bytes(store.get(version["tokenizer"]["path"])))
    return world.parent / "before.model"


def test_a_changed_hugging_face_file_is_found(world: Path) -> None:
    _, store = build(world)
    (name,) = [file["path"] for file in read_version(store)["files"] if file["path"].endswith("/tokenizer.json")]
    data = bytearray(store.get(name))
    data[len(data) // 2] ^= 1
    store.put(name, bytes(data))
    assert any(name in finding.detail for finding in verify(store) if not finding.holds)
