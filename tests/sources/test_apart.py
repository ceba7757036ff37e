"""A reader that hangs, grows or dies costs the record that it had in hand, once; one that was killed costs nothing."""

import base64
import gzip
import mmap
import os
import signal
import threading
import time
import zlib
from pathlib import Path

import pytest

from corpus.errors import InputError, LedgerError
from sources import apart, hand
from sources.apart import CHANCES, REST, Refusal, end_idle, read_apart
from sources.item import Item
from sources.read import ReadSettings, read

READER = '''
import ctypes, os, time
from functools import partial
from sources import hand
from sources.item import Document
from sources.outcome import UnreadError, attempt

def read_lines(path, settings):
    """A line is a document, or does what it says."""
    at = 0
    for line in path.read_bytes().splitlines(keepends=True):
        if line == b"between\\n":
            ctypes.string_at(0)
        if line == b"fault\\n":
            raise LookupError("nobody thought of it")
        if line == b"broken\\n":
            raise UnreadError("corrupt", "as it says")
        yield attempt(partial(_made, line), settings, at, at + len(line), "byte", None)
        at += len(line)

def _made(line):
    word = line.strip().decode()
    if word == "rest":
        time.sleep(1.5)
    elif word == "hang":
        time.sleep(600)
    elif word == "crash":
        ctypes.string_at(0)
    elif word == "grow":
        hoard = []
        while True:  # up to a gigabyte, whenever somebody looks
            if len(hoard) < 64:
                hoard.append(b"x" * 2**24)
            hand.beat()
            time.sleep(0.02)
    elif word == "leave":
        os._exit(3)
    elif word == "raise":
        raise UnreadError("as_told")
    return Document(word)

def read_error(path, settings):
    path.with_name("gone").open()
    yield

def read_all_first(path, settings):
    """As archives are read: nothing is given before everything was looked at."""
    yield from list(read_lines(path, settings))

def read_gap(path, settings):
    yield from list(read_lines(path, settings))[1:]

def read_killed(path, settings):
    """Three times the reader is killed by somebody, each time elsewhere."""
    for number, item in enumerate(read_lines(path, settings)):
        yield item
        flag = path.with_name(f"killed-{number // 3}")
        if number % 3 == 2 and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), 9)

def read_unlucky(path, settings):
    """Every reader dies, each elsewhere."""
    deaths = len(list(path.parent.glob("death-*")))
    path.with_name(f"death-{deaths}").touch()
    for number, item in enumerate(read_lines(path, settings)):
        if number == deaths:
            os._exit(9)
        yield item
'''
# A Parquet file whose footer states a level histogram that does not fit: Arrow's C++ ends the process (26.0.1).
ABORTS = zlib.decompress(
    base64.b85decode(
        "c-nPQ!A`<J5S=c~QWFk9GNqerOfNJZ00EVQ@iI#w8ZjaXO1w3s0S{6vRs0-"
        "3!K0t&ZYg;3B|9@aGw;o0cTAHG+StPGNIR(7P@6db5U(OXjXu+&j>A=)E~5kitLQe6V_6?Ad+fy7w|T|9sZ!B|BcEwoC|CuCwrHG#$2aq3^co@"
        "qEY)kCZ8&upN!{jhA%zS;Vo6*8FN<9jnaka8%l)x}$H4h_m}r=_jV|c57+kr>f{TFJMp@H&;AjaD(kszqa{qL>Tg3aaP7Th;;DL6yCEAi&(2!_"
        "B{Y92jis;S+eWIHz@#i%L#!T~QYIvG|ZFDkSl`GR=n02b{fkcPVs{K4$w)c0H*TM7GVe<AKrOo+z-3*f?-"
        "ufR=vU!PDez(_Zw>m<a2b@~~WBrZ4z~5vv"
    )
)
SETTINGS = ReadSettings("lines.py:read_lines", reader=READER)
SLOW = """
import time
from pathlib import Path

started = Path(__file__).with_name("started")
if not started.exists():
    time.sleep(4)  # the first child takes longer than it may be silent
with started.open("a") as file:
    file.write("!")
"""


def reading(function: str) -> ReadSettings:
    return ReadSettings(f"lines.py:{function}", reader=READER)


def told(items: list[Item]) -> list[tuple[int, int, str]]:
    return [(item.start, item.end, item.reason) for item in items]


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines"
    path.write_text("one\ncrash\ntwo\nraise\nthree\nleave\ngrow\nfour\n")
    return path


def test_gives_what_reading_here_gives(tmp_path: Path) -> None:
    page = "<html><title>T</title><body>" + "<p>Some words of a page that is long enough.</p>" * 40
    (tmp_path / "a.html").write_text(page)
    settings = ReadSettings("web")
    assert list(read_apart(tmp_path / "a.html", settings)) == list(read(tmp_path / "a.html", settings))


def test_what_kills_a_reader_is_passed_over_and_written_down(lines: Path) -> None:
    written: list[Refusal] = []
    items = list(read_apart(lines, SETTINGS, "lines", (), written.append, memory=600 * 2**20))
    assert [i.document.text if i.document else i.reason for i in items] == [
        "one", "reader_died", "two", "as_told", "three", "reader_died", "reader_out_of_memory", "four",
    ]  # fmt: skip
    assert [(i.start, i.end) for i in items] == _stretches(lines)
    assert [refusal.start for refusal in written] == [i.start for i in items if i.reason.startswith("reader")]
    assert "code -11" in items[1].detail

    reader = apart._idle[-1]  # a later run replays the list: nobody dies
    assert list(read_apart(lines, SETTINGS, "lines", written, written.append)) == items
    assert apart._idle[-1] is reader and reader.process.poll() is None
    assert len(written) == 3


def test_what_hangs_is_passed_over_and_a_child_that_starts_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lines"
    path.write_text("one\nhang\ntwo\n")
    end_idle()
    (tmp_path / "sitecustomize.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    written: list[Refusal] = []
    items = list(read_apart(path, SETTINGS, "lines", (), written.append, silence=2.0))
    assert told(items) == [(0, 4, ""), (4, 9, "reader_hung"), (9, 13, "")]
    assert [refusal.start for refusal in written] == [4]
    assert len((tmp_path / "started").read_text()) == 3  # one more for each time that it hung
    assert list(read_apart(path, SETTINGS, "lines", written, written.append)) == items  # nobody is waited for
    assert len(written) == 1


def test_a_death_between_records_costs_the_rest_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("one\ntwo\nbetween\nthree\n")
    items = list(read_apart(path, SETTINGS, "lines"))
    assert [(i.start, i.end, i.reason) for i in items] == [(0, 4, ""), (4, 8, ""), (8, 22, "reader_died")]


def test_a_death_before_anything_is_given_costs_the_file(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("one\ntwo\nbetween\nthree\n")
    written: list[Refusal] = []
    items = list(read_apart(path, reading("read_all_first"), "lines", (), written.append))
    assert told(items) == [(0, 22, "reader_died")]
    assert [(refusal.start, refusal.ordinal) for refusal in written] == [(0, REST)]
    path.write_text("one\ncrash\nthree\n")
    items = list(read_apart(path, reading("read_all_first")))
    assert told(items) == [(0, 4, ""), (4, 10, "reader_died"), (10, 16, "")]


def test_a_parquet_file_that_ends_its_parser_is_quarantined(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(ABORTS)
    written: list[Refusal] = []
    (item,) = read_apart(path, ReadSettings("tabular"), "a.parquet", (), written.append)
    assert (item.start, item.end, item.outcome) == (0, len(ABORTS), "quarantined")
    assert item.reason in ("reader_died", "bad_parquet")  # the latter once Arrow raises what it now dies of
    assert [refusal.reason for refusal in written] == ["reader_died"] * (item.reason == "reader_died")


def test_too_many_refusals_cost_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.apart.REFUSALS", 2)
    path = tmp_path / "lines"
    path.write_text("one\nleave\ntwo\nleave\nthree\nleave\nfour\n")
    reasons = [item.reason for item in read_apart(path, SETTINGS)]
    assert reasons == ["", "reader_died", "", "reader_died", "", "reader_died"]


def test_what_a_reader_raises_between_records_costs_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("one\nfault\ntwo\n")
    items = list(read_apart(path, SETTINGS))
    assert told(items) == [(0, 4, ""), (4, 14, "reader_fault")] and "nobody thought of it" in items[1].detail
    path.write_text("one\nbroken\ntwo\n")
    assert told(list(read_apart(path, SETTINGS))) == [(0, 4, ""), (4, 15, "corrupt")]


def test_a_folder_that_kills_its_reader_tiles(tmp_path: Path) -> None:
    (item,) = read_apart(tmp_path, SETTINGS, "", [Refusal("", 0, REST, "reader_died", "")])
    assert (item.start, item.end) == (0, 0)  # a repository counts no bytes


def test_readers_that_somebody_kills_cost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("".join(f"{number}\n" for number in range(9)))
    written: list[Refusal] = []
    items = list(read_apart(path, reading("read_killed"), "lines", (), written.append))
    assert [i.document and i.document.text for i in items] == [str(number) for number in range(9)]
    assert not written and len(list(tmp_path.glob("killed-*"))) == 3


def test_readers_that_die_anywhere_stop_the_run(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("".join(f"{number}\n" for number in range(9)))
    with pytest.raises(InputError, match=f"{CHANCES} readers died and no record is to blame"):
        list(read_apart(path, reading("read_unlucky")))


def test_a_reader_that_died_while_it_waited_is_no_fault_of_the_next_file(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("one\n")
    thread = threading.Thread(target=lambda: list(read_apart(path, SETTINGS)))  # its children end with it
    thread.start()
    thread.join()
    written: list[Refusal] = []
    assert told(list(read_apart(path, SETTINGS, "lines", (), written.append))) == [(0, 4, "")]
    os.kill(apart._idle[-1].process.pid, signal.SIGKILL)
    assert told(list(read_apart(path, SETTINGS, "lines", (), written.append))) == [(0, 4, "")]
    assert not written


def test_a_pause_of_everything_is_no_silence(tmp_path: Path) -> None:
    """What a laptop's sleep or Ctrl-Z does: both processes stand still, the clock goes on."""
    path = tmp_path / "lines"
    path.write_text("one\nrest\ntwo\n")
    real, jumps = time.monotonic, iter(range(0, 10**9, 1000))
    time.monotonic = lambda: real() + next(jumps)
    try:
        items = list(read_apart(path, SETTINGS, "lines", (), lambda refusal: pytest.fail(f"{refusal}")))
    finally:
        time.monotonic = real
    assert len(items) == 3


def test_a_bomb_gives_signs_of_life(tmp_path: Path) -> None:
    """The child is seen between any two megabytes, however many there are."""
    for name, kind in (("bomb.jsonl.gz", "tabular"), ("bomb.warc.gz", "web")):
        path = tmp_path / name
        path.write_bytes(gzip.compress(bytes(2**26), 1))
        board = mmap.mmap(-1, hand.BOARD_BYTES)
        hand.watch(board, {})
        list(read(path, ReadSettings(kind, max_record_bytes=2**20)))
        assert hand.see(board).beats > 50
        hand.watch(None, {})


def test_a_gap_is_found_in_the_child(lines: Path) -> None:
    lines.write_text("one\ntwo\n")
    with pytest.raises(LedgerError, match="not accounted for"):
        list(read_apart(lines, reading("read_gap")))


def test_what_a_reader_raises_is_raised_here(lines: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
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
    assert hand.take(1, 0) is None
    hand.lay_down()
    hand.beat()


def _stretches(path: Path) -> list[tuple[int, int]]:
    found, at = [], 0
    for line in path.read_bytes().splitlines(keepends=True):
        found.append((at, at + len(line)))
        at += len(line)
    return found
