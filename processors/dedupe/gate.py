"""The gate: a run that would lose most of a source to dedupe stops before anything downstream.

In: what select wrote and counted. Out: nothing, or an error that shows what would be lost: shares, reasons, to whom,
the largest clusters, and ten documents beside the twins they fell to, the same ten in every run.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from corpus.errors import GateError
from corpus.files import File
from corpus.stage import Entry
from corpus.store import Store
from processors.dedupe.clusters import BY, Cluster, Fell, Flow, examples, fallen, flows, largest, line_of, twins_of

EXAMPLES = 10
LARGEST = 3
_SEED = 0x6A7E  # which ten


def check_removed(
    store: Store,
    documents: Sequence[File],
    selected: Sequence[Entry],
    limits: Mapping[str, float],
    accept: Sequence[str] = (),
) -> None:
    """Compare each source's share of documents removed as duplicates, of those that passed the filters, with its limit.

    `limits` is by source name. Raises GateError for every source above it that is not accepted, with what would be
    removed and the remedy.
    """
    removed: Counter[str] = Counter()
    given: Counter[str] = Counter()
    for count in (count for entry in selected for count in entry.counts):
        given[count.source] += count.documents or 0
        if count.reason.startswith("duplicate."):
            removed[count.source] += count.documents or 0
    over = [
        source for source in sorted(given) if source not in accept and removed[source] > limits[source] * given[source]
    ]
    if not over:
        return
    by_part = {file.part: file for file in documents}
    selection = [file for entry in selected for file in entry.only("selection")]
    told = []
    for source in over:
        head = (
            f"source {source}: {removed[source]:,} of {given[source]:,} documents would fall as duplicates "
            f"({removed[source] / given[source]:.0%}), its gate stands at {limits[source]:.0%}; if that is right, "
            f"run again with --accept {source}, or raise max_removed in [dedupe] or in its [[source]]"
        )
        told.append("\n".join((head, *_shown(store, selection, by_part, source))))
    raise GateError("\n\n".join(told))


def _shown(store: Store, selection: Sequence[File], documents: Mapping[str, File], source: str) -> list[str]:
    """What would be removed from a source, in lines."""
    down = fallen(store, [file for file in selection if file.part.split("/")[0] == source], _SEED)
    twins = twins_of(store, selection, down)
    went = flows(selection, down, twins)
    drawn = examples(store, selection, documents, down, twins, EXAMPLES)
    top = largest(store, selection, documents, down, twins, LARGEST, 0)
    return [
        f"  why: {_reasons(went)}",
        f"  to twins in: {_places(went)}",
        "  the kept documents that most fell to:",
        *(_cluster(cluster) for cluster in top),
        f"  {len(drawn)} of those that fell:",
        *(line for fell in drawn for line in _example(fell)),
    ]


def _reasons(went: Sequence[Flow]) -> str:
    counts = Counter({by: sum(flow.documents for flow in went if flow.by == by) for by in BY})
    return ", ".join(f"{count:,} {by}" for by, count in counts.items() if count)


def _places(went: Sequence[Flow]) -> str:
    counts: Counter[str] = Counter()
    for flow in went:
        same = "the same source and snapshot"
        snapshot = f"its snapshot {flow.to_snapshot}" if flow.source == flow.to_source else f"source {flow.to_source}"
        here = (flow.source, flow.snapshot) == (flow.to_source, flow.to_snapshot)
        counts[same if here else snapshot] += flow.documents
    return ", ".join(f"{place} {count:,}" for place, count in counts.most_common())


def _cluster(cluster: Cluster) -> str:
    return f"    {cluster.fell:,} to {line_of(cluster.kept)}"


def _example(fell: Fell) -> tuple[str, str]:
    return f"    {line_of(fell.document)}", f"      fell to {line_of(fell.twin)}  ({fell.why})"
