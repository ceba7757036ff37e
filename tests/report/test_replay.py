"""Replay foresees what a build with other thresholds does; thresholds say what a bound would drop."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import gristmill
from corpus.errors import GristmillError
from corpus.ledger import Count
from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.store import Store
from corpus.version import path_of, point, sealed
from flows import path
from report.replay import Replayed, parse_change, replay
from report.thresholds import thresholds

Built = tuple[Store, list[Count]]


def build(recipe: Path) -> Built:
    loaded = load_recipe(recipe)
    store = Store(loaded.store_url)
    with Pool(1, store) as pool:
        return store, list(path.build(loaded, store, PoolRun(store, pool)).ledger)


@pytest.fixture(scope="module")
def recipe(world_at: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world_at(tmp_path_factory.mktemp("replayed"))


@pytest.fixture(scope="module")
def store(recipe: Path) -> Store:
    return build(recipe)[0]


def asked(store: Store, *changes: str) -> dict[str, Replayed]:
    return {each.source: each for each in replay(store, [parse_change(told) for told in changes])}


def judged(ledger: list[Count], source: str) -> dict[str, tuple[int, int]]:
    """Documents that each reason dropped as the first, and as a later one."""
    return {
        c.reason: (c.documents or 0, c.also or 0)
        for c in ledger
        if (c.stage, c.outcome, c.source) == ("judge", "dropped", source)
    }


def test_without_changes_it_counts_what_was_judged(store: Store, recipe: Path) -> None:
    _, ledger = build(recipe)
    for source, found in asked(store).items():
        reasons = judged(ledger, source)
        assert found.kept_before == found.kept_after == found.documents - sum(first for first, _ in reasons.values())
        assert {rule.rule: rule.before for rule in found.rules if rule.before} == {
            name: first + also for name, (first, also) in reasons.items()
        }


def test_it_foresees_a_build_with_other_thresholds(store: Store, recipe: Path, tmp_path: Path) -> None:
    at = next(each for each in thresholds(store, "web") if each.rule == "gopher_quality.few_words").at[-1] + 3
    found = asked(store, f"web:gopher_quality.few_words={at}", "web:gopher_quality.stop_words=off")["web"]
    assert 0 < found.newly_dropped < found.documents and found.newly_kept == 0

    folder = tmp_path / "world"
    folder.mkdir()
    (folder / "raw").symlink_to(recipe.parent / "raw")
    changed = folder / "recipe.toml"
    text = recipe.read_text()
    assert re.search(r"min_words = 20", text)
    text = text.replace("[mixture]", '[mixture]\noptional = ["general"]')  # of which nothing is left
    changed.write_text(text.replace("min_words = 20", f"min_words = {at:.0f}\nmin_stop_words = -inf"))
    _, ledger = build(changed)
    kept = sum(c.documents or 0 for c in ledger if (c.stage, c.outcome, c.source) == ("judge", "passed", "web"))
    size = sum(c.bytes or 0 for c in ledger if (c.stage, c.outcome, c.source) == ("judge", "passed", "web"))
    assert (found.kept_after, found.bytes_after) == (kept, size)
    fires = {name: first + also for name, (first, also) in judged(ledger, "web").items()}
    assert {rule.rule: rule.after for rule in found.rules if rule.after} == fires


def test_a_score_can_be_asked_without_a_rule(store: Store) -> None:
    found = asked(store, "web:gopher_quality.words<1e9", "code:code.xml>0")
    assert found["web"].kept_after == 0 and found["code"].kept_after == found["code"].kept_before
    assert found["books"].kept_after == found["books"].kept_before
    assert found["web"].rules[-1].rule == "gopher_quality.words < 1e9"
    assert found["web"].rules[-1].before == 0 < found["web"].rules[-1].after == found["web"].documents


def test_thresholds_drop_at_most_their_share(store: Store) -> None:
    for each in thresholds(store, "web"):
        for share, bound in zip((0.01, 0.05, 0.1), each.at, strict=True):
            dropped = asked(store, f"web:{each.rule}={bound!r}")["web"]
            after = next(rule.after for rule in dropped.rules if rule.rule == each.rule)
            assert after <= share * each.documents


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("gopher_quality.few_word=3", "did you mean `gopher_quality.few_words`"),
        ("wbe:gopher_quality.few_words=3", "did you mean `web`"),
        ("gopher_quality.word>3", "did you mean `gopher_quality.words`"),
        ("gopher_quality.few_words=many", "no number"),
        ("gopher_quality", "no change"),
    ],
)
def test_what_cannot_be_asked_is_told(store: Store, change: str, says: str) -> None:
    with pytest.raises(GristmillError, match=says):
        asked(store, change)


@pytest.mark.parametrize("ask", [asked, thresholds])
def test_a_version_without_its_rules_is_told(ask: Callable[[Store], object]) -> None:
    store = Store("memory://without-rules")
    store.put(path_of(3), sealed({"version": 3, "files": []}))
    point(store, 3)
    with pytest.raises(GristmillError, match="version 3 does not tell its rules; build it again"):
        ask(store)


@pytest.mark.parametrize("words", [["replay", "--set", "web:gopher_quality.few_words=110"], ["thresholds"]])
def test_both_print_the_rule(
    store: Store, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["gristmill", words[0], store.url, *words[1:]])
    with pytest.raises(SystemExit) as stop:
        gristmill.main()
    said = capsys.readouterr().out
    assert not stop.value.code and "gopher_quality.few_words" in said
