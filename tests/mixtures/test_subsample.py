"""The stock of small trainings: right tokens, epochs as in the real run, others for another seed, nothing held out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from corpus.errors import InputError
from corpus.files import File, id_bytes, read_table
from corpus.layout import Tokenizer
from corpus.store import Store
from mixtures.mixture import Domain, Mixture
from mixtures.pieces import available
from mixtures.plan import Plan, solve
from mixtures.subsample import Small, corpus_of, mixed, subsample, window

World = tuple[Store, dict[str, Any], Plan]
TOKENS, REAL, SIZES = 4_000, 40_000, np.array([0] * 4 + [2] * 60, np.int32)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, made_encoded: Callable[..., dict[str, Any]]) -> World:
    root = tmp_path_factory.mktemp("encoded")
    what = made_encoded(root, {"web": 800, "books": 160, "code": 60})
    domains = tuple(Domain(name, weight, 40.0) for name, weight in (("web", 50), ("books", 30), ("code", 20)))
    plan = solve(Mixture(domain=domains, budget=REAL), available(what["stock"], what["domains"]))
    return Store(root), what, plan


def taken(made: World, **changes: Any) -> Small:
    store, what, plan = made
    return subsample(store, what, plan, **{"tokens": TOKENS, "seed": 0, "heldout_tokens": 0, **changes})


def test_every_piece_is_a_stretch_of_its_document(made: World) -> None:
    store, what, _ = made
    small, whole, split = taken(made), {}, {}
    for file in (File(**each) for each in what["files"]):
        if file.folder in ("tokens", "selection"):
            table = read_table(store, file)
            names = [each.tobytes() for each in id_bytes(table["id"])]
            column, into = ("tokens", whole) if file.folder == "tokens" else ("split", split)
            into.update(zip(names, table[column].to_pylist(), strict=True))
    ends = np.cumsum(small.length)
    count = len(small.entries)
    seen: dict[bytes, dict[int, list[int]]] = {}
    for n, end in enumerate(ends.tolist()):
        name = small.ids[n].tobytes()
        seen.setdefault(name, {})[int(small.piece[n])] = small.tokens[end - small.length[n] : end].tolist()
        assert split[name] == ("heldout" if small.entry[n] >= count else "train")
    for name, pieces in seen.items():
        text = [*whole[name], 1]
        assert all(ids == text[40 * piece : 40 * piece + len(ids)] for piece, ids in pieces.items())
        assert all(len(ids) >= 39 or ids[-1] == 1 for ids in pieces.values())
    held = [name for name, of in split.items() if of == "heldout"]
    assert all(name in seen for name in held)


def test_epochs_are_those_of_the_real_run(made: World) -> None:
    *_, plan = made
    small = taken(made)
    shares = {line.domain: line.planned / REAL for line in plan.lines}
    for seed in range(3):
        index, epoch = mixed(small, shares, TOKENS, seed)
        for n, line in enumerate(plan.lines):
            mine = small.entry[index] == n
            placed = small.length[index][mine].sum()
            assert placed == pytest.approx(TOKENS * shares[line.domain], abs=40)
            there = small.length[window(small, n, seed)].sum()
            assert there == pytest.approx(line.available * TOKENS / REAL, abs=40)
            assert placed / there == pytest.approx(line.epochs, rel=0.15)
            assert epoch[mine].max() == np.ceil(placed / there) - 1


def test_another_seed_sees_other_pieces_of_what_is_rare(made: World) -> None:
    small = taken(made)
    one, other = (window(small, 0, seed) for seed in (0, 1))
    assert not np.array_equal(one, other)
    assert np.array_equal(one, window(small, 0, 0))
    every = {*np.flatnonzero(small.entry == 0).tolist()}
    assert {*one.tolist()} < every
    assert small.length[[*every]].sum() == pytest.approx(4 * small.need[0], abs=40)


def test_a_run_as_long_as_the_real_one_sees_everything(made: World) -> None:
    *_, plan = made
    small = taken(made, tokens=REAL)
    for n, line in enumerate(plan.lines):
        assert small.length[window(small, n, 5)].sum() == line.available


def test_a_corpus_is_made_of_it(made: World) -> None:
    small = taken(made)
    tokenizer = Tokenizer("", "", 64, 1, 2, "")
    shares = {"web": 0.2, "books": 0.8}
    one, other = (corpus_of(small, shares, TOKENS, 3, tokenizer, SIZES) for _ in range(2))
    assert one.train.num_tokens == pytest.approx(TOKENS, abs=80)
    assert (one.train.tokens(0, one.train.num_tokens) == other.train.tokens(0, other.train.num_tokens)).all()
    found = one.train.count(np.array([0]), np.array([one.train.num_tokens]))
    assert found == {"books": pytest.approx(0.8 * TOKENS, abs=40), "web": pytest.approx(0.2 * TOKENS, abs=40)}
    half = one.train.count(np.array([0]), np.array([TOKENS // 2]))
    assert half["books"] == pytest.approx(0.8 * TOKENS / 2, abs=41)
    assert [*one.heldout] == ["books", "code", "web"]
    assert not {*one.train.shard(0).ids} & {*one.heldout["web"].shard(0).ids}


def test_held_out_tokens_have_a_limit(made: World) -> None:
    small = taken(made, heldout_tokens=200)
    for n in range(3):
        assert small.length[small.entry == n + 3].sum() == pytest.approx(200, abs=40)


def test_it_comes_back_from_a_file(made: World) -> None:
    small = taken(made)
    again = Small.of_bytes(small.to_bytes())
    assert small.entries == again.entries
    assert all(np.array_equal(getattr(small, name), getattr(again, name)) for name in Small.__dataclass_fields__)
    assert small.to_bytes() == taken(made).to_bytes() != taken(made, seed=1).to_bytes()


def test_a_corpus_without_tokens_is_refused(made: World) -> None:
    store, what, plan = made
    with pytest.raises(InputError, match="no tokens/ and pieces/"):
        subsample(store, {**what, "files": []}, plan, TOKENS, 0, 0)
