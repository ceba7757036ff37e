"""Span corruption: what the rows hold put together again is the documents, in T5's and UL2's proportions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.windows import Segments
from pretrain.config import ObjectiveConfig
from pretrain.objectives.parts import split
from pretrain.objectives.rows import Rows, Special
from pretrain.objectives.spans import masked, widths
from pretrain.objectives.transform import apply

EOS, PAD, FIRST = 1, 2, 1_000
SPAN = ObjectiveConfig(name="span")
UL2 = replace(SPAN, ul2=True)
T = 64


def special(sentinels: int = 100) -> Special:
    return Special(EOS, PAD, sentinels=np.arange(FIRST, FIRST + sentinels, dtype=np.int32))


def windows(lengths: Sequence[int], rows: int, width: int = T, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of documents with these lengths, again and again, every third without its EOS; and where they open."""
    ids, at, starts, turn = np.zeros((rows, width + 1), np.int32), 0, {row * width for row in range(rows)}, 0
    ids[:] = np.random.default_rng(seed).integers(4, 900, ids.shape)
    while at < rows * width:
        starts.add(at)
        if turn % 3:
            ids[at // width, at % width] = EOS
        at, turn = at + lengths[turn % len(lengths)], turn + 1
    return ids, np.array(sorted(starts), np.int32)


def corrupted(
    objective: ObjectiveConfig, ids: np.ndarray, starts: np.ndarray, sentinels: int = 100, seed: int = 0
) -> Rows:
    parts = Segments.of(starts, ids.shape[1] - 1, np.arange(len(ids)))
    return apply(objective, ids, starts, lambda: parts, special(sentinels), seed)


def pieces(array: np.ndarray, starts: np.ndarray) -> list[list[list[int]]]:
    """The documents of each row."""
    width, found = array.shape[1], [[] for _ in array]
    for begin, stop in pairwise([*starts.tolist(), array.size]):
        found[begin // width].append(array.reshape(-1)[begin:stop].tolist())
    return found


def restored(source: list[int], target: list[int]) -> list[int]:
    """The document, from a source and the target that belongs to it (up to its EOS)."""
    spans: dict[int, list[int]] = {}
    for token in target:
        if token >= FIRST:
            assert token == FIRST + len(spans)
            spans[token] = []
        else:
            spans[FIRST + len(spans) - 1].append(token)
    assert [token for token in source if token >= FIRST] == list(spans)
    assert all(spans.values())
    return [token for place in source for token in (spans[place] if place >= FIRST else [place])]


SETTINGS = st.sampled_from([SPAN, UL2, replace(SPAN, mean_span=1.0), *(replace(SPAN, rate=r) for r in (0.5, 0.9, 1.0))])
LENGTHS = st.lists(st.sampled_from([1, 2, 3, 5, 12, 40, 64, 200]), min_size=1, max_size=6)


@settings(max_examples=80)
@given(
    SETTINGS,
    LENGTHS, st.integers(1, 5), st.sampled_from([1, 2, 3, 16, 64]), st.sampled_from([1, 3, 100]), st.integers(0, 99),
)  # fmt: skip
def test_spans_put_back_give_the_documents_back(
    objective: ObjectiveConfig, lengths: list[int], count: int, width: int, sentinels: int, seed: int
) -> None:
    ids, starts = windows(lengths, count, width)
    rows = corrupted(objective, ids, starts, sentinels, seed)
    assert rows.source is not None
    assert rows.source_starts is not None
    assert rows.left_out is not None
    assert (rows.source.shape[1], rows.tokens.shape[1]) == widths(objective, width)
    documents = pieces(ids[:, :-1], starts)
    sources, decoded = pieces(rows.source, rows.source_starts), pieces(rows.tokens, rows.starts)
    for row, target in enumerate(rows.targets.tolist()):
        found, at = [], 0
        for source, tokens in zip(sources[row], decoded[row], strict=False):
            if tokens[0] == PAD:
                break
            end = target.index(EOS, at)
            assert tokens[: end - at + 1] == [EOS, *target[at:end]]
            assert all(token == PAD for token in tokens[end - at + 1 :])
            found.append(restored(source, target[at:end]))
            at = end + 1
        assert all(token == PAD for token in target[at:])
        assert sources[row][len(found) :] in ([], [[PAD] * len((sources[row][-1:] or [[]])[0])])
        wanted = [document for document in documents[row] if len(document) > 1]
        assert found == wanted[: len(found)]
        assert rows.left_out[row] == width - sum(map(len, found))
        assert all(
            document[0] != EOS or source[0] == EOS for document, source in zip(found, sources[row], strict=False)
        )


@given(SETTINGS, st.integers(2, 300), st.integers(0, 9))
def test_a_window_of_one_document_always_fits(objective: ObjectiveConfig, width: int, seed: int) -> None:
    rows = corrupted(objective, *windows([10**9], 4, width), seed=seed)
    assert rows.left_out is not None
    assert not rows.left_out.any()
    assert rows.tokens.shape[1] <= width + 1


def test_padding_is_read_by_nobody_and_not_counted() -> None:
    ids, _ = windows([20], 1)
    ids[0, 20:] = PAD
    rows = corrupted(SPAN, ids, np.array([0, 20], np.int32))
    assert rows.left_out is not None
    assert rows.left_out.tolist() == [0]
    assert rows.starts.tolist() == [0]
    assert rows.source is not None
    assert rows.source_starts is not None
    assert (rows.source[0, rows.source_starts[1] :] == PAD).all()
    empty = corrupted(SPAN, np.full((2, T + 1), PAD, np.int32), np.array([0, T], np.int32))
    assert (empty.tokens == PAD).all()
    assert (empty.targets == PAD).all()


def test_t5s_numbers() -> None:
    """512 ids at 0.15 and 3: 77 masked in 26 spans, as the code of the paper has it."""
    rate, mean = np.array([0.15]), np.array([3.0])
    assert [int(n[0]) for n in masked(np.array([512]), mean, rate)] == [77, 26]
    rows = corrupted(SPAN, *windows([10**9], 30, 512))
    assert rows.source is not None
    assert ((rows.source >= FIRST).sum(axis=1) == 26).all()
    assert ((rows.targets != PAD).sum(axis=1) == 77 + 26 + 1).all()


def test_each_denoiser_comes_as_often() -> None:
    width = 512
    rows = corrupted(UL2, *windows([10**9], 700, width))
    assert rows.source is not None
    spans = (rows.source >= FIRST).sum(axis=1)
    shown = Counter(zip(spans.tolist(), ((rows.targets != PAD).sum(axis=1) - spans - 1).tolist(), strict=True))
    assert set(shown) == {(26, 77), (10, 77), (85, 256), (32, 256), (1, 77), (4, 256), (1, 128)}
    assert min(shown.values()) > 70
    last = (rows.source >= FIRST).argmax(axis=1)[(spans == 1) & ((rows.targets != PAD).sum(axis=1) == 130)]
    assert (last == 384).all()  # the prefix language model: the end is masked


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), max_size=8), st.integers(0, 99))
def test_splits_are_of_the_sizes_and_counts(pairs: list[tuple[int, int]], seed: int) -> None:
    sizes = np.array([max(pair) for pair in pairs], np.int64)
    counts = np.array([min(pair) for pair in pairs], np.int64)
    lengths = split(sizes, counts, np.arange(seed, seed + len(pairs)).astype(np.uint64))
    assert lengths.min(initial=1) >= 1
    assert [part.sum() for part in np.split(lengths, np.cumsum(counts)[:-1])][: len(sizes)] == sizes.tolist()


def test_every_way_to_split_is_as_likely() -> None:
    times = 6_000
    parts = split(np.full(times, 5), np.full(times, 3), np.arange(times).astype(np.uint64) * np.uint64(1 << 32))
    seen = Counter(map(tuple, parts.reshape(-1, 3).tolist()))
    assert len(seen) == 6
    assert max(abs(n - times / 6) for n in seen.values()) < 150  # five standard deviations
