"""Duplicates from the front door: explain shows the twin and what differs, clusters who fell to whom."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import gristmill
from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.store import Store
from flows import path
from report.clusters import overview
from report.explain import explain, sample


@pytest.fixture(scope="module")
def store(world_at: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A built small world: two of its pages are the same, two nearly so."""
    recipe = load_recipe(world_at(tmp_path_factory.mktemp("twins")))
    store = Store(recipe.store_url)
    with Pool(1, store) as pool:
        path.build(recipe, store, PoolRun(store, pool))
    return store


def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["gristmill", *words])
    for name in ("FORCE_COLOR", "COLUMNS"):  # of the one who tests
        monkeypatch.delenv(name, raising=False)
    try:
        gristmill.main()
    except SystemExit as stop:
        assert not stop.code, stop.code
    return capsys.readouterr().out


def fallen_near(store: Store) -> str:
    (near,) = sample(store, dropped="duplicate.near", source="web", count=5)
    return near.id


def test_explain_names_the_twin_and_shows_the_differing_passage(store: Store) -> None:
    life = explain(store, fallen_near(store))
    assert life.twin and life.difference
    assert life.twin.twin.origin.startswith("https://mill.example/") and life.twin.by == "near"
    assert 0.8 <= life.twin.both / life.twin.either < 1
    (passage,) = life.difference.passages
    assert (passage.left, passage.right) == ("", "And one more line") and not life.fell


def test_explain_of_a_kept_document_tells_who_fell_to_it(store: Store) -> None:
    identity = fallen_near(store)
    twin = explain(store, identity).twin
    assert twin
    life = explain(store, twin.twin.id)
    assert life.fell == 1 and [fell.document.id for fell in life.nearest] == [identity]
    assert life.twin is None and life.difference is None


def test_explain_prints_both(store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    identity = fallen_near(store)
    out = printed(capsys, monkeypatch, "explain", store.url, identity)
    assert "{+And one more line+}" in out and "near: Jaccard 0." in out and "Its twin" in out
    twin = explain(store, identity).twin
    assert twin
    out = printed(capsys, monkeypatch, "explain", store.url, twin.twin.id)
    assert "It stands for  1 that fell to it" in out and identity[:12] in out


def test_clusters_are_counted_and_shown(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = overview(store, source="web", count=5, members=2)
    assert seen.fell == 2 and [len(cluster.members) for cluster in seen.largest] == [1, 1]
    assert sum(flow.documents for flow in seen.flows) == 2
    assert {(flow.to_source, flow.to_snapshot) for flow in seen.flows} == {("web", "0")}
    out = printed(capsys, monkeypatch, "clusters", store.url, "--source", "web")
    assert "2 documents fell as duplicates" in out and out.count("https://mill.example/") == 4
    assert "documents in a cluster" in out


def test_clusters_of_a_source_that_is_not_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["gristmill", "clusters", store.url, "--source", "wbe"])
    with pytest.raises(SystemExit) as stop:
        gristmill.main()
    assert "no source `wbe`" in str(stop.value.code) and "web" in str(stop.value.code)
