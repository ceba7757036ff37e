"""The probe: it plants what it says, finds what the bands promise, and notices dedupe that is broken."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from corpus.dedupe import Dedupe
from corpus.errors import DataError
from corpus.stage import Batch, fingerprint, identity, run_batch
from corpus.store import Store
from processors import files
from processors.dedupe import probe
from processors.dedupe.probe import PROBE, counted, measure, plant, probe_part
from processors.dedupe.sign import SIGN


def bands(dedupe: Dedupe) -> list[dict[str, Any]]:
    found: Any = measure(dedupe)
    assert found["wrong"] == 0 and found["fell"] > 0
    return list(found["bands"])


def test_default_bands_find_every_planted_pair() -> None:
    rows = bands(Dedupe())
    assert [row["alike"] for row in rows] == [False, False, True, True, True]
    assert all(row["pairs"] > 50 for row in rows)
    assert all(row["found"] == (row["pairs"] if row["alike"] else 0) for row in rows)


@pytest.mark.parametrize(
    "dedupe", [Dedupe(bands=14, rows=8, threshold=0.75), Dedupe(bands=20, rows=13), Dedupe(threshold=0.5, shingle=13)]
)
def test_what_is_found_is_near_what_the_bands_promise(dedupe: Dedupe) -> None:
    for row in bands(dedupe):
        if row["alike"]:
            deviation = (row["expected"] * (1 - row["expected"] / row["pairs"])) ** 0.5
            assert abs(row["found"] - row["expected"]) <= 4 * deviation + 1


def test_characters_are_planted_in_characters() -> None:
    assert sum(row["pairs"] > 20 for row in bands(Dedupe(unit="characters", shingle=24))) >= 4


def test_planted_texts_have_the_jaccards_that_are_said() -> None:
    dedupe = Dedupe()
    planted = plant(dedupe)
    texts = [row.tobytes().decode().split() for row in planted.letters]
    for left, right in planted.pairs[::150].tolist():
        sets = [{tuple(texts[row][k : k + 5]) for k in range(len(texts[row]) - 4)} for row in (left, right)]
        assert counted(planted, dedupe, left, right) == (len(sets[0] & sets[1]), len(sets[0] | sets[1]))


def changed(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """Real dedupe, and then a fault in what it gives."""
    real = files.dedupe_table
    monkeypatch.setattr(files, "dedupe_table", lambda given, dedupe: change(real(given, dedupe)))


def with_column(table: pa.Table, name: str, values: np.ndarray, mask: np.ndarray | None = None) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values, mask=mask))


def test_bands_that_miss_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the pairs are never proposed, as when half of the bands are lost."""

    def half(table: pa.Table) -> pa.Table:
        row = np.arange(table.num_rows)
        return with_column(table, "kept", table["kept"].to_numpy() | (row % 4 < 2))

    changed(monkeypatch, half)
    with pytest.raises(DataError, match=r"pairs were missed where 0\.0 are to be expected"):
        measure(Dedupe())


def test_signatures_of_noise_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures that do not depend on the text: nothing but equal sets would be found."""
    from processors.dedupe import sign

    real = sign.sign_table
    random = np.random.RandomState(1)

    def noise(documents: pa.Table, settings: Any) -> pa.Table:
        table = real(documents, settings)
        rows = [random.bytes(len(value)) for value in table["signature"].to_pylist()]
        place = table.column_names.index("signature")
        return table.set_column(place, table.schema.field(place), pa.array(rows, table.schema.field(place).type))

    monkeypatch.setattr(sign, "sign_table", noise)
    with pytest.raises(DataError, match="does not keep its word"):
        measure(Dedupe())


def test_a_twin_that_was_dropped_itself_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def chained(table: pa.Table) -> pa.Table:
        fell = ~table["kept"].to_numpy()
        twins = np.where(fell, np.flatnonzero(fell)[0], 0)
        return with_column(table, "twin", twins, ~fell)

    changed(monkeypatch, chained)
    with pytest.raises(DataError, match=r"alike at 0\.8"):
        measure(Dedupe())


def test_a_similarity_that_is_not_the_real_one_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def flattered(table: pa.Table) -> pa.Table:
        kept = table["kept"].to_numpy()
        return with_column(table, "similarity", np.where(kept, 0, 0.99), kept)

    changed(monkeypatch, flattered)
    with pytest.raises(DataError, match="have no kept twin alike"):
        measure(Dedupe())


def test_a_few_misses_are_chance() -> None:
    assert probe._chance(4, 3.9) > 0.5
    assert probe._chance(9, 1.0) > 1e-6 > probe._chance(14, 1.0)
    assert probe._chance(1, 0.0) == 0


def test_the_same_settings_are_probed_once() -> None:
    def mark(dedupe: Dedupe) -> str:
        return fingerprint(identity(PROBE, probe_part(dedupe, (SIGN,))))

    assert mark(Dedupe(max_removed=0.1, scope="source")) == mark(Dedupe())
    assert len({mark(Dedupe()), mark(Dedupe(seed=2)), mark(Dedupe(threshold=0.7)), mark(Dedupe(shingle=3))}) == 4
    newer = probe_part(Dedupe(), (replace(SIGN, version=SIGN.version + 1),))
    assert fingerprint(identity(PROBE, newer)) != mark(Dedupe())


def test_the_probe_leaves_no_file_in_a_corpus() -> None:
    store = Store("memory://probed")
    (entry,) = run_batch(Batch(store, PROBE, (probe_part(Dedupe(), (SIGN,)),)))
    assert not entry.files and entry.info["wrong"] == 0
    assert all(name.startswith("entries/probe/") for name in store.list(""))
