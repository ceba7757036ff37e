"""One stage on one file, for those who want only that: extract a page, find duplicates in a table, score a table.

In: an HTML page, or Parquet with `id` and `text`. Out: text, or Parquet beside it in the same row order.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.dedupe import Dedupe, read_dedupe
from corpus.errors import InputError
from corpus.strict import Text
from corpus.tables import check_place, read_id_text, write_table


def extract_page(page: str, extractor: str) -> str:
    """The text of an HTML file, or of standard input where `page` is "-"."""
    from processors.extract import HtmlLimits, PageError, html_to_text

    most = HtmlLimits().max_bytes
    try:
        if page == "-":
            data = sys.stdin.buffer.read(most + 1)
        else:
            with Path(page).open("rb") as file:
                data = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{page}: cannot be read: {error.strerror}") from error
    if data[:2] == b"\x1f\x8b" or (b"\0" in data[:1024] and data[:2] not in (b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{page}: not an HTML page but binary data; unpack it first")
    if len(data) > most:
        raise InputError(f"{page}: larger than {most:,} bytes; a page of that size is not parsed")
    try:
        return html_to_text(data, extractor=extractor)
    except PageError as error:
        raise InputError(f"{page}: {error}") from error


def score_file(table: Path, out: Path, chain: str) -> str:
    """Write `id`, `kept`, `rules` and a column for each score of a bundled chain; returns a line that sums up."""
    from processors.filters.chain import score_table
    from processors.filters.load import named_chain

    check_place(out)
    scored = score_table(read_id_text(table), named_chain(chain))
    write_table(scored, out)
    kept = int(np.count_nonzero(scored["kept"].to_numpy()))
    return f"{kept:,} of {scored.num_rows:,} documents kept by chain {chain} → {out}"


def dedupe_file(table: Path, out: Path, options: dict[str, str | float | None]) -> str:
    """Write `id`, `kept`, `twin` (a kept id, null where kept) and `similarity`; returns two lines that sum up.

    `options` are keys of a recipe's table [dedupe]; those that are None were not given.
    """
    wanted = {key: value for key, value in options.items() if value is not None}
    dedupe = read_dedupe(wanted, Text("the command's options", ""))
    check_place(out)
    given = read_id_text(table)
    result = dedupe_table(given, dedupe)
    write_table(result, out)
    kept = int(np.count_nonzero(result["kept"].to_numpy()))
    return f"{dedupe.told}\n{kept:,} of {given.num_rows:,} documents kept at Jaccard {dedupe.threshold} → {out}"


def dedupe_table(given: pa.Table, dedupe: Dedupe) -> pa.Table:
    """Dedupe a table with `id` (any type) and `text`; longer texts, then earlier rows, are kept first.

    Returns `id`, `kept`, `twin` (a kept id, null where kept) and `similarity`, in the same order.
    """
    from processors.dedupe.table import select_rows

    chosen = select_rows(given["text"], dedupe)
    similarity = pc.divide(chosen["both"].cast(pa.float64()), chosen["either"].cast(pa.float64()))
    columns = {"id": given["id"], "kept": chosen["kept"], "twin": given["id"].take(chosen["twin"])}
    return pa.table({**columns, "similarity": pc.if_else(chosen["kept"], None, similarity)})
