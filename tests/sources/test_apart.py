"""A reader that hangs, grows or dies costs the record that it had in hand, once."""

import time
from pathlib import Path

import pytest

from corpus.errors import InputError
from sources import hand
from sources.apart import Refusal, end_idle, read_apart
from sources.read import ReadSettings, read

READER = '''
import ctypes, os, time
from functools import partial
from sources.item import Document
from sources.outcome import UnreadError, attempt

def read_lines(path, settings):
    """A line is a document, or does what it says."""
    at = 0
    for line in path.read_bytes().splitlines(keepends=True):
        if line == b"between\\n":
            ctypes.string_at(0)
        yield attempt(partial(_made, line), settings, at, at + len(line), "byte", None)
        at += len(line)

def _made(line):
    word = line.strip().decode()
    if word == "hang":
        time.sleep(600)
    elif word == "crash":
        ctypes.string_at(0)
    elif word == "grow":
        hoard = []
        while True:
            hoard.append(b"x" * 2**24)
            time.sleep(0.02)
    elif word == "leave":
        os._exit(3)
    elif word == "raise":
        raise UnreadError("as_told")
    return Document(word)

def read_error(path, settings):
    raise FileNotFoundError("it is gone")
    yield
'''
SETTINGS = ReadSettings("lines.py:read_lines", reader=READER)


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines"
    path.write_text("one\ncrash\ntwo\nraise\nhang\nthree\nleave\ngrow\nfour\n")
    return path


def test_gives_what_reading_here_gives(tmp_path: Path) -> None:
    page = "<html><title>T</title><body>" + "<p>Some words of a page that is long enough.</p>" * 40
    (tmp_path / "a.html").write_text(page)
    settings = ReadSettings("web")
    assert list(read_apart(tmp_path / "a.html", settings)) == list(read(tmp_path / "a.html", settings))


def test_what_kills_a_reader_is_passed_over_and_written_down(lines: Path) -> None:
    written: list[Refusal] = []
    options = {"silence": 2.0, "memory": 600 * 2**20}
    items = list(read_apart(lines, SETTINGS, "lines", (), written.append, **options))  # type: ignore[arg-type]
    assert [i.document.text if i.document else i.reason for i in items] == [
        "one", "reader_died", "two", "as_told", "reader_hung", "three", "reader_died", "reader_out_of_memory", "four",
    ]  # fmt: skip
    assert [(i.start, i.end) for i in items] == _stretches(lines)
    assert [refusal.start for refusal in written] == [i.start for i in items if i.reason.startswith("reader")]
    assert "code -11" in items[1].detail

    before = time.monotonic()  # a later run replays the list: nobody waits, nobody dies
    assert list(read_apart(lines, SETTINGS, "lines", written, written.append)) == items
    assert time.monotonic() - before < 2
    assert len(written) == 4


def test_a_death_between_records_costs_the_rest_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("one\ntwo\nbetween\nthree\n")
    items = list(read_apart(path, SETTINGS, "lines"))
    assert [(i.start, i.end, i.reason) for i in items] == [(0, 4, ""), (4, 8, ""), (8, 22, "reader_died")]


def test_refusals_of_another_file_do_not_count(lines: Path) -> None:
    other = Refusal("another", 0, 0, "reader_died", "")
    items = read_apart(lines, SETTINGS, "lines", [other])
    assert next(items).document is not None
    items.close()  # type: ignore[attr-defined]


def test_what_a_reader_raises_is_raised_here(lines: Path) -> None:
    with pytest.raises(FileNotFoundError, match="it is gone"):
        list(read_apart(lines, ReadSettings("lines.py:read_error", reader=READER)))
    with pytest.raises(InputError, match="defines no function"):
        list(read_apart(lines, ReadSettings("lines.py:nothing", reader=READER)))


def test_readers_end_when_they_are_let_go(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("one\n")
    assert len(list(read_apart(path, SETTINGS))) == 1
    end_idle()
    assert len(list(read_apart(path, SETTINGS))) == 1  # a new one has been started


def test_nothing_is_shown_where_nobody_looks() -> None:
    assert hand.take(1, 2, 0) is None
    hand.lay_down(2)
    hand.beat()


def _stretches(path: Path) -> list[tuple[int, int]]:
    found, at = [], 0
    for line in path.read_bytes().splitlines(keepends=True):
        found.append((at, at + len(line)))
        at += len(line)
    return found
