import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import InputError, RecipeError, StoreError
from processors.classifier.settings import Training, read_training
from processors.classifier.told import recipe, told, write_facts
from processors.classifier.train import point, train
from processors.filters.chain import judge, score
from processors.filters.load import load_chain

pytest.importorskip("fasttext_new")


def texts(kind: str, count: int, seed: int) -> list[str]:
    """Sentences of a kind's own words, and of words that both have."""
    draw = random.Random(f"{kind}{seed}")
    words = [f"{kind}{n}" for n in range(30)] + [f"common{n}" for n in range(60)]
    return [" ".join(draw.choice(words) for _ in range(30)) + f"\nno {n}" for n in range(count)]


def lines(path: Path, found: list[str]) -> str:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in found))
    return str(path)


@pytest.fixture
def sets(tmp_path: Path) -> Training:
    good, bad = (
        lines(tmp_path / "good.jsonl", texts("good", 300, 0)),
        lines(tmp_path / "bad.jsonl", texts("bad", 500, 0)),
    )
    on = lines(tmp_path / "on.jsonl", texts("good", 100, 1) + texts("bad", 300, 1))
    return Training((good,), (bad,), (on,), lr=0.5, dim=16, epochs=15)


def test_what_is_trained_tells_the_classes_apart_and_keeps_the_share_asked_for(sets: Training, tmp_path: Path) -> None:
    trained = train(sets, tmp_path / "model.bin")
    assert trained.counts["trained on"] == 540 and trained.counts["held out"] == 60
    assert trained.best.f1 > 0.95
    assert trained.achieved == pytest.approx(0.1, abs=0.03)  # equal scores stand together
    chain = load_chain([{"name": "classifier", "model": trained.model, "below": trained.threshold}])
    kept = judge(score(_batch(texts("good", 100, 1) + texts("bad", 300, 1)), chain), chain).to_pylist().count([])
    assert kept == round(trained.achieved * 400)
    assert [found.name for found in tmp_path.iterdir() if found.name.startswith(".")] == []  # nothing is left lying


def test_the_same_sets_give_the_same_bytes_whatever_they_are_called(sets: Training, tmp_path: Path) -> None:
    first = train(sets, tmp_path / "a.bin")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    halves = texts("good", 300, 0)
    split = (lines(moved / "z.jsonl", halves[:100]), lines(moved / "y.jsonl", halves[100:]))
    second = train(replace(sets, positive=split), moved / "b.bin")
    assert first.sha256 == second.sha256 and first.points == second.points and first.threshold == second.threshold
    assert train(replace(sets, seed=1), tmp_path / "c.bin").sha256 != first.sha256


def test_alike_texts_count_once_and_those_in_both_sets_not_at_all(sets: Training, tmp_path: Path) -> None:
    good = texts("good", 300, 0)
    positive = lines(tmp_path / "more.jsonl", [*good, *(text.upper().replace(" ", ", ") for text in good), "…"])
    negative = lines(tmp_path / "less.jsonl", texts("bad", 500, 0) + good[:40])
    trained = train(replace(sets, positive=(positive,), negative=(negative,)), tmp_path / "m.bin")
    counts = trained.counts
    assert (counts["hq: read"], counts["hq: alike"], counts["hq: different"]) == (600, 300, 260)
    assert (counts["in both sets"], counts["lq: different"]) == (40, 500)
    assert counts["trained on"] + counts["held out"] == 520


def test_few_examples_are_shown_until_something_is_learnt_and_poor_ones_are_told(
    sets: Training, tmp_path: Path
) -> None:
    learnt = train(replace(sets, lr=0.1, epochs=0), tmp_path / "a.bin")
    assert learnt.best.f1 > 0.95 and "hardly better" not in told(learnt)
    same = lines(tmp_path / "same.jsonl", texts("good", 300, 5))
    assert "hardly better" in told(train(replace(sets, negative=(same,), epochs=1, lr=0.01), tmp_path / "b.bin"))


def test_a_text_that_looks_like_a_label_is_none(sets: Training, tmp_path: Path) -> None:
    positive = lines(tmp_path / "more.jsonl", [f"__label__third {text}" for text in texts("good", 100, 0)])
    trained = train(replace(sets, positive=(positive,)), tmp_path / "m.bin")
    import fasttext_new

    assert sorted(fasttext_new.load_model(trained.model).get_labels()) == ["__label__hq", "__label__lq"]


def test_too_few_none_and_no_folder_are_told(sets: Training, tmp_path: Path) -> None:
    few = lines(tmp_path / "few.jsonl", texts("good", 49, 0) + texts("good", 10, 0))
    with pytest.raises(InputError, match=r"`hq` has 49 examples of its own \(59 with words were read, 10 are like"):
        train(replace(sets, positive=(few,)), tmp_path / "m.bin")
    with pytest.raises(InputError, match="no such file"):
        train(replace(sets, negative=(str(tmp_path / "*.parquet"),)), tmp_path / "m.bin")
    with pytest.raises(InputError, match="holds no text; `keep`"):
        train(replace(sets, on=(lines(tmp_path / "no.jsonl", ["…"]),)), tmp_path / "m.bin")
    with pytest.raises(StoreError, match="no folder"):
        train(sets, tmp_path / "none" / "m.bin")
    with pytest.raises(RecipeError, match=r"`keep` is 1\.5"):
        replace(sets, keep=1.5)
    assert not (tmp_path / "m.bin").exists()


def test_the_report_has_the_lines_of_a_recipe_and_lies_beside_the_model(sets: Training, tmp_path: Path) -> None:
    trained = train(sets, tmp_path / "model.bin")
    assert told(trained).endswith(recipe(trained))
    assert f"below = {trained.threshold}" in recipe(trained) and trained.sha256 in told(trained)
    written = json.loads(write_facts(trained).read_text())
    assert written["sha256"] == trained.sha256 and written["settings"]["word_ngrams"] == 1
    without = train(replace(sets, on=()), tmp_path / "model.bin")
    assert without.threshold is None and f"below = {without.best.threshold}" in recipe(without)


def test_settings_come_from_toml_and_options_win(tmp_path: Path) -> None:
    (tmp_path / "set.toml").write_text('positive = ["good/*.jsonl"]\nnegative = ["bad.txt"]\nkeep = 0.2\n')
    training = read_training(tmp_path / "set.toml", {"keep": 0.3, "negative": ["here.txt"]})
    assert training.positive == (str(tmp_path / "good/*.jsonl"),) and training.negative == ("here.txt",)
    assert training.keep == 0.3
    with pytest.raises(RecipeError, match="no negative examples"):
        read_training(None, {"positive": ["x"]})
    (tmp_path / "set.toml").write_text('positive = ["a"]\nnegative = ["b"]\nepoch = 3\n')
    with pytest.raises(RecipeError, match=r"set.toml:3: unknown key `epoch`; did you mean `epochs`"):
        read_training(tmp_path / "set.toml", {})


@given(st.lists(st.floats(0, 1), min_size=1), st.lists(st.floats(0, 1), min_size=1), st.floats(0, 1))
def test_precision_and_recall_are_what_counting_gives(good: list[float], bad: list[float], at: float) -> None:
    found = point(at, np.sort(good), np.sort(bad))
    right, wrong = sum(x >= at for x in good), sum(x >= at for x in bad)
    assert found.recall == right / len(good) and found.precision == (right / (right + wrong) if right else 0)
    assert found.kept == (right + wrong) / (len(good) + len(bad))


def _batch(found: list[str]):  # type: ignore[no-untyped-def]
    import pyarrow as pa

    return pa.RecordBatch.from_pydict({"id": pa.array(range(len(found))), "text": pa.array(found, pa.large_string())})
