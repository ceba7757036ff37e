"""The gate: a run that would lose most of a source to dedupe stops before anything downstream."""

from collections import defaultdict
from collections.abc import Sequence

from corpus.errors import DataError
from corpus.stage import Entry


def check_removed(selected: Sequence[Entry], limit: float, accept: Sequence[str] = ()) -> None:
    """Compare each source's share of documents removed as duplicates, of those that passed the filters, with the limit.

    Raises DataError naming the source, the numbers and the remedy, unless the source is accepted.
    """
    removed: dict[str, int] = defaultdict(int)
    given: dict[str, int] = defaultdict(int)
    for count in (count for entry in selected for count in entry.counts):
        given[count.source] += count.documents or 0
        if count.reason.startswith("duplicate."):
            removed[count.source] += count.documents or 0
    for source in sorted(given):
        if source not in accept and removed[source] > limit * given[source]:
            raise DataError(
                f"source {source}: {removed[source]:,} of {given[source]:,} documents would fall as duplicates "
                f"({removed[source] / given[source]:.0%}), the gate stands at {limit:.0%}; if that is right, run again "
                f"with --accept {source} or raise [dedupe] max_removed"
            )
