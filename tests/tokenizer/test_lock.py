"""The lock holds until the recipe says `retrain`, whether a tokenizer was trained or given."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.errors import DataError, InputError, RecipeError
from corpus.files import File
from corpus.recipe import TokenizerSettings
from corpus.shard import Tokenizer
from corpus.stage import plain
from corpus.store import Store
from corpus.version import path_of, point, sealed
from tokenizer.lock import LOCK, Locked, model_settings, read_lock, told, write_lock

SETTINGS = TokenizerSettings(vocab_size=380, sample_bytes=10_000)


def lock(store: Store, settings: TokenizerSettings, folder: Path = Path()) -> Locked:
    what = Tokenizer("tokenizer/t.model", "0" * 64, 380, 2, 3, "tokenizer/b.npy")
    files = (File("tokenizer/t.model", "0" * 64, 1, 0),)
    found = Locked(what, files, (132, 196), plain(model_settings(settings, folder)), 1, {"<fim_prefix>": 4}, ("said",))
    store.put("tokenizer/t.model", b"1")
    write_lock(store, found)
    return found


def test_the_lock_holds_until_the_recipe_says_retrain(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert read_lock(store, SETTINGS) is None
    found = lock(store, SETTINGS)
    assert read_lock(store, SETTINGS) == found
    assert read_lock(store, replace(SETTINGS, retrain=True)) is None
    with pytest.raises(RecipeError, match=r"locked with vocab_size = 380, the recipe says 999.*retrain = true"):
        read_lock(store, TokenizerSettings(vocab_size=999, sample_bytes=10_000))
    store.delete("tokenizer/t.model")
    with pytest.raises(DataError, match="is gone or cut; restore it"):
        read_lock(store, SETTINGS)


def test_a_given_model_is_locked_by_its_content_wherever_it_lies(tmp_path: Path) -> None:
    store = Store(tmp_path / "corpus")
    (tmp_path / "a.model").write_bytes(b"one")
    given = TokenizerSettings(model="a.model")
    found = lock(store, given, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a.model").rename(tmp_path / "elsewhere" / "b.model")
    assert read_lock(store, replace(given, model="elsewhere/b.model"), tmp_path) == found
    with pytest.raises(InputError, match=r"a\.model: cannot be read.*names a \.model file"):
        read_lock(store, given, tmp_path)
    (tmp_path / "a.model").write_bytes(b"two")
    with pytest.raises(RecipeError, match=r"locked with model_sha256 = .*retrain = true"):
        read_lock(store, given, tmp_path)
    with pytest.raises(RecipeError, match=r"it is a given model, the recipe asks for one that was trained here"):
        read_lock(store, SETTINGS, tmp_path)
    assert read_lock(store, replace(given, retrain=True), tmp_path) is None


def test_a_trained_one_is_not_replaced_by_a_given_one_unasked(tmp_path: Path) -> None:
    store = Store(tmp_path / "corpus")
    (tmp_path / "a.model").write_bytes(b"one")
    lock(store, SETTINGS)
    with pytest.raises(RecipeError, match=r"it is one that was trained here, the recipe asks for a given model"):
        read_lock(store, TokenizerSettings(model="a.model"), tmp_path)


def test_the_plan_says_what_will_be_encoded_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert told(store, SETTINGS) == "will be trained on a sample of the mixture, then locked"
    lock(store, SETTINGS)
    assert told(store, SETTINGS) == "locked, stays as it is"
    counts = [
        {"stage": "encode", "outcome": "passed", "documents": 1_200, "tokens": 90_000},
        {"stage": "encode", "outcome": "passed", "documents": 34, "tokens": 1_000},
        {"stage": "shard", "outcome": "passed", "documents": None, "tokens": 91_000},
    ]
    store.put(path_of(1), sealed({"ledger": counts}))
    point(store, 1)
    again = told(store, replace(SETTINGS, retrain=True))
    assert again == (
        "retrain = true: it will be trained on a sample of the mixture; unless that gives the same model, "
        "1,234 documents (91,000 tokens) are encoded and sharded again"
    )


def test_a_setting_that_is_younger_than_the_lock_had_its_default(tmp_path: Path) -> None:
    store = Store(tmp_path)
    found = lock(store, SETTINGS)
    old = store.get_json(LOCK)
    for key in ("control", "split_digits", "lossy", "model"):
        del old["tokenizer"]["settings"][key]
    store.put(LOCK, json.dumps(old).encode())
    again = read_lock(store, SETTINGS)
    assert again
    assert again.tokenizer == found.tokenizer
    with pytest.raises(RecipeError, match="locked with split_digits = True, the recipe says False"):
        read_lock(store, replace(SETTINGS, split_digits=False))


@pytest.mark.parametrize("damaged", ["{}", "[]", '{"tokenizer": {"files": [{"way": 1}]}}', "{", '{"tokenizer": null}'])
def test_a_damaged_lock_is_not_taken_for_none(tmp_path: Path, damaged: str) -> None:
    store = Store(tmp_path)
    store.put(LOCK, damaged.encode())
    with pytest.raises(DataError, match=r"gristmill\.lock .*restore it, or delete it"):
        read_lock(store, SETTINGS)
