"""The gate from the front door: what a person sees, that nothing went on, and how to go on."""

import shutil
import sys
from pathlib import Path

import pytest

import gristmill
from corpus.recipe import load_recipe
from corpus.store import Store


def build(monkeypatch: pytest.MonkeyPatch, *words: object) -> object:
    """`gristmill build …` in this process: its exit code, or what it complained of."""
    monkeypatch.setattr(sys, "argv", ["gristmill", "build", *map(str, words), "--workers", "1"])
    try:
        gristmill.main()
    except SystemExit as stop:
        return stop.code or 0
    return 0


def test_a_source_that_would_be_lost_stops_the_run_until_it_is_accepted(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = sorted((world.parent / "raw/books").glob("*.txt"))
    for book in books[1:]:
        shutil.copy(books[0], book)
    told = str(build(monkeypatch, world))
    first, *rest = told.splitlines()
    assert "source books: 5 of 6 documents would fall as duplicates (83%)" in first and "--accept books" in first
    assert "Traceback" not in told and "web" not in first
    kept = next(line for line in rest if line.startswith("    5 to books: "))
    fell = [line for line in rest if line.startswith("      fell to books: ")]
    assert len(fell) == 5 and all(kept.split()[3] in line and "the same" in line for line in fell)
    store = Store(load_recipe(world).store_url)
    assert not store.list("tokens") and not store.list("tokenizer")
    assert str(build(monkeypatch, world)) == told  # the same examples
    assert build(monkeypatch, world, "--accept", "books") == 0
    assert store.list("versions")


def test_a_plan_tells_what_the_gate_will_say(
    world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(monkeypatch, world) == 0
    world.write_text(world.read_text() + "\n[dedupe]\nmax_removed = 0.01\n")
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["gristmill", "plan", str(world)])
    with pytest.raises(SystemExit) as stop:
        gristmill.main()
    out = capsys.readouterr().out
    assert not stop.value.code and "shard" in out
    assert "A build stops at the gate: source web: 2 of 35 documents" in out and "Nothing to do" not in out


def test_a_source_may_have_a_limit_of_its_own(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write_text(world.read_text().replace('kind = "web"', 'kind = "web"\nmax_removed = 0.01', 1))
    assert "source web: 2 of 35 documents" in str(build(monkeypatch, world))
    text = world.read_text().replace("max_removed = 0.01", "max_removed = 0.5")
    world.write_text(text + "\n[dedupe]\nmax_removed = 0.01\n")
    assert build(monkeypatch, world) == 0


@pytest.mark.parametrize("limit", ["0", "1.5", '"half"'])
def test_a_limit_that_is_none_is_refused(world: Path, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write_text(world.read_text().replace('kind = "web"', f'kind = "web"\nmax_removed = {limit}', 1))
    assert "max_removed" in str(build(monkeypatch, world))
