"""One stage on one file, for those who want only that: extract a page, find duplicates in a table, score a table.

In: an HTML page, or Parquet with `id` and `text`. Out: text, or Parquet beside it in the same row order.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpus.errors import InputError, RecipeError
from corpus.recipe import Dedupe
from corpus.tables import read_id_text, write_table


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
    from processors.filters.chain import named_chain, score_table

    scored = score_table(read_id_text(table), named_chain(chain))
    write_table(scored, out)
    kept = int(np.count_nonzero(scored["kept"].to_numpy()))
    return f"{kept:,} of {scored.num_rows:,} documents kept by chain {chain} → {out}"


def dedupe_file(table: Path, out: Path, threshold: float) -> str:
    """Write `id`, `kept`, `twin` (a kept id, null where kept) and `similarity`; returns a line that sums up."""
    if not 0 < threshold <= 1:
        raise RecipeError(f"--threshold {threshold}: it must be above 0 and at most 1")
    given = read_id_text(table)
    dedupe = Dedupe(threshold=threshold)
    result = dedupe_table(given, dedupe)
    write_table(result, out)
    kept = int(np.count_nonzero(result["kept"].to_numpy()))
    missed = (
        f"a pair at the threshold is missed once in {1 / dedupe.missed:,.0f}" if dedupe.missed else "none is missed"
    )
    return f"{kept:,} of {given.num_rows:,} documents kept at Jaccard {threshold} ({missed}) → {out}"


def dedupe_table(given: pa.Table, dedupe: Dedupe) -> pa.Table:
    """Dedupe a table with `id` (any type) and `text`; longer texts, then earlier rows, are kept first."""
    from processors.dedupe.pairs import find_pairs
    from processors.dedupe.select import Population, choose
    from processors.dedupe.sign import id_of_row, sign_settings, sign_table

    rows = np.arange(given.num_rows)
    ids = id_of_row(rows)
    signed = sign_table(pa.table({"id": ids, "text": given["text"]}), sign_settings(dedupe))

    def texts(number: int, wanted: np.ndarray) -> list[str]:
        return given["text"].take(pa.array(wanted)).to_pylist()

    pairs = find_pairs([signed], texts, dedupe)
    chosen = choose(Population.of(signed, passes=np.ones(len(rows), bool)), pairs, 0.0, 0)
    fell = chosen.twin >= 0
    twin = given["id"].take(pa.array(chosen.twin, mask=~fell))
    similarity = np.divide(chosen.both, chosen.either, out=np.zeros(len(rows)), where=fell)
    columns = {
        "id": given["id"],
        "kept": pa.array(chosen.kept),
        "twin": twin,
        "similarity": pa.array(similarity, mask=~fell),
    }
    return pa.table(columns)
