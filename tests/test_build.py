"""The whole path on a small world: the same bytes, nothing twice, mistakes refused."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from corpus.errors import DataError, InputError, LedgerError, StoreError
from corpus.files import File, read_table
from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.store import Store
from corpus.verify import verify
from corpus.version import read_version
from flows import path
from tests.building import Counted, broken, build, results, store_of


def test_a_second_build_has_nothing_to_do(built: Path) -> None:
    published, ran = build(built)
    assert (published.version, published.new, ran) == (1, False, {})


@pytest.mark.parametrize(("workers", "reverse"), [(2, False), (1, True)])
def test_workers_and_order_change_no_byte(built: Path, tmp_path: Path, workers: int, reverse: bool) -> None:
    store = Store(tmp_path / "other")
    build(built, store, workers, reverse)
    assert results(store) == results(store_of(built))


def test_part_sizes_change_neither_what_is_kept_nor_the_shards(built: Path, tmp_path: Path) -> None:
    other = built.with_name("parts.toml")
    other.write_text(built.read_text() + "\n[parts]\ntext_bytes = 9000\ninput_bytes = 4000\n")
    store = Store(tmp_path / "other")
    build(other, store)
    assert len(store.list("documents")) > len(store_of(built).list("documents"))
    for folder in ("tokenizer", "shards"):  # a name holds the hash of what it names
        assert store.list(folder) == store_of(built).list(folder)


def test_a_memory_store_gives_the_same(built: Path) -> None:
    store = Store("memory://same")
    build(built, store, workers=2)
    assert results(store) == results(store_of(built))


def test_a_new_threshold_opens_no_text(copied: Path) -> None:
    recipe = copied
    recipe.write_text(recipe.read_text().replace("min_words = 20", "min_words = 120"))
    store = store_of(recipe)
    for name in store.list("documents"):
        store.put(name, bytes(len(store.get(name))))  # as long as before, and no text in it
    run = Counted(store)
    with pytest.raises(DataError, match="documents/"):
        path.build(load_recipe(recipe), store, run)
    assert run.ran["judge"] and run.ran["select"]
    assert list(run.ran)[-1] == "encode"  # the first that wants text


def test_only_what_a_threshold_touches_runs_again(copied: Path) -> None:
    recipe = copied
    recipe.write_text(recipe.read_text().replace("min_words = 20", "min_words = 100"))
    published, ran = build(recipe)
    assert published.version == 2 and published.new
    later = {"encode", "pieces", "order", "place", "shard"}
    assert set(ran) <= {"judge", "decide", "select", *later} and "judge" in ran
    recipe.write_text(recipe.read_text().replace("min_words = 100", "min_words = 20"))
    published, ran = build(recipe)
    assert ran == {} and published.version == 3  # what was done once is still there


def test_a_presets_name_is_in_no_fingerprint(copied: Path) -> None:
    recipe, text = copied, copied.read_text()
    recipe.write_text(text + "[dedupe]\nbands = 20\nrows = 5\nmax_removed = 0.9\n")
    published, ran = build(recipe)
    assert "sign" in ran
    recipe.write_text(text + '[dedupe]\npreset = "duplodocus"\n')
    again, ran = build(recipe)
    assert ran == {} and (again.version, again.new) == (published.version, False)


@pytest.mark.parametrize(
    ("table", "runs"),
    [
        ("max_removed = 0.9", set()),
        ('prefer = "gopher_quality.words"', {"decide"}),
        ("threshold = 0.81", {"pairs", "decide", "probe"}),
        ('scope = "source"', {"bands", "links"}),
        ('snapshots = "within"', {"bands", "links"}),
    ],
)
def test_what_signatures_do_not_depend_on_signs_nothing_again(copied: Path, table: str, runs: set[str]) -> None:
    copied.write_text(copied.read_text() + f"[dedupe]\n{table}\n")
    _, ran = build(copied)
    assert runs <= set(ran) and not {"ingest", "score", "sign", "judge"} & set(ran)
    assert runs or not ran


def test_a_touched_input_is_read_again_and_runs_nothing_else(copied: Path) -> None:
    os.utime(copied.parent / "raw/books/0.txt", (1, 1))
    published, ran = build(copied)
    assert set(ran) == {"ingest"} and not published.new


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(built: Path, tmp_path: Path) -> None:
    """SIGKILL at 20 seeded moments, each run going on where the one before was killed or anew after it finished."""
    moments, store = random.Random(5), Store(tmp_path / "killed")
    command = [sys.executable, "-m", "gristmill", "build", str(built), "--workers", "1", "--store", store.url]
    start = time.monotonic()
    subprocess.run([*command[:-1], str(tmp_path / "timed")], check=True, capture_output=True)
    whole = time.monotonic() - start
    for _ in range(20):
        before = {name: bytes(store.get(name)) for name in store.list("entries")}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(0.1, 1.0) * whole)
        process.send_signal(signal.SIGKILL)
        process.wait()
        after = {name: bytes(store.get(name)) for name in store.list("entries")}
        assert before.items() <= after.items()
        committed = [(entry["stage"], entry["part"]) for data in after.values() for entry in json.loads(data)]
        assert len(committed) == len(set(committed))  # nothing that was committed ran again
        if (tmp_path / "killed/versions/current").exists():
            assert results(store) == results(store_of(built))
            shutil.rmtree(tmp_path / "killed")
    subprocess.run(command, check=True, capture_output=True)
    assert results(store) == results(store_of(built))


def test_a_hidden_record_makes_the_run_fail(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sources import ingest

    honest = ingest.read_apart

    def hiding(file: Path, *others: object) -> object:
        items = list(honest(file, *others))  # type: ignore[arg-type]
        return iter(items[:3] + items[4:]) if file.name == "0.warc.gz" else iter(items)

    monkeypatch.setattr(ingest, "read_apart", hiding)
    with pytest.raises(LedgerError, match=r"0\.warc\.gz: a stretch .* are not accounted for"):
        build(world)
    assert not store_of(world).list("versions")


def test_a_hidden_document_makes_the_run_fail(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from processors.filters import stages

    honest = stages._counts
    monkeypatch.setattr(stages, "_counts", lambda part, rules, sizes: honest(part, rules[1:], sizes[1:]))
    with pytest.raises(LedgerError, match=r"does not balance: .* documents, judge accounts for"):
        build(world)
    assert not store_of(world).list("versions")


def test_verify_finds_a_flipped_byte_anywhere(copied: Path) -> None:
    store = store_of(copied)
    assert all(finding.holds for finding in verify(store))
    chosen = random.Random(3)
    names = [name for folder in ("documents", "tokens", "shards", "tokenizer", "order") for name in store.list(folder)]
    for name in [*chosen.sample(names, 8), "mixture.lock"]:
        good = bytes(store.get(name))
        at = chosen.randrange(len(good))
        store.put(name, good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert not all(finding.holds for finding in verify(store)), name
        store.put(name, good)
    assert all(finding.holds for finding in verify(store))


def test_the_gate_stops_a_run_that_would_lose_a_source(world: Path) -> None:
    books = sorted((world.parent / "raw/books").glob("*.txt"))
    for book in books[1:]:
        shutil.copy(books[0], book)
    with pytest.raises(DataError, match=r"source books: 5 of 6 documents would fall .* --accept books"):
        build(world)
    wanted, store = load_recipe(world), store_of(world)
    assert not store.list("tokens")
    with Pool(1, store) as pool:
        assert path.build(wanted, store, PoolRun(store, pool), ["books"]).new


def test_a_store_of_another_recipe_is_refused(copied: Path) -> None:
    with pytest.raises(StoreError, match="holds the corpus `small`, the recipe is `other`"):
        build(broken(copied, 'name = "small"', 'name = "other"'))


def test_a_source_that_yields_nothing_is_an_error(world: Path) -> None:
    for book in (world.parent / "raw/books").glob("*.txt"):
        book.write_bytes(b"")
    with pytest.raises(InputError, match="source books yields no document: empty_file"):
        build(world)


def test_a_name_that_is_not_unicode_costs_nothing(world: Path) -> None:
    odd = os.fsencode(world.parent / "raw/books") + b"/caf\xe9.txt"
    with open(odd, "w") as file:  # noqa: PTH123 - a path of bytes
        file.write("Another book about the mill by the river. " * 30)
    build(world)
    store = store_of(world)
    names = {
        name
        for f in read_version(store)["files"]
        if f["path"].startswith("documents/books")
        for name in read_table(store, File(**f))["file"].to_pylist()
    }
    assert "caf\\xe9.txt" in names
