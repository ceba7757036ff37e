"""Select: which documents of a part are kept, who stands for those that fell, and which are held out.

In: a part's verdicts and signatures, and all of ``decided/``. Out: an aligned ``selection/``. A document that is linked
to no other is kept where it passes the filters, and held out by a seeded hash of its set's name.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.files import File, read_aligned, read_table, write_parquet
from corpus.ledger import PASSED, Count
from corpus.schema import SELECTION
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from processors.dedupe.candidates import head
from processors.dedupe.decide import BY, DECIDED, Heldout


@dataclass(frozen=True)
class SelectSettings:
    """`part` is the place of the part among all."""

    heldout: Heldout
    part: int


def select(store: Store, part: Part) -> Output:
    """The stage's work: inputs are the part's verdicts and signatures, and all decided files."""
    settings: SelectSettings = part.settings
    verdicts, signed, *decided = part.inputs
    assert isinstance(verdicts, File) and isinstance(signed, File)
    table = read_aligned(store, (verdicts, ["id", "rules"]), (signed, ["set", "text_bytes"]))
    passes = pc.equal(pc.list_value_length(table["rules"]), 0).combine_chunks()
    linked = _decided(store, [file for file in decided if isinstance(file, File)], settings.part)
    place = np.full(table.num_rows, -1)
    place[linked["row"].to_numpy()] = np.arange(linked.num_rows)
    beside = linked.take(pa.array(place, mask=place < 0)).combine_chunks()
    kept = pc.if_else(pa.array(place < 0), passes, beside["kept"].combine_chunks())
    alone = pa.array(settings.heldout.of(head(table["set"])))
    heldout = pc.if_else(pa.array(place < 0), alone, beside["heldout"].combine_chunks())
    split = pc.if_else(kept, pc.if_else(heldout, "heldout", "train"), None)
    counts = [beside[name].combine_chunks().cast(pa.int64()) for name in ("both", "either")]
    columns = [table["id"], kept, split, beside["twin"], pa.array(BY).take(beside["by"].combine_chunks()), *counts]
    selection = pa.table(columns, schema=SELECTION)
    ledger = _counts(verdicts.part, selection, table["text_bytes"].to_numpy())
    return Output((write_parquet(store, "selection", verdicts.part, selection),), ledger)


def _decided(store: Store, files: Sequence[File], place: int) -> pa.Table:
    """What was decided on this part's documents."""
    found = [DECIDED.empty_table()]
    for file in files:
        table = read_table(store, file)
        first, last = np.searchsorted(table["part"].combine_chunks().to_numpy(), [place, place + 1]).tolist()
        found.append(table.slice(first, last - first))
    return pa.concat_tables(found).combine_chunks()


def _counts(part: str, selection: pa.Table, sizes: np.ndarray) -> tuple[Count, ...]:
    """What became of the part's passing documents: kept to train on, held out, or dropped for a twin."""
    split, by = selection["split"].combine_chunks(), selection["by"].combine_chunks()
    outcomes = [
        (PASSED, "", pc.equal(split, "train")),
        (PASSED, "heldout", pc.equal(split, "heldout")),
        *(("dropped", f"duplicate.{why}", pc.equal(by, why)) for why in BY),
    ]
    masks = [
        (outcome, reason, pc.fill_null(mask, False).to_numpy(zero_copy_only=False))
        for outcome, reason, mask in outcomes
    ]
    source = part.split("/")[0]
    return tuple(
        Count("select", source, part, outcome, reason, documents=int(mask.sum()), bytes=int(sizes[mask].sum()))
        for outcome, reason, mask in masks
        if mask.any()
    )


SELECT = Stage("select", select, version=4)
