"""Where documents open in windows, known beforehand or found in the ids; the parts of documents that windows show.

Parts tile the windows, and their keys name what they are, not who reads them.
"""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from corpus.loader import Loader
from corpus.shard import Corpus, open_corpus
from corpus.windows import Segments, openings

EOS = 1
CHOSEN = st.fixed_dictionaries(
    {
        "sequence_length": st.sampled_from([1, 3, 16, 64]),
        "shuffle_block": st.sampled_from([1, 5, 10_000]),
        "pack_block": st.sampled_from([0, 3, 20]),
    }
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, made_corpus: Callable[..., str]) -> Corpus:
    return open_corpus(made_corpus(tmp_path_factory.mktemp("corpus") / "c", shard_tokens=700))


def test_a_document_opens_with_the_mark_before_it_a_piece_with_itself() -> None:
    windows = np.array([[7, EOS, 8, 9, 9, 9], [6, 6, 5, EOS, EOS, 9]])
    found = openings(windows, np.array([0, 2, 4, 5, 7, 9]), EOS)
    assert found.tolist() == [0, 1, 4, 5, 7, 8, 9]


@given(
    documents=st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=14),
    lanes=st.integers(1, 3),
    shard_tokens=st.integers(1, 30),
    chosen=CHOSEN,
    reads=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 20)), min_size=1, max_size=4),
)
def test_where_documents_open_is_known_without_their_ids(
    tmp_path_factory: pytest.TempPathFactory, made_corpus: Callable[..., str],
    documents: list[list[int]], lanes: int, shard_tokens: int, chosen: dict, reads: list[tuple[int, int]],
) -> None:  # fmt: skip
    """Documents in pieces, of EOS alone, too; `lanes` of them taking turns, so that pieces lie apart or together."""
    queues: list[list] = [[] for _ in range(lanes)]
    for number, sizes in enumerate(documents):
        ids = [[4 + number] * size for size in sizes]
        ids[-1].append(EOS)
        filled = [piece for piece in ids if piece]
        queues[number % lanes] += [(number, piece, "web", values) for piece, values in enumerate(filled)]
    pieces = [queue[turn] for turn in range(60) for queue in queues if turn < len(queue)]
    stream_tokens = sum(len(piece[3]) for piece in pieces)
    assume(stream_tokens > chosen["sequence_length"])
    root = made_corpus(tmp_path_factory.mktemp("c"), pieces, shard_tokens=shard_tokens)
    loader = Loader(open_corpus(root), **chosen)
    stream, all_of_it = loader.corpus.train, (np.array([0]), np.array([stream_tokens - 1]))
    found = openings(stream.tokens(0, stream_tokens)[None], stream.begins(*all_of_it)[1], EOS)
    assert stream.begins(*all_of_it, opened=True)[1].tolist() == found.tolist()
    for position, count in reads:
        plain, read = loader.batch(position, count), loader.batch(position, count, opened=True)
        assert np.array_equal(read.tokens, plain.tokens)
        assert read.bounds.dtype == np.int32
        assert read.bounds.tolist() == openings(plain.tokens, plain.bounds, EOS).tolist()


def test_no_shard_is_opened_for_the_end_of_the_one_before(corpus: Corpus) -> None:
    stream = open_corpus(corpus.store.url).train
    start = stream.starts[5:6] + 1
    stream.begins(start, start + 100, opened=True)
    assert [*stream._open] == [5]


@given(chosen=CHOSEN, position=st.integers(0, 4_000), count=st.integers(0, 30))
def test_parts_begin_where_documents_do_and_tile_the_windows(
    corpus: Corpus, chosen: dict, position: int, count: int
) -> None:
    loader = Loader(corpus, **chosen)
    parts = loader.segments(position, count)
    assert np.array_equal(parts.row * loader.length + parts.start, loader.batch(position, count).bounds)
    for row in range(count):
        mine = np.flatnonzero(parts.row == row)
        assert parts.start[mine[0]] == 0
        assert np.array_equal(parts.start[mine[1:]], parts.stop[mine[:-1]])
        end, label = parts.stop[mine[-1]], loader.windows(position + row, 1) * loader.length + loader.length
        if parts.domain[mine[-1]] < 0:
            assert end == loader.length + 1
        elif not chosen["pack_block"]:
            assert end == loader.length + (len(corpus.train.begins(label, label + 1)[1]) == 0)


@given(chosen=CHOSEN, position=st.integers(0, 2_000), count=st.integers(1, 12))
def test_a_part_is_of_one_document_whose_domain_it_has(corpus: Corpus, chosen: dict, position: int, count: int) -> None:
    loader = Loader(corpus, **chosen)
    tokens, parts = loader.tokens(position, count), loader.segments(position, count)
    starts, stops, which = loader._windows.shown(loader.windows(position, count))
    for row, start, stop, domain in zip(parts.row, parts.start, parts.stop, parts.domain, strict=True):
        ids = tokens[row, start:stop]
        if domain < 0:
            assert (ids == corpus.train.pad_id).all()
            continue
        documents = set()
        mine = which == row
        column = 0
        for low, high in zip(starts[mine].tolist(), stops[mine].tolist(), strict=True):
            shown = corpus.train.rows(low, high)
            for name, first, last, document in zip(
                shown["domain"].to_pylist(), shown["start"].to_pylist(), shown["stop"].to_pylist(),
                shown["doc_id"].to_pylist(), strict=True,
            ):  # fmt: skip
                begin, end = (column + min(max(edge - low, 0), high - low) for edge in (first, last))
                if begin < stop and end > start:
                    documents.add((document, name))
            column += high - low
        assert [name for _, name in documents] == [parts.domains[domain]]


@given(chosen=CHOSEN, position=st.integers(0, 4_000), sizes=st.lists(st.integers(1, 20), min_size=1, max_size=5))
def test_keys_are_the_same_however_windows_are_read(
    corpus: Corpus, chosen: dict, position: int, sizes: list[int]
) -> None:
    loader, at, keys, names = Loader(corpus, **chosen), position, [], []
    for size in sizes:
        part = Loader(corpus, **chosen).segments(at, size)
        keys += part.key.tolist()
        names += [part.domains[number] if number >= 0 else "" for number in part.domain.tolist()]
        at += size
    whole = loader.segments(position, sum(sizes))
    assert whole.key.tolist() == keys
    assert [whole.domains[number] if number >= 0 else "" for number in whole.domain.tolist()] == names


@pytest.mark.parametrize("chosen", [{}, {"shuffle_block": 50}, {"pack_block": 20}])
def test_no_two_parts_share_a_key_in_an_epoch_or_the_next(corpus: Corpus, chosen: dict) -> None:
    loader = Loader(corpus, 16, **chosen)
    parts = loader.segments(0, 2 * loader.num_windows)
    keys = parts.key[parts.domain >= 0]
    assert len(np.unique(keys)) == len(keys) > 1_000


def test_parts_from_bounds_alone_have_keys_of_window_and_place() -> None:
    bounds = np.array([0, 3, 8, 16, 17])
    parts = Segments.of(bounds, 8, np.arange(5, 8))
    assert parts.row.tolist() == [0, 0, 1, 2, 2]
    assert parts.start.tolist() == [0, 3, 0, 0, 1]
    assert parts.stop.tolist() == [3, 8, 8, 1, 8]
    assert parts.key[2:].tolist() == Segments.of(bounds[2:] - 8, 8, np.arange(6, 8)).key.tolist()
    assert len(set(parts.key.tolist())) == 5
