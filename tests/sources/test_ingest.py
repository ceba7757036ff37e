"""A part of input files becomes documents and quarantine, and every item of every file is counted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.errors import InputError, LedgerError
from corpus.recipe import Parts, Source
from corpus.stage import Output, Part
from corpus.store import Store
from sources.ingest import INGEST
from sources.item import Document, Item
from sources.plan import plan_ingest
from sources.settings import ReadSettings


@pytest.fixture
def part(tmp_path: Path) -> Part:
    """Two files of ten bytes."""
    for name in ("1", "2"):
        (tmp_path / name).write_bytes(b"0123456789")
    (part,) = plan_ingest(Source("s", "books", ".", ("[12]",)), ReadSettings("books"), Parts(), tmp_path)
    return part


def ingest(part: Part, items: list[Item], monkeypatch: pytest.MonkeyPatch, folder: Path) -> Output:
    """What a reader that gives these items for every file makes of the part."""

    def reader(*asked: object) -> Iterator[Item]:
        return iter(items)

    monkeypatch.setattr("sources.ingest.read_apart", reader)
    return INGEST.work(Store(folder / "out"), part)


def item(start: int, end: int, reason: str = "", ordinal: int = 0) -> Item:
    if reason:
        return Item(start, end, "quarantined", reason, ordinal=ordinal)
    return Item(start, end, "document", document=Document(f"text {start} {ordinal}"), ordinal=ordinal)


def test_every_item_is_a_record_and_a_stretch_counts_once(
    part: Part, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chapters = [item(0, 7), item(0, 7, "bad_chapter", 1), item(0, 7, "bad_chapter", 2), item(7, 10, "torn")]
    output = ingest(part, chapters, monkeypatch, tmp_path)
    counts = {(c.outcome, c.reason): (c.records, c.stretch) for c in output.counts if c.records is not None}
    assert counts == {
        ("read", ""): (2, 14), ("quarantined", "bad_chapter"): (4, 0), ("quarantined", "torn"): (2, 6),
    }  # fmt: skip
    assert sum(c.documents or 0 for c in output.counts) == 2
    assert [each["bytes"] for each in output.info["inputs"]] == [10, 10]


def test_a_stretch_counts_where_its_first_item_ends(
    part: Part, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    output = ingest(part, [item(0, 10, "torn", 1), item(0, 10, "", 2)], monkeypatch, tmp_path)
    assert sum(count.stretch or 0 for count in output.counts) == 20


@pytest.mark.parametrize("items", [[item(0, 9)], [item(1, 10)], [item(0, 5), item(4, 10)], []])
def test_a_gap_stops_the_run(items: list[Item], part: Part, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="not accounted for"):
        ingest(part, items, monkeypatch, tmp_path)


def test_a_planned_file_that_is_gone_or_longer_stops_the_run(part: Part, tmp_path: Path) -> None:
    (tmp_path / "2").write_bytes(b"01234567890")
    with pytest.raises(InputError, match="2: gone or changed since the run was planned"):
        INGEST.work(Store(tmp_path / "out"), part)
    (tmp_path / "1").unlink()
    with pytest.raises(InputError, match="1: gone or changed since the run was planned"):
        INGEST.work(Store(tmp_path / "out"), part)


DEADLY = """
import os
from functools import partial
from sources.item import Document
from sources.outcome import attempt

def read(path, settings):
    text = path.read_text()
    yield attempt(partial(made, path, text), settings, 0, len(text), "byte", None)

def made(path, text):
    with open(path.parent.parent / "tries", "a") as tries:
        tries.write(path.name)
    if "deadly" in text:
        os._exit(1)
    return Document(text)
"""


def test_what_killed_readers_is_passed_over_until_it_or_its_reading_changes(tmp_path: Path) -> None:
    folder, tries, store = tmp_path / "in", tmp_path / "tries", Store(tmp_path / "out")
    folder.mkdir()
    (folder / "a").write_text("a good text")
    (folder / "b").write_text("a deadly text")

    def outcomes(parts: Parts, code: str = DEADLY) -> list[str]:
        tries.write_text("")
        reading = ReadSettings("r.py:read", reader=code)
        planned = plan_ingest(Source("s", "r.py:read", "in", ("*",)), reading, parts, tmp_path)
        counts = [count for part in planned for count in INGEST.work(store, part).counts if count.records]
        return sorted(count.reason for count in counts)

    assert outcomes(Parts()) == ["", "reader_died"]
    assert tries.read_text() == "abb"  # once may be chance
    assert outcomes(Parts(input_bytes=1)) == ["", "reader_died"]  # another part, the same file
    assert tries.read_text() == "a"
    (folder / "a").write_text("a good text that has grown")
    (folder / "b").rename(folder / "c")
    assert outcomes(Parts()) == ["", "reader_died"]
    assert tries.read_text() == "a"
    assert outcomes(Parts(), DEADLY.replace("deadly", "fatal")) == [""]  # its reader was mended
    (folder / "c").write_text("a better text")
    assert outcomes(Parts()) == [""]
