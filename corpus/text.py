"""Spans: what a filter cuts from a text or puts in its place, said beside the text, which itself is never rewritten.

A span is `(start, end, rule, replacement)`: the UTF-8 bytes `start` to `end` of the stored text become `replacement`,
because of `rule`. A document's spans are sorted and do not overlap. `render` gives the text that counts from then on.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SPANS = pa.list_(
    pa.struct([("start", pa.int64()), ("end", pa.int64()), ("rule", pa.string()), ("replacement", pa.string())])
)


class Span(NamedTuple):
    """One stretch of a text, in UTF-8 bytes, and what stands there instead."""

    start: int
    end: int
    rule: str
    replacement: str


def merge(spans: Iterable[Span]) -> list[Span]:
    """Sorts spans and joins those that overlap; the earlier (of equal starts the longer) names the rule.

    Spans that only touch stay apart, so each keeps its reason.
    """
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end, span.rule, span.replacement)):
        if merged and (span.start < merged[-1].end or span == merged[-1]):
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def render(text: str, spans: Iterable[Span | tuple[int, int, str, str]]) -> str:
    """The text with every span replaced; `spans` sorted and without overlap, their ends between characters."""
    data = text.encode()
    pieces: list[bytes] = []
    at = 0
    for start, end, _, replacement in spans:
        pieces += (data[at:start], replacement.encode())
        at = end
    return b"".join((*pieces, data[at:])).decode()


def render_column(texts: pa.Array, spans: pa.Array | None) -> pa.Array:
    """`render` for a column: large_string in, large_string out, null where the text is null.

    Where no row has a span the very same array comes back, nothing copied.
    """
    if spans is None or spans.null_count == len(spans) or len(spans.flatten()) == 0:
        return texts
    from corpus.splice import splice  # numba takes half a second to import

    data, offsets = _bytes(texts)
    flat = spans.flatten()
    counts = spans.value_lengths().fill_null(0).to_numpy().astype(np.int64)
    rows = np.repeat(np.arange(len(texts)), counts)
    starts, ends = flat.field("start").to_numpy(), flat.field("end").to_numpy()
    replacements = flat.field("replacement")
    sizes = pc.binary_length(replacements).to_numpy().astype(np.int64)

    lengths = np.diff(offsets)
    np.add.at(lengths, rows, sizes - (ends - starts))
    rendered = np.empty(int(lengths.sum()), np.uint8)
    put = _bytes(replacements.cast(pa.large_string()))
    splice(data, offsets[0], rendered, offsets[rows] + starts, offsets[rows] + ends, *put)
    places = pa.py_buffer(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
    valid = None if texts.null_count == 0 else pa.py_buffer(np.packbits(_valid(texts), bitorder="little"))
    return pa.Array.from_buffers(pa.large_string(), len(texts), [valid, places, pa.py_buffer(rendered)])


def lift(outer: list[Span], inner: list[Span]) -> list[Span]:
    """One list of spans that does what `outer` and then, on the rendered text, `inner` do; in linear time.

    An inner span that takes in a cut, or a part of a replacement, joins with that outer span under its own rule.
    """
    waiting: list[tuple[int, Span]] = []  # spans before those that are settled, and where they lie when rendered
    shift = 0  # stored position minus rendered position
    for span in outer:
        waiting.append((span.start - shift, span))
        shift = span.end - _rendered_end(*waiting[-1])
    settled: list[Span] = []  # last one first
    for span in reversed(inner):  # from the end, so that positions before it keep their meaning
        while waiting and waiting[-1][0] >= span.end and _rendered_end(*waiting[-1]) > span.start:
            settled.append(waiting.pop()[1])
        waiting.append(_joined(waiting, span))
    return [*(span for _, span in waiting), *reversed(settled)]


def compose(outer: pa.Array, inner: pa.Array) -> pa.Array:
    """`lift` for columns of spans, null where a row has none of either."""
    counts = [spans.value_lengths().fill_null(0).to_numpy().astype(np.int64) for spans in (outer, inner)]
    flat = [spans.flatten() for spans in (outer, inner)]
    rows = [np.repeat(np.arange(len(outer)), count) for count in counts]
    before, shift, touching = _between(flat, rows, counts[0])
    moved = pa.StructArray.from_arrays(
        [pa.array(flat[1].field("start").to_numpy() + shift), pa.array(flat[1].field("end").to_numpy() + shift),
         flat[1].field("rule"), flat[1].field("replacement")],
        fields=list(SPANS.value_type),
    )  # fmt: skip
    order = np.argsort(np.concatenate([2 * np.arange(len(flat[0])) + 1, 2 * before]), kind="stable")
    values = pa.concat_arrays([flat[0], moved]).take(pa.array(order))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts[0] + counts[1])]).astype(np.int32))
    merged = pa.ListArray.from_arrays(offsets, values, type=SPANS, mask=pa.array(counts[0] + counts[1] == 0))

    again = np.unique(rows[1][touching])
    if len(again) == 0:
        return merged
    pairs = zip(*(spans.take(pa.array(again)).to_pylist() for spans in (outer, inner)), strict=True)
    lifted = [lift([Span(**span) for span in cut], [Span(**span) for span in more]) for cut, more in pairs]
    places = np.arange(len(outer))
    places[again] = len(outer) + np.arange(len(again))
    joined = pa.array([[span._asdict() for span in row] for row in lifted], SPANS)
    return pa.concat_arrays([merged, joined]).take(pa.array(places))


def _between(
    flat: list[pa.StructArray], rows: list[np.ndarray], counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each inner span: how many outer ones lie before it, by how much they move it, and whether it touches one."""
    (start, end), (inner_start, inner_end) = (
        (spans.field("start").to_numpy(), spans.field("end").to_numpy()) for spans in flat
    )
    if len(start) == 0:
        none = np.zeros(len(inner_start), np.int64)
        return none, none, none > 0
    size = pc.binary_length(flat[0].field("replacement")).to_numpy().astype(np.int64)
    gone = np.cumsum(end - start - size)  # bytes that this and all spans before it take away, over all rows
    first = np.cumsum(counts) - counts
    here = gone - np.concatenate([[0], gone])[first][rows[0]]  # within the row
    rendered_end = end - here
    far = np.int64(1) << 40  # more than a text's bytes: rows one after another
    before = np.searchsorted(rows[0] * far + rendered_end, rows[1] * far + inner_start, "right")
    reached = np.searchsorted(rows[0] * far + rendered_end - size, rows[1] * far + inner_end, "left")
    last = np.maximum(before - 1, 0)
    shift = np.where((before > 0) & (rows[0][last] == rows[1]), here[last], 0)
    return before, shift, reached > before


def _rendered_end(start: int, span: Span) -> int:
    return start + len(span.replacement.encode())


def _joined(waiting: list[tuple[int, Span]], inner: Span) -> tuple[int, Span]:
    """The inner span with those that it touches, which it takes from the end of `waiting`; and where that begins."""
    at, head, tail = inner.start, b"", b""
    first = last = None
    while waiting and (end := _rendered_end(*waiting[-1])) > inner.start:
        start, span = waiting.pop()
        text = span.replacement.encode()
        if last is None:
            last, tail = span.end + max(inner.end - end, 0), text[inner.end - start :]
        if start <= inner.start:
            at, first, head = start, span.start, text[: inner.start - start]
    shift = waiting[-1][1].end - _rendered_end(*waiting[-1]) if waiting else 0
    first = inner.start + shift if first is None else first
    last = inner.end + shift if last is None else last
    return at, Span(first, last, inner.rule, (head + inner.replacement.encode() + tail).decode())


def _valid(texts: pa.Array) -> np.ndarray:
    return texts.is_valid().to_numpy(zero_copy_only=False)


def _bytes(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """A large_string column's bytes and its n + 1 offsets into them, not copied."""
    _, offsets, data = texts.buffers()
    raw = np.frombuffer(data or b"", np.uint8)
    raw.flags.writeable = False  # one type for the kernel, whoever made the buffer
    return raw, np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset)


def rendered_bytes(sizes: np.ndarray, spans: pa.Array) -> np.ndarray:
    """UTF-8 bytes of each text after its spans are applied, from the sizes of the stored texts (int64[n]) alone."""
    counts = spans.value_lengths().fill_null(0).to_numpy().astype(np.int64)
    flat = spans.flatten()
    added = pc.binary_length(flat.field("replacement")).fill_null(0).to_numpy().astype(np.int64)
    change = added - (flat.field("end").to_numpy() - flat.field("start").to_numpy())
    return sizes + np.bincount(np.repeat(np.arange(len(counts)), counts), change, len(counts)).astype(np.int64)
