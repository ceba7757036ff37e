"""`mix`: the published mixture as a table, and another one planned for the same corpus without running anything."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from corpus.errors import InputError, RecipeError
from corpus.store import Store
from corpus.version import path_of, point, sealed
from mixtures.pieces import available
from report.console import absent, mixture
from report.mix import mix
from report.tried import closing, plan_table, read_tried, try_mixture

RECORDS = [
    ["crawl", "en", "", "train", 100, 4_000, 1_000],
    ["crawl", "de", "", "train", 20, 800, 200],
    ["crawl", "fo", "", "heldout", 1, 40, 10],
    ["shelf", "en", "", "train", 4, 2_000, 500],
]
DOMAINS = {"crawl": "web", "shelf": "books"}
LINE = {"asked": 0.5, "available": 1_200, "epochs": 1.0, "why": "as asked", "achieved": 0.5, "group": ""}
WHAT: dict[str, Any] = {
    "corpus": "small",
    "version": 3,
    "domains": DOMAINS,
    "stock": RECORDS,
    "asked": {"bucket": []},
    "stages": [
        {"name": "main", "planned": {"web": 330, "old": 100}, "placed": {"web": 300, "old": 100}},
        {"name": "end", "planned": {"web": 101}, "placed": {"web": 100}},
    ],
    "mixture": [
        {**LINE, "domain": "web", "planned": 431, "placed": 400},
        {**LINE, "domain": "old", "planned": 100, "placed": 100},
    ],
}
OTHER = """
budget = 600
[[domain]]
name = "books"
weight = 60
[[domain]]
name = "web"
weight = 40
select = { domain = "web", language = ["en", "fo"] }
"""


def rows_of(tmp_path: Path, toml: str, what: dict[str, Any] = WHAT) -> dict[str, tuple[str, ...]]:
    (tmp_path / "other.toml").write_text(toml, "utf-8")
    tried = try_mixture(read_tried(str(tmp_path / "other.toml"), what), what, available(RECORDS, DOMAINS))
    header, rows = plan_table(tried)
    assert {len(row) for row in rows} == {len(header)}
    return {row[0]: row[1:] for row in rows}


def test_a_plan_stands_beside_what_is_published(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, OTHER)
    assert rows["web"] == ("", "1,000", "40.00%", "240", "40.00%", "0.24", "400", "-160", "as asked")
    assert rows["books"] == ("", "500", "60.00%", "360", "60.00%", "0.72", "0", "+360", "as asked")
    assert rows["old"][-3:] == ("100", "-100", "not an entry of it")
    assert rows["in all"] == ("", "1,500", "100.00%", "600", "100.00%", "0.40", "500", "+100", "")


def test_what_no_entry_takes_is_told(tmp_path: Path) -> None:
    why = rows_of(tmp_path, OTHER)["(no entry)"][-1]
    assert why == "20 documents that no entry selects: crawl web de"


def test_a_group_has_its_sum(tmp_path: Path) -> None:
    group = '[[group]]\nname = "all"\nby = "language"\nweight = 1\n[[domain]]\nname = "books"\nweight = 1\n'
    rows = rows_of(tmp_path, group)
    assert rows["all.en"][:2] == ("all", "1,000")
    assert rows["all in all"] == ("", "1,200", "50.00%", "500", "50.00%", "0.42", "0", "+500", "")


def test_stages_have_a_column_each(tmp_path: Path) -> None:
    stages = '[[stage]]\nname = "main"\nshare = 0.5\n[[stage]]\nname = "end"\nshare = 0.5\nweights = { books = 1 }\n'
    rows = rows_of(tmp_path, OTHER + stages)
    assert rows["books"][6:8] == ("180", "300")
    assert rows["in all"][6:8] == ("300", "300")


def test_a_recipes_mixture_is_tried_and_its_mistakes_are_told_with_their_lines(tmp_path: Path) -> None:
    recipe = OTHER.replace("[[", "[[mixture.").replace("\nbudget", '\nname = "x"\n[mixture]\nbudget')
    assert rows_of(tmp_path, recipe)["web"][3] == "240"
    with pytest.raises(RecipeError, match=r"other\.toml:7: `weight` is 0"):
        rows_of(tmp_path, recipe.replace("weight = 60", "weight = 0"))
    with pytest.raises(RecipeError, match=r"other\.toml:5: `weight` is 0"):
        rows_of(tmp_path, OTHER.replace("weight = 60", "weight = 0"))


def test_presets_are_tried_by_name_and_a_wrong_name_is_told(tmp_path: Path) -> None:
    tried = try_mixture(read_tried("unimax-multilingual", WHAT), WHAT, available(RECORDS, DOMAINS))
    assert [line.domain for line in tried.plan.lines] == ["languages.de", "languages.en", "languages.fo"]
    with pytest.raises(InputError, match="no such file, and no preset; presets are gpt3, llama"):
        read_tried("unimax", WHAT)


BUCKET = '[[bucket]]\ndomain = "web"\nscore = "perplexity.value"\nquantiles = [0.5]\nnames = ["head", "tail"]\n'
CUT = tomllib.loads(BUCKET)["bucket"][0] | {"by_language": False}


def test_buckets_are_those_of_the_corpus(tmp_path: Path) -> None:
    head = OTHER.replace('domain = "web",', 'domain = "web", bucket = "head",')
    what = WHAT | {"asked": {"bucket": [CUT]}}
    for toml in (head, head + BUCKET):
        assert rows_of(tmp_path, toml, what)["web"][-1] == "no document to train on"
    with pytest.raises(RecipeError, match=r"other\.toml:10: \[\[mixture\.bucket\]\] is not what the corpus was built"):
        rows_of(tmp_path, head + BUCKET.replace("0.5", "0.25"), what)
    with pytest.raises(RecipeError, match=r"names of .*: there is none"):
        rows_of(tmp_path, head)


def test_a_shortfall_is_told(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(OTHER.replace("600", "9_000"), "utf-8")
    tried = try_mixture(read_tried(str(tmp_path / "other.toml"), WHAT), WHAT, available(RECORDS, DOMAINS))
    assert closing(tried).startswith("It falls 7,500 tokens short of the 9,000 asked for. Nothing was run.")


def test_what_a_build_would_refuse_is_told(tmp_path: Path) -> None:
    more = OTHER + '[[domain]]\nname = "songs"\nweight = 1\n'
    (tmp_path / "other.toml").write_text(more, "utf-8")
    tried = try_mixture(read_tried(str(tmp_path / "other.toml"), WHAT), WHAT, available(RECORDS, DOMAINS))
    assert "A build would refuse it: mixture own: songs has no document to train on" in closing(tried)


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    store = Store(str(tmp_path / "corpus"))
    store.put(path_of(3), sealed(WHAT))
    point(store, 3)
    (tmp_path / "other.toml").write_text(OTHER, "utf-8")
    return str(tmp_path / "corpus")


def told(*words: str) -> str:
    app = typer.Typer()
    app.command()(mix)
    result = CliRunner().invoke(app, [*words])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_shows_the_published_mixture_or_a_plan(corpus: str, tmp_path: Path) -> None:
    shown = told(corpus)
    assert "The mixture of version 3 (tokens)" in shown
    assert re.search(r"old +100 +0\nin all +400 +100", shown)
    assert json.loads(told(corpus, "--json")) == {"lines": WHAT["mixture"], "stages": WHAT["stages"]}
    other = str(tmp_path / "other.toml")
    shown = told(corpus, "--try", other)
    assert "The mixture own for version 3 of small (tokens)" in shown
    assert "Nothing was run." in shown
    data = json.loads(told(corpus, "--try", other, "--json"))
    assert data["stages"] == [{"name": "", "tokens": {"books": 360, "web": 240}}]
    assert data["no_entry"] == [["crawl", "web", "de", "", 20, 800, 200]]


def test_the_plan_and_groups_stand_beside_what_was_placed() -> None:
    header, rows = mixture(WHAT["mixture"])
    assert header == ("domain", "asked", "achieved", "available", "planned", "placed", "epochs", "why")
    assert rows[0] == ("web", "50.00%", "50.00%", "1,200", "431", "400", "1.00", "as asked")
    header, rows = mixture([{**LINE, "domain": "l.de", "group": "l", "planned": 9, "placed": 9}])
    assert header[:2] == ("domain", "group") and rows[0][:2] == ("l.de", "l")


def test_what_is_named_and_not_in_the_corpus_is_told() -> None:
    none = {**LINE, "available": 0, "planned": 0, "placed": 0, "why": "no document to train on"}
    lines = [
        {**none, "domain": "x"},
        {**none, "domain": "l.fo", "group": "l"},  # only held out: nobody named it
        {**none, "domain": "m", "group": "m"},  # a group that took nothing
        {**LINE, "domain": "few", "planned": 7, "placed": 0},
        {**LINE, "domain": "web", "planned": 7, "placed": 7},
    ]
    assert absent(lines) == [
        "x is not in this corpus: no document to train on",
        "m is not in this corpus: no document to train on",
        "few is not in this corpus: the 7 tokens planned are fewer than any piece of it has",
    ]
