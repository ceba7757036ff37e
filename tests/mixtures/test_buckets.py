from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import RecipeError
from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.store import Store
from corpus.verify import verify
from corpus.version import read_version
from flows import path
from mixtures import buckets
from mixtures.buckets import Buckets, _reaches, keys_of, quantile_keys

SCORES = st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 0.5, 1.0])


def keys(scores: list[float], seed: int = 0) -> np.ndarray:
    ids = np.random.default_rng(seed).integers(0, 256, (len(scores), 16), dtype=np.uint8)
    return keys_of(np.array(scores, np.float64), ids)


@given(st.lists(SCORES, min_size=2))
def test_keys_sort_as_scores_do(scores: list[float]) -> None:
    found = keys(scores)[:, 0].tolist()
    assert all((a < b) == (x < y) and (a == b) == (x == y) for a, x in zip(found, scores, strict=True)
               for b, y in zip(found, scores, strict=True))  # fmt: skip


@pytest.mark.parametrize("held", [1, 7, 1 << 20])
def test_quantiles_are_exact_whatever_is_held_and_however_it_is_cut(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    monkeypatch.setattr(buckets, "_HELD", held)
    random = np.random.default_rng(3)
    scores = np.concatenate([random.normal(size=150), np.full(100, 0.25), np.zeros(50)])
    whole = keys(scores.tolist())
    rows = sorted(map(tuple, whole.tolist()))
    for shares in ([0.3, 0.6], [0.001, 0.99], [0.5]):
        for cuts in ([100, 200], [1, 2, 250], []):
            found = quantile_keys(lambda cuts=cuts: np.split(whole, cuts), shares)
            assert found == [list(rows[int(q * 300 + 0.5)]) for q in shares]
            sizes = np.bincount(sum(_reaches(whole, first) for first in found), minlength=len(shares) + 1)
            assert sizes.tolist() == np.diff([0, *(int(q * 300 + 0.5) for q in shares), 300]).tolist()


@given(st.lists(SCORES, max_size=6), st.lists(st.floats(0.01, 0.99), min_size=1, max_size=3, unique=True))
def test_few_documents_fall_into_buckets_by_rank(scores: list[float], shares: list[float]) -> None:
    whole = keys(scores)
    found = quantile_keys(lambda: [whole], sorted(shares))
    ranks = [int(q * len(scores) + 0.5) for q in sorted(shares)]
    places = sum((_reaches(whole, first) for first in found), np.zeros(len(whole), np.int64))
    order = np.lexsort(whole.T[::-1])
    assert places[order].tolist() == [sum(n >= rank for rank in ranks) for n in range(len(scores))]


@pytest.mark.parametrize(
    "wrong", [{"quantiles": (0.6, 0.3)}, {"quantiles": (0.0, 0.5)}, {"names": ("a", "b")}, {"names": ("a", "b", "b")}]
)
def test_what_cannot_cut_is_refused(wrong: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match=r"quantiles|names"):
        Buckets("web", "x.y", **wrong)  # type: ignore[arg-type]


CUT = """
[[mixture.bucket]]
domain = "web"
score = "gopher_quality.words"
quantiles = [0.25, 0.75]
names = ["few", "some", "many"]

[[mixture.domain]]
name = "web-few"
weight = 10
max_epochs = 9
select = { domain = "web", bucket = "few" }

[[mixture.domain]]
name = "web-more"
weight = 40
max_epochs = 9
select = { domain = "web", bucket = ["some", "many"] }
"""
WHOLE = '[[mixture.domain]]\nname = "web"\nweight = 50\nmax_epochs = 4\n'


def cut_world(world_at: Callable[..., Path], folder: Path, cut: str = CUT) -> Path:
    recipe = world_at(folder)
    text = recipe.read_text()
    assert WHOLE in text
    recipe.write_text(text.replace(WHOLE, cut))
    return recipe


def build(recipe: Path, store: Store) -> None:
    with Pool(1, store) as pool:
        path.build(load_recipe(recipe), store, PoolRun(store, pool))


@pytest.mark.parametrize("more", ["", "by_language = true\n"])
def test_the_mixture_weighs_each_bucket_of_a_domain(
    world_at: Callable[..., Path], tmp_path: Path, more: str
) -> None:  # all pages of that world say that they are in English
    cut = CUT.replace("names =", f"{more}names =")
    recipe, store = cut_world(world_at, tmp_path, cut), Store(tmp_path / "store")
    build(recipe, store)
    named, words = [], []
    for name in sorted(store.list("buckets/web")):
        part = Path(name).name.split(".")[0]
        (scores,) = [other for other in store.list("scores/web") if Path(other).name.split(".")[0] == part]
        named += pq.read_table(store.map(name))["bucket"].to_pylist()
        words += pq.read_table(store.map(scores))["gopher_quality.words"].to_pylist()
    sizes = {name: named.count(name) for name in ("few", "some", "many", None)}
    kept = len(named) - sizes[None]
    assert (sizes["few"], sizes["many"]) == (int(0.25 * kept + 0.5), kept - int(0.75 * kept + 0.5))
    of = {name: [count for count, other in zip(words, named, strict=True) if other == name] for name in sizes}
    assert max(of["few"]) <= min(of["some"]) and max(of["some"]) <= min(of["many"])
    asked = {line["domain"]: line["asked"] for line in read_version(store)["mixture"]}
    assert asked["web-few"] == pytest.approx(0.1) and asked["web-more"] == pytest.approx(0.4)
    assert all(finding.holds for finding in verify(store))


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (
            "gopher_quality.words",
            "gopher_quality.wrds",
            "`score` is 'gopher_quality.wrds', it must be a score of web's",
        ),
        ('domain = "web"\nscore', 'domain = "wb"\nscore', "`domain` is 'wb', it must be a source's domain"),
        ('bucket = "few"', 'bucket = "fw"', r"names of \[\[mixture.bucket\]\]: few, some, many"),
        ("[0.25, 0.75]", "[0.75, 0.25]", "they must rise"),
    ],
)
def test_mistakes_name_the_line(world_at: Callable[..., Path], tmp_path: Path, was: str, now: str, said: str) -> None:
    assert was in CUT
    with pytest.raises(RecipeError, match=said) as told:
        path.check(load_recipe(cut_world(world_at, tmp_path, cut=CUT.replace(was, now))))
    assert "recipe.toml:" in str(told.value)
