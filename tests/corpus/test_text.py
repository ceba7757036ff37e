from collections.abc import Sequence
from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpus.text import SPANS, Span, compose, lift, merge, render, render_column


def test_render_replaces_bytes_not_characters() -> None:
    assert render("né à Łódź.", [Span(0, 4, "a", ""), Span(6, 7, "b", "_"), Span(7, 14, "c", "X")]) == "à_X."


def test_merge_joins_overlaps_and_keeps_neighbours() -> None:
    spans = [Span(5, 9, "late", "x"), Span(0, 3, "a", ""), Span(2, 6, "b", "y"), Span(9, 10, "c", "")]
    assert merge(spans) == [Span(0, 9, "a", ""), Span(9, 10, "c", "")]


def test_column_without_spans_is_the_same_object() -> None:
    texts = pa.array(["a", None], pa.large_string())
    assert render_column(texts, None) is texts
    assert render_column(texts, pa.nulls(2, SPANS)) is texts
    assert render_column(texts, pa.array([[], None], SPANS)) is texts


def spans_for(text: str, draw: st.DrawFn) -> list[Span]:
    bounds = [len(text[:i].encode()) for i in range(len(text) + 1)]
    cuts = sorted(draw(st.lists(st.sampled_from(bounds), max_size=10)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    replacement = st.sampled_from(["", "", "\n", "é€", "|||"])
    return merge([Span(a, b, draw(st.sampled_from("pq")), draw(replacement)) for a, b in pairs])


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = draw(st.text(st.sampled_from("ab \né€😀"), max_size=30))
    return text, spans_for(text, draw)


@st.composite
def twice_cut_texts(draw: st.DrawFn) -> tuple[str, list[Span], list[Span]]:
    text, outer = draw(cut_texts())
    return text, outer, spans_for(render(text, outer), draw)


@given(st.lists(st.one_of(st.none(), cut_texts()), max_size=6), st.integers(0, 3))
def test_column_renders_as_each_row(rows: list[tuple[str, list[Span]] | None], skip: int) -> None:
    texts = pa.array([row and row[0] for row in rows], pa.large_string())[skip:]
    spans = pa.array([row and [span._asdict() for span in row[1]] for row in rows], SPANS)[skip:]
    column = render_column(texts, spans)
    column.validate(full=True)
    assert column.to_pylist() == [row if row is None else render(*row) for row in rows][skip:]


def covered(spans: Sequence[Span]) -> set[int]:
    return {byte for span in spans for byte in range(span.start, span.end)}


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5), st.sampled_from("ab"), st.sampled_from("xy"))))
def test_merged_spans_cover_the_same_bytes_in_order(raw: list[tuple[int, int, str, str]]) -> None:
    spans = [Span(start, start + size, rule, text) for start, size, rule, text in raw]
    merged = merge(spans)
    assert covered(merged) == covered(spans)
    assert all(a.end <= b.start for a, b in pairwise(merged))
    assert merge(merged) == merged


@given(twice_cut_texts())
def test_lift_renders_in_one_step_what_two_would(world: tuple[str, list[Span], list[Span]]) -> None:
    text, outer, inner = world
    lifted = lift(outer, inner)
    assert render(text, lifted) == render(render(text, outer), inner)
    assert all(a.end <= b.start for a, b in pairwise(lifted))


@given(st.lists(twice_cut_texts(), max_size=5))
def test_columns_compose_row_by_row(rows: list[tuple[str, list[Span], list[Span]]]) -> None:
    outer, inner = (pa.array([[span._asdict() for span in row[at]] or None for row in rows], SPANS) for at in (1, 2))
    whole = pa.array([text for text, _, _ in rows], pa.large_string())
    assert render_column(whole, compose(outer, inner)).equals(render_column(render_column(whole, outer), inner))
