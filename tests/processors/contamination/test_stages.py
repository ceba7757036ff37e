"""Contamination in a build: items fall with their ids, phrases are spared, a changed list runs only what it must."""

import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from corpus.errors import DataError
from corpus.files import File, read_table
from corpus.pool import Pool, PoolRun
from corpus.publish import Published
from corpus.recipe import load_recipe
from corpus.store import Store
from corpus.verify import verify
from corpus.version import read_version
from flows import path
from gristmill import app
from report.contamination import check_command
from report.explain import explain, sample
from report.pages import show_life
from tokenizer.train import load_model

ITEM = (
    "Which of the seven wooden bridges did the careful engineer from Utrecht cross before she reached the old harbour"
)
LONG = "Why does a lantern made of copper glow brighter in the northern valley than one made of tin when it snows hard"
PHRASE = "All rights are reserved and no part of this page may be copied without the written consent of the publisher"
TABLE = '\n[contamination]\nbenchmarks = ["bench/*"]\n'


def put(recipe: Path, table: str = TABLE, **files: str) -> Path:
    """The recipe with a table [contamination] and benchmark files."""
    (recipe.parent / "bench").mkdir(exist_ok=True)
    for name, text in files.items():
        (recipe.parent / "bench" / name.replace("_", ".")).write_text(text)
    recipe.write_text(recipe.read_text().replace("[heldout]", f"{table}\n[heldout]", 1))
    return recipe


def items(*rows: tuple[str, str]) -> str:
    return "".join(json.dumps({"id": name, "question": text}) + "\n" for name, text in rows)


def plant(recipe: Path) -> None:
    """Into rows: one item in a document of its own, and a phrase into all of them."""
    file = recipe.parent / "raw/rows/rows.jsonl"
    rows = file.read_text().splitlines()
    for n, row in enumerate(rows):
        if n != 5:
            table = json.loads(row)
            middle = f"\n\n{ITEM.upper()}, sir?\n\n" if n == 3 else " "
            rows[n] = json.dumps(table | {"text": f"{table['text']}{middle}{table['text'][:300]}\n\n{PHRASE}."})
    file.write_text("\n".join(rows) + "\n")


def build(recipe: Path) -> tuple[Published, dict[str, int]]:
    """What is published, and how many parts of each stage ran."""
    wanted = load_recipe(recipe)
    store, ran = Store(wanted.store_url), dict[str, int]()
    with Pool(1, store) as pool:
        run = PoolRun(store, pool, lambda stage, done, total, new: ran.__setitem__(stage, new))
        published = path.build(wanted, store, run, ["rows"])
    return published, {stage: count for stage, count in ran.items() if count}


def told(recipe: Path, folder: str = "contamination") -> list[dict[str, object]]:
    store = Store(load_recipe(recipe).store_url)
    files = [File(**file) for file in read_version(store)["files"]]
    return [row for file in files if file.folder == folder for row in read_table(store, file).to_pylist()]


def dropped(published: Published) -> dict[str, int | None]:
    return {c.reason: c.documents for c in published.ledger if c.stage == "judge" and c.reason.startswith("contam")}


@pytest.fixture(scope="module")
def built(world_at: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built world with one leak, that no test changes; the recipe's path."""
    recipe = world_at(tmp_path_factory.mktemp("leaky"))
    plant(recipe)
    put(recipe, bench_jsonl=items(("q-1", ITEM), ("q-2", LONG), ("law", PHRASE), ("hi", "What is it?")))
    build(recipe)
    return recipe


@pytest.fixture
def copied(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built.parent, tmp_path / "copy")
    return tmp_path / "copy" / "recipe.toml"


def test_an_item_falls_with_its_id_and_a_phrase_is_spared(built: Path) -> None:
    published, ran = build(built)
    assert ran == {} and dropped(published) == {"contamination.overlap": 1}
    (hit,) = told(built)
    assert (hit["benchmark"], hit["item"], hit["share"]) == ("bench.jsonl", "q-1", 1.0)
    store = Store(load_recipe(built).store_url)
    life = explain(store, hit["id"].hex())
    (stretch,) = hit["stretches"]
    assert life.rules == ["contamination.overlap"] and not life.places
    assert life.text.encode()[stretch["start"] : stretch["end"]].decode() == ITEM.upper()
    assert life.scores["contamination.items"] == 1
    assert [s.id for s in sample(store, dropped="contamination", source=None, count=9)] == [hit["id"].hex()]
    assert {row["text"] for row in told(built, "phrases")} == {
        " ".join(PHRASE.split()[n : n + 13]) for n in range(len(PHRASE.split()) - 12)
    }
    assert [row["item"] for row in told(built, "benchmarks") if not row["grams"]] == ["hi"]
    assert all(finding.holds for finding in verify(store))


LIST = {"benchmarks", "overlaps", "phrases", "contamination"}


def test_a_touched_list_is_read_again_and_runs_nothing_else(copied: Path) -> None:
    os.utime(copied.parent / "bench/bench.jsonl", (1, 1))
    published, ran = build(copied)
    assert set(ran) == {"benchmarks"} and not published.new


def test_a_list_that_finds_nothing_new_runs_nothing_behind_it(copied: Path) -> None:
    put(copied, "", more_tsv=f"id\tquestion\n77\t{LONG} indeed\n")
    _, ran = build(copied)
    assert set(ran) == LIST
    assert {row["benchmark"] for row in told(copied, "benchmarks")} == {"bench.jsonl", "more.tsv"}


def test_a_list_that_finds_more_runs_what_depends_on_it(copied: Path) -> None:
    row = json.loads((copied.parent / "raw/rows/rows.jsonl").read_text().splitlines()[7])
    put(copied, "", more_jsonl=items(("leaked", " ".join(row["text"].split()[:40]))))
    published, ran = build(copied)
    assert not {"ingest", "score", "sign", "bands"} & set(ran) and {*LIST, "judge", "select"} <= set(ran)
    assert ran["judge"] == 1 and dropped(published) == {"contamination.overlap": 2}
    assert {row["item"] for row in told(copied)} == {"q-1", "leaked"}


def test_a_presets_name_and_a_share_open_no_text(copied: Path) -> None:
    put_again = copied.read_text().replace(TABLE, f"{TABLE}measure = 'grams'\nleast = 0.5\n")
    copied.write_text(put_again)
    _, ran = build(copied)
    assert set(ran) <= {"contamination", "judge"}


def test_part_sizes_change_no_hit(built: Path, tmp_path: Path) -> None:
    other = built.with_name("parts.toml")
    other.write_text(built.read_text().replace('root = "out"', f'root = "{tmp_path}/out"'))
    other.write_text(other.read_text() + "\n[parts]\ntext_bytes = 9000\ninput_bytes = 4000\n")
    build(other)
    assert told(other) == told(built)
    assert {row["text"] for row in told(other, "phrases")} == {row["text"] for row in told(built, "phrases")}


@pytest.mark.parametrize(
    ("preset", "reason"),
    [
        ('preset = "gpt-3"\nwindow = 20\npiece = 30', None),
        ('falls = "paragraph"', None),
        ('preset = "gpt-3"\npieces = 1', "contamination.pieces"),
    ],
)
def test_what_falls_inside_a_document_reaches_no_token(copied: Path, preset: str, reason: str | None) -> None:
    copied.write_text(copied.read_text().replace(TABLE, f"{TABLE}{preset}\n"))
    build(copied)
    store = Store(load_recipe(copied).store_url)
    life = explain(store, told(copied)[0]["id"].hex())
    assert (life.rules or [None]) == [reason] and {span.rule for span in life.spans} == {"contamination.overlap"}
    assert "wooden bridges".upper() in life.text and "BRIDGES" not in life.rendered
    assert PHRASE in life.rendered and len(life.rendered) < len(life.text)
    if reason is None:
        what = read_version(store)
        processor = load_model(store.get(what["tokenizer"]["path"]))
        files = [File(**file) for file in what["files"] if file["path"].startswith("tokens/rows")]
        (tokens,) = [
            row["tokens"] for f in files for row in read_table(store, f).to_pylist() if row["id"] == life.document["id"]
        ]
        assert processor.decode(tokens) == life.rendered
    assert all(finding.holds for finding in verify(store))


def test_offsets_are_of_the_stored_text_where_filters_cut(copied: Path) -> None:
    text = copied.read_text().replace("min_words = 20\n", 'min_words = 20\n\n[[chain.mild]]\nname = "c4"\n', 1)
    rows = copied.parent / "raw/rows/rows.jsonl"
    lines = rows.read_text().splitlines()
    row = json.loads(lines[3])
    lines[3] = json.dumps(row | {"text": "é javascript é.\n" + row["text"].replace("SIR?", "SIR?\nno end")})
    rows.write_text("\n".join(lines) + "\n")
    copied.write_text(text)
    build(copied)
    (hit,) = told(copied)
    life = explain(Store(load_recipe(copied).store_url), hit["id"].hex())
    (stretch,) = hit["stretches"]
    assert life.scores["spans"]
    assert life.text.encode()[stretch["start"] : stretch["end"]].decode() == ITEM.upper()


def test_the_shards_are_checked_against_a_new_list(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copied.write_text(copied.read_text().replace(TABLE, ""))
    build(copied)
    bench, out = copied.parent / "bench/bench.jsonl", copied.parent / "hits.jsonl"
    corpus = load_recipe(copied).store_url
    with pytest.raises(DataError, match=r"1 of \d+ documents in the shards hold 1 of 4 items"):
        check_command(corpus, [str(bench)], "13-gram", out)
    (hit,) = [json.loads(line) for line in out.read_text().splitlines()]
    assert (hit["item"], hit["source"], hit["share"]) == ("q-1", "rows", 1.0)
    life = explain(Store(corpus), hit["document"])
    assert {place.shard for place in life.places} == set(hit["shards"])
    (stretch,) = hit["stretches"]
    assert life.rendered.encode()[stretch["start"] : stretch["end"]].decode() == ITEM.upper()
    put(copied, "", clean_jsonl=items(("q-2", LONG)))
    app(["contamination", corpus, "--benchmark", str(bench.with_name("clean*"))], standalone_mode=False)
    said = capsys.readouterr().out
    assert "preset 13-gram: 13 words" in said and "hold 0 of 1 items" in said


def test_explain_shows_what_a_document_holds(built: Path) -> None:
    hit = told(built)[0]
    life = explain(Store(load_recipe(built).store_url), hit["id"].hex())
    assert life.leaked == (hit,)
    screen = Console(record=True, width=200, file=io.StringIO())
    show_life(screen, life)
    (stretch,) = hit["stretches"]
    line = next(line for line in screen.export_text().splitlines() if "bench.jsonl" in line)
    assert "q-1" in line and "100%" in line and f"{stretch['start']:,}-{stretch['end']:,}" in line
