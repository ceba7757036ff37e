"""The loader: its order whatever the batches, what it consumed, how it goes on, and packed rows."""

import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.errors import DataError, InputError, RecipeError
from corpus.loader import Loader
from corpus.shard import Corpus, open_corpus
from corpus.shuffle import permute, restore

MadeCorpus = Callable[..., str]
EOS, PAD = 1, 2
SETTINGS = st.fixed_dictionaries(
    {
        "sequence_length": st.sampled_from([1, 2, 3, 7, 16, 64]),
        "shuffle_block": st.sampled_from([1, 2, 5, 64, 10_000]),
        "pack_block": st.sampled_from([0, 1, 3, 20, 10_000]),
        "seed": st.integers(0, 3),
    }
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, made_corpus: MadeCorpus) -> Corpus:
    return open_corpus(made_corpus(tmp_path_factory.mktemp("corpus") / "c", shard_tokens=700))


def domain_of_each_token(corpus: Corpus) -> np.ndarray:
    rows = corpus.train.rows(0, corpus.train.num_tokens)
    return np.repeat(rows["domain"].to_pylist(), rows["stop"].to_numpy() - rows["start"].to_numpy())


@given(
    n=st.integers(0, 3_000),
    seed=st.integers(0, 1 << 64),
    blocks=st.lists(st.integers(0, 1 << 40), min_size=1, max_size=3),
)
def test_a_shuffle_is_a_permutation_and_can_be_taken_back(n: int, seed: int, blocks: list[int]) -> None:
    numbers, names = np.tile(np.arange(n), len(blocks)), np.repeat(np.array(blocks), n)
    moved = permute(numbers, n, seed, names)
    for block in np.split(moved, len(blocks)):
        assert np.array_equal(np.sort(block), np.arange(n))
    assert np.array_equal(restore(moved, n, seed, names), numbers)


def test_a_shuffle_leaves_no_number_a_favourite_place() -> None:
    n, times = 9, 4_000
    places = permute(np.tile(np.arange(n), times), n, 5, np.repeat(np.arange(times), n)).reshape(times, n)
    for column in places.T:
        chi2 = ((np.bincount(column, minlength=n) - times / n) ** 2).sum() / (times / n)
        assert chi2 < 30  # 8 degrees of freedom: 1 in 5,000
    follows = ((places[:, 1:] - places[:, :-1]) % n == 1).mean()
    assert abs(follows - 1 / n) < 0.02


@given(chosen=SETTINGS, position=st.integers(0, 4_000), sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_any_batches_read_the_same_order(corpus: Corpus, chosen: dict, position: int, sizes: list[int]) -> None:
    count = sum(sizes)
    whole = Loader(corpus, **chosen).batch(position, count)
    loader, at = Loader(corpus, **chosen), 0
    for size in sizes:
        part, width = loader.batch(position + at, size), chosen["sequence_length"]
        assert np.array_equal(part.tokens, whole.tokens[at : at + size])
        low, high = np.searchsorted(whole.bounds, [at * width, (at + size) * width])
        assert np.array_equal(part.bounds, whole.bounds[low:high] - at * width)
        at += size


@given(chosen=SETTINGS, epoch=st.integers(0, 3))
def test_an_epoch_reads_every_window_once(corpus: Corpus, chosen: dict, epoch: int) -> None:
    loader = Loader(corpus, **chosen)
    windows = loader.windows(epoch * loader.num_windows, loader.num_windows)
    assert np.array_equal(np.sort(windows), np.arange(loader.num_windows))
    block = chosen["shuffle_block"]
    assert np.array_equal(windows // block, np.arange(loader.num_windows) // block)


def test_each_epoch_and_seed_has_an_order_of_its_own(corpus: Corpus) -> None:
    loaders = [Loader(corpus, 16, shuffle_block=200, seed=seed) for seed in (0, 1)]
    orders = {tuple(loader.windows(epoch * loader.num_windows, 200)) for loader in loaders for epoch in range(3)}
    assert len(orders) == 6
    plan = Loader(corpus, 16)
    assert plan.windows(plan.num_windows, 3).tolist() == [0, 1, 2]


@given(length=st.integers(1, 100), block=st.sampled_from([1, 3, 50]))
def test_windows_cover_every_label_once(corpus: Corpus, length: int, block: int) -> None:
    loader = Loader(corpus, length, shuffle_block=block)
    windows = loader.windows(0, loader.num_windows)
    tokens = loader.tokens(0, loader.num_windows)[np.argsort(windows)]
    stream = corpus.train.tokens(0, loader.num_windows * length + 1)
    assert np.array_equal(tokens[:, 1:].ravel(), stream[1:])
    assert np.array_equal(tokens[:, :-1].ravel(), stream[:-1])
    assert corpus.train.num_tokens - len(stream) < length


@given(chosen=SETTINGS)
def test_bounds_are_where_windows_and_documents_begin(corpus: Corpus, chosen: dict) -> None:
    loader = Loader(corpus, **{**chosen, "pack_block": 0})
    width, count = loader.length, min(loader.num_windows, 60)
    begins = set(corpus.train.begins(np.array([0]), np.array([corpus.train.num_tokens]))[1].tolist())
    wanted = [
        row * width + column
        for row, window in enumerate(loader.windows(0, count).tolist())
        for column in range(width)
        if column == 0 or window * width + column in begins
    ]
    assert loader.batch(0, count).bounds.tolist() == wanted


@settings(max_examples=25)
@given(chosen=SETTINGS)
def test_packed_rows_hold_every_token_once_and_cut_no_piece_that_fits(corpus: Corpus, chosen: dict) -> None:
    loader = Loader(corpus, **{**chosen, "pack_block": chosen["pack_block"] or 5})
    stream, size, rows = corpus.train, loader.length + 1, loader.num_windows
    begins = stream.begins(np.array([0]), np.array([stream.num_tokens]))[1]
    starts, stops, which = loader._windows.shown(np.arange(rows))
    seen = np.zeros(stream.num_tokens, int)
    for start, stop, fresh in zip(starts, stops, loader._windows.consumed(np.arange(rows))[0], strict=True):
        seen[fresh:stop] += 1
        piece = np.searchsorted(begins, start, "right") - 1
        end = begins[piece + 1] if piece + 1 < len(begins) else stream.num_tokens
        assert stop <= end  # never more than one piece
        if end - begins[piece] <= size:
            assert (start, stop) == (begins[piece], end)
        elif start > begins[piece]:
            assert fresh == start + 1  # a long one goes on with its last id again
    assert (seen == 1).all()
    assert sum((stops - starts)[which == row].sum() > size for row in range(rows)) == 0
    batch = loader.batch(0, rows)
    order = loader.windows(0, rows)
    places = 0
    for row, window in enumerate(order.tolist()):
        ids = [
            stream.tokens(int(a), int(b)) for a, b in zip(starts[which == window], stops[which == window], strict=True)
        ]
        flat = np.concatenate(ids)
        assert np.array_equal(batch.tokens[row], np.pad(flat, (0, size - len(flat)), constant_values=PAD))
        edges = [*np.cumsum([0, *map(len, ids)]).tolist()]
        inside = [row * loader.length + edge for edge in edges if edge < loader.length]
        low, high = np.searchsorted(batch.bounds, [row * loader.length, (row + 1) * loader.length])
        assert batch.bounds[low:high].tolist() == inside
        places += size - len(flat)
    assert loader.padding == pytest.approx(places / (rows * size))


@given(chosen=SETTINGS, share=st.floats(0, 1), epoch=st.integers(0, 2))
def test_what_was_consumed_adds_up_and_stays_within_the_bound(
    corpus: Corpus, chosen: dict, share: float, epoch: int
) -> None:
    loader, names = Loader(corpus, **chosen), domain_of_each_token(corpus)
    position = epoch * loader.num_windows + int(share * loader.num_windows)
    counted: Counter[str] = Counter()
    last: Counter[str] = Counter()
    for turn in range(epoch + 1):
        begin = turn * loader.num_windows
        last = Counter()
        starts, stops = loader._windows.consumed(loader.windows(begin, min(position - begin, loader.num_windows)))
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            last.update(names[start:stop].tolist())
        counted += last
    assert loader.consumed(position) == dict(sorted(counted.items()))
    planned = Counter(names[: last.total()].tolist())
    assert all(abs(planned[name] - last[name]) <= loader.prefix_bound for name in set(names))


def test_whole_shards_are_counted_from_their_records(corpus: Corpus) -> None:
    fresh = open_corpus(corpus.store.url)
    loader = Loader(fresh, 16)
    loader.consumed(loader.num_windows * 7 + 30)
    assert len(fresh.train._open) <= 2  # the one where the epoch ends, the one where the position is


@given(chosen=SETTINGS, share=st.floats(0, 1), world=st.sampled_from([1, 2, 4]), batch=st.sampled_from([4, 8]))
def test_a_run_goes_on_with_other_ranks_and_batches(
    corpus: Corpus, chosen: dict, share: float, world: int, batch: int
) -> None:
    loader = Loader(corpus, **chosen)
    stopped = int(share * loader.num_windows) // 4 * 4
    state = loader.state(stopped)
    again = Loader(open_corpus(corpus.store.url), **chosen)
    position = again.check(dict(state))
    part = batch // world
    read = [again.tokens(position + step * batch + rank * part, part) for step in range(2) for rank in range(world)]
    assert np.array_equal(np.concatenate(read), loader.tokens(stopped, 2 * batch))


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"sequence_length": 8}, RecipeError, "sequence_length = 8, the loader has 16"),
        ({"shuffle_block": 4}, RecipeError, "shuffle_block = 4"),
        ({"pack_block": 4}, RecipeError, "pack_block = 4"),
        ({"seed": 4}, RecipeError, "seed = 4"),
        ({"loader_order": 0}, RecipeError, "a loader with order 0"),
        ({"tokenizer_sha256": "ab" * 32}, DataError, "of tokenizer abab"),
        ({"order_sha256": "ab" * 32}, DataError, "of token order abab"),
        ({"position": -1}, DataError, "position is -1"),
        ({"position": None}, DataError, "position is None"),
    ],
)
def test_a_state_of_something_else_is_refused(corpus: Corpus, change: dict, error: type[Exception], said: str) -> None:
    loader = Loader(corpus, 16)
    with pytest.raises(error, match=said) as raised:
        loader.check({**loader.state(3), **change})
    assert "\n" not in str(raised.value)


def test_positions_mean_what_they_meant(corpus: Corpus) -> None:
    """Raise `corpus.loader.ORDER` when this changes: runs that go on would read other windows."""
    shuffled = Loader(corpus, 16, shuffle_block=100, seed=7)
    assert shuffled.windows(0, 8).tolist() == [0, 51, 49, 19, 58, 41, 8, 13]
    assert shuffled.windows(shuffled.num_windows, 4).tolist() == [35, 61, 69, 39]
    packed = Loader(corpus, 16, pack_block=10)
    assert hashlib.sha256(packed.tokens(0, packed.num_windows)).hexdigest()[:16] == "d108590384dd7293"


def test_settings_out_of_range_and_short_streams_are_refused(corpus: Corpus) -> None:
    with pytest.raises(RecipeError, match="shuffle_block"):
        Loader(corpus, 16, shuffle_block=0)
    with pytest.raises(RecipeError, match="sequence_length"):
        Loader(corpus, 0)
    with pytest.raises(RecipeError, match="pack_block"):
        Loader(corpus, 1, pack_block=-1)
    with pytest.raises(InputError, match="less than one window"):
        Loader(corpus, 1_000_000)
    with pytest.raises(InputError, match="count from 0"):
        Loader(corpus, 16).batch(-1, 2)


@given(chosen=SETTINGS, place=st.floats(0, 1), epoch=st.integers(0, 2))
def test_a_documents_place_and_a_windows_documents_agree(
    corpus: Corpus, chosen: dict, place: float, epoch: int
) -> None:
    loader, stream = Loader(corpus, **chosen), corpus.train
    start = int(place * (stream.num_tokens - 1))
    positions = loader.positions(start, start + 1, epoch)
    for position in positions.tolist():
        assert position // loader.num_windows == epoch
        shown = loader.documents(position, 1).to_pylist()
        (row,) = [row for row in shown if row["start"] <= start < row["stop"]]
        assert row["position"] == position
        opened = stream.shard(row["shard"])
        low, high = (stream.starts[row["shard"]] + opened.offsets[row["row"] + k] for k in (0, 1))
        assert low <= row["start"] < row["stop"] <= high
        assert row["doc_id"] == opened.rows["doc_id"][row["row"]].as_py()
    if start < (loader.num_windows * loader.length if not chosen["pack_block"] else stream.num_tokens):
        assert len(positions)


def test_documents_of_a_batch_are_all_it_shows(corpus: Corpus) -> None:
    loader = Loader(corpus, 16, shuffle_block=8)
    shown = loader.documents(5, 4)
    sizes = [stop - start for start, stop in zip(shown["start"].to_pylist(), shown["stop"].to_pylist(), strict=True)]
    assert Counter(np.repeat(shown["position"].to_pylist(), sizes).tolist()) == dict.fromkeys(range(5, 9), 17)
    ids = [corpus.train.tokens(row["start"], row["stop"]) for row in shown.to_pylist()]
    assert np.array_equal(np.concatenate(ids), loader.tokens(5, 4).ravel())


def test_the_manuals_example_runs(tmp_path: Path, made_corpus: MadeCorpus) -> None:
    text = (Path(__file__).parents[2] / "docs/loader.md").read_text("utf-8")
    example = text.split("```python\n")[1].split("```")[0]
    root = made_corpus(tmp_path / "c")
    names: dict = {}
    exec(example.replace("builds/mine", root).replace("2048", "16"), names)
    assert names["saved"]["position"] == names["position"] == 800
    assert names["labels"].shape == (8, 16)
