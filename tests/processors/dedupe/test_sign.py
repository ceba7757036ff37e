"""A row of signatures/ says of a document what dedupe needs of it."""

import datasketch
import numpy as np
import pyarrow as pa
import pytest

from corpus.dedupe import Dedupe
from corpus.schema import ID, SIGNATURES
from processors.dedupe import sign
from processors.dedupe.minhash import name_sets, signature
from processors.dedupe.shingles import shingle_column
from processors.dedupe.sign import SignSettings, sign_settings, sign_table

TEXTS = [
    "The mill grinds what farmers bring", "", "the  MILL grinds, what farmers bring!", "Two words", "two\nWORDS ",
    "two, words", "Ο ΟΔΥΣΣΕΥΣ ΓΥΡΙΣΕ ΣΤΗΝ ΙΘΑΚΗ", "日本語 の 文 は 長い",
]  # fmt: skip


def table(texts: list[str]) -> pa.Table:
    ids = pa.array([bytes([i]) * 16 for i in range(len(texts))], ID)
    return pa.table({"id": ids, "text": pa.array(texts, pa.large_string())})


@pytest.mark.parametrize("unit", ["words", "segmented", "characters"])
def test_a_row_says_what_the_text_holds(unit: str) -> None:
    signed = sign_table(table(TEXTS), SignSettings(3, 8, 1, unit))
    found = shingle_column(pa.array(TEXTS, pa.large_string()), unit, 3)
    lengths = np.diff(found.offsets)
    assert signed.schema == SIGNATURES
    assert signed["tokens"].to_pylist() == found.tokens.tolist()
    assert signed["shingles"].to_pylist() == lengths.tolist()
    assert signed["text_bytes"].to_pylist() == [len(text.encode()) for text in TEXTS]
    names = name_sets(found.offsets, found.hashes)
    for i, row in enumerate(signed.to_pylist()):
        if lengths[i]:
            hashes = found.hashes[found.offsets[i] : found.offsets[i + 1]]
            assert row["set"] == names[i].tobytes()
            assert row["signature"] == signature(hashes, 8, 1).tobytes()
        else:
            assert row["signature"] is None


def test_short_texts_are_compared_exactly() -> None:
    sets = sign_table(table(TEXTS), SignSettings(3, 8, 1))["set"].to_pylist()
    assert sets[0] == sets[2] and sets[3] == sets[4]
    assert len({sets[0], sets[1], sets[3], sets[5]}) == 4
    sets = sign_table(table(TEXTS), SignSettings(99, 8, 1, "characters"))["set"].to_pylist()
    assert len(set(sets)) == len(TEXTS)  # case counts there, and "Two words" is not "two words"
    assert (
        sign_table(table([" a  b "]), SignSettings(9, 8, 1, "characters"))["set"]
        == sign_table(table(["a b"]), SignSettings(9, 8, 1, "characters"))["set"]
    )


def test_only_numbers_that_signatures_depend_on_are_their_settings() -> None:
    of = sign_settings(Dedupe())
    for other in (
        {"threshold": 0.9}, {"scope": "source"}, {"snapshots": "within"}, {"prefer": "language.score"},
        {"urls": False}, {"max_removed": 0.1}, {"repeats": "lines"}, {"preset": "duplodocus"},
    ):  # fmt: skip
        assert sign_settings(Dedupe(**other)) == of, other
    for other in ({"shingle": 4}, {"unit": "characters"}, {"seed": 2}, {"bands": 14, "rows": 8}, {"threshold": 0.7}):
        assert sign_settings(Dedupe(**other)) != of, other


def test_how_a_table_is_laid_out_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SignSettings(3, 8, 1)
    whole = sign_table(table(TEXTS), settings)
    pieces = pa.concat_tables(
        [whole.slice(0, 0), *(sign_table(table(TEXTS).slice(i, 2), settings) for i in (0, 2, 4, 6))]
    )
    assert pieces.equals(whole)
    chunked = pa.concat_tables([table(TEXTS).slice(0, 3), table(TEXTS).slice(3)])
    assert sign_table(chunked, settings).equals(whole)
    strings = table(TEXTS).set_column(1, "text", pa.array(TEXTS, pa.string()))
    assert sign_table(strings, settings).equals(whole)
    monkeypatch.setattr(sign, "_ARRAY_BYTES", 3 * 32)
    assert sign_table(table(TEXTS), settings)["signature"].num_chunks == 3
    assert sign_table(table(TEXTS), settings).equals(whole)
    assert sign_table(table([]), settings).schema == SIGNATURES
    assert sign_table(table([""]), settings)["signature"].to_pylist() == [None]


def test_a_stored_signature_estimates_as_datasketch_does() -> None:
    texts = [" ".join(f"w{i}" for i in range(start, start + 200)) for start in (0, 20)]
    rows = sign_table(table(texts), sign_settings(Dedupe(bands=32, rows=4, seed=7)))["signature"].to_pylist()
    found = shingle_column(pa.array(texts, pa.large_string()), "words", 5)
    theirs, ours = [], []
    for i, row in enumerate(rows):
        ours.append(
            datasketch.MinHash(num_perm=128, seed=7, scheme="affine32", hashvalues=np.frombuffer(row, "<u4").copy())
        )
        theirs.append(datasketch.MinHash(num_perm=128, seed=7, scheme="affine32", hashfunc=lambda value: value))
        theirs[i].update_batch([int(h) & 0xFFFFFFFF for h in found.hashes[found.offsets[i] : found.offsets[i + 1]]])
    assert ours[0].jaccard(ours[1]) == theirs[0].jaccard(theirs[1])
    assert abs(ours[0].jaccard(ours[1]) - 176 / 216) < 0.1


def test_the_unit_simplified_is_datatroves() -> None:
    pytest.importorskip("spacy"), pytest.importorskip("regex")
    from processors.dedupe.simplified import simplified_signature

    texts = [*TEXTS, "In 1999 the café's owner sold 3,000 loaves of bread."]
    signed = sign_table(table(texts), SignSettings(5, 112, 1, "simplified"))
    theirs = simplified_signature(texts)
    for row, shingles, each in zip(
        signed["signature"].to_pylist(), signed["shingles"].to_pylist(), theirs, strict=True
    ):
        assert (row is not None) == (shingles > 0)
        assert row is None or row == each.astype("<u8").tobytes()
