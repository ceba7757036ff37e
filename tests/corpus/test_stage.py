"""Stages: what is missing is run, what is done is left, and a fingerprint holds all that can change the output."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from corpus.errors import DataError
from corpus.files import write_bytes
from corpus.pool import Pool, PoolRun
from corpus.stage import Output, Part, Stage, Stamp, changed, entries, fingerprint, identity, pending
from corpus.store import Store

DONE: list[str] = []


@dataclass(frozen=True)
class Settings:
    factor: int = 2


def work(store: Store, part: Part) -> Output:
    DONE.append(part.name)
    data = f"{part.name} {part.settings.factor}".encode()
    return Output((write_bytes(store, "things", part.name, "txt", data),))


def fail(store: Store, part: Part) -> Output:
    raise DataError(f"{part.name} is bad")


STAGE = Stage("double", work)


def parts(*names: str, factor: int = 2) -> list[Part]:
    return [Part(name, (Stamp(name, 1, 1),), Settings(factor), name.split("/")[0]) for name in names]


def run(store: Store, wanted: list[Part], stage: Stage = STAGE) -> list[str]:
    """The names of the parts that were done."""
    DONE.clear()
    with Pool(1, store) as pool:
        found = PoolRun(store, pool)(stage, wanted)
    assert [entry.part for entry in found] == [part.name for part in wanted]
    return list(DONE)


def test_only_missing_parts_run(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert run(store, parts("a/0", "a/1")) == ["a/0", "a/1"]
    assert run(store, parts("a/0", "a/1", "b/0")) == ["b/0"]
    assert run(store, parts("b/0", "a/1")) == []


def test_other_settings_inputs_versions_run_again_and_going_back_does_not(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run(store, parts("a/0"))
    assert run(store, parts("a/0", factor=3)) == ["a/0"]
    assert run(store, parts("a/0"), replace(STAGE, version=2)) == ["a/0"]
    assert run(store, [replace(parts("a/0")[0], inputs=(Stamp("a/0", 1, 2),))]) == ["a/0"]
    assert run(store, parts("a/0")) == []


def test_places_and_other_asides_change_nothing() -> None:
    part = parts("a/0")[0]
    moved = replace(part, aside="/elsewhere")
    assert fingerprint(identity(STAGE, part)) == fingerprint(identity(STAGE, moved))


def test_a_lost_or_cut_file_is_done_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run(store, parts("a/0", "a/1"))
    (file,) = entries(store, "double")["a/0", fingerprint(identity(STAGE, parts("a/0")[0]))].files
    store.put(file.path, b"")
    assert run(store, parts("a/0", "a/1")) == ["a/0"]


def test_a_failure_commits_what_was_done_before(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run(store, parts("a/0"))
    with pytest.raises(DataError, match="a/1 is bad"):
        run(store, parts("a/0", "a/1"), Stage("double", fail))
    assert run(store, parts("a/0", "a/1")) == ["a/1"]


def test_the_tool_says_which_field_changed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run(store, parts("a/0"))
    assert changed(store, STAGE, parts("a/0", factor=5)[0]) == "settings.factor: 2 → 5"
    assert changed(store, STAGE, parts("b/0")[0]) == "not done yet"


def test_batches_hold_one_source_and_grow_with_the_number_of_parts(tmp_path: Path) -> None:
    wanted = parts(*(f"a/{n}" for n in range(100)), *(f"b/{n}" for n in range(100)))
    batches = pending(Store(tmp_path), STAGE, wanted, workers=2).batches
    assert sum(len(batch.parts) for batch in batches) == 200
    assert {len({part.source for part in batch.parts}) for batch in batches} == {1}
    assert 8 <= len(batches) <= 40


def test_settings_that_cannot_be_written_one_way_are_refused() -> None:
    with pytest.raises(TypeError, match="set cannot be part of a fingerprint"):
        identity(STAGE, Part("a/0", (), {"x": {1, 2}}))
