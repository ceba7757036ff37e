"""Filters in places of their own: twice in a chain, only for what others let pass, or from a file beside the recipe."""

import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.errors import InputError, RecipeError
from corpus.strict import Text
from processors.filters.chain import judge, number_identity, score
from processors.filters.load import Chain, load_chain

WAITING = [
    {"name": "gopher_quality", "min_words": 3},
    {"name": "code", "as": "lines", "max_line": 20, "only_if": "gopher_quality"},
    {"name": "code", "max_line": 10**6},
]
OWN = """
from dataclasses import dataclass
from typing import ClassVar

import pyarrow.compute as pc

from processors.filters.rule import Rule


@dataclass(frozen=True)
class Length:
    name: ClassVar[str] = "length"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    most: int = 5

    def number_settings(self):
        return {}

    def scores(self, batch, measures):
        return {"characters": pc.utf8_length(batch.column("text"))}

    def rules(self):
        return (Rule("long", "characters", above=self.most),)
"""


def batch(*texts: str | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"id": list(range(len(texts))), "text": pa.array(texts, pa.large_string())})


def switched_off(chain: list[dict[str, object]]) -> Chain:
    """Of Gopher's quality rules, only `few_words` stays."""
    off = {
        "min_word_length": float("-inf"), "max_word_length": float("inf"), "max_hashes": float("inf"),
        "max_ellipses": float("inf"), "min_alpha_words": float("-inf"), "min_stop_words": float("-inf"),
        "min_alphanumeric": float("-inf"),
    }  # fmt: skip
    known = {"gopher_quality": list(off)[:-1], "code": ["min_alphanumeric"]}
    return load_chain([table | {key: off[key] for key in known[str(table["name"])]} for table in chain])


def test_what_waits_is_scored_only_where_the_other_passed() -> None:
    chain = switched_off(WAITING)
    texts = ("one two three four", "one", None, "one two three four five six seven eight", "")
    scores = score(batch(*texts), chain)
    assert scores["lines.judged"].to_pylist() == [1, 0, 1, 1, 0]  # what has no words for the other does not fall there
    assert scores["lines.longest_line"].to_pylist() == [18, None, None, 39, None]
    assert scores["code.longest_line"].to_pylist() == [18, 3, None, 39, 0]
    assert judge(scores, chain).to_pylist() == [
        [],
        ["gopher_quality.few_words", "lines.not_judged"],
        [],
        ["lines.longest_line"],
        ["gopher_quality.few_words", "lines.not_judged"],
    ]


def test_what_another_filter_lets_pass_counts_among_the_numbers_of_one_that_waits() -> None:
    one = number_identity(load_chain(WAITING))
    other = number_identity(load_chain([WAITING[0] | {"min_words": 4}, *WAITING[1:]]))
    assert one["lines"] != other["lines"]
    assert one["gopher_quality"] == other["gopher_quality"] and one["code"] == other["code"]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"name": "code", "only_if": "lines"}, "a filter before it: gopher_quality"),
        ({"name": "code", "only_if": 3}, "a filter before it"),
        ({"name": "code", "as": "a.b"}, "letters"),
        ({"name": "gopher_quality"}, 'as = "'),
    ],
)
def test_a_place_that_cannot_be_is_told(table: dict[str, object], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        load_chain([{"name": "gopher_quality"}, table])


def test_a_filter_of_ones_own_scores_travels_and_counts_by_its_code(tmp_path: Path) -> None:
    recipe = Text(str(tmp_path / "recipe.toml"), "", "chain.web")
    (tmp_path / "own.py").write_text(OWN)
    chain = load_chain([{"name": "own.py:Length", "most": 3}], recipe)
    (tmp_path / "own.py").unlink()
    chain = pickle.loads(pickle.dumps(chain))
    scores = score(batch("abc", "abcd", None), chain)
    assert scores["length.characters"].to_pylist() == [3, 4, None]
    assert judge(scores, chain).to_pylist() == [[], ["length.long"], []]

    (tmp_path / "own.py").write_text(OWN + "\n# another\n")
    assert number_identity(load_chain([{"name": "own.py:Length"}], recipe)) != number_identity(chain)
    with pytest.raises(RecipeError, match="did you mean `most`"):
        load_chain([{"name": "own.py:Length", "mst": 3}], recipe)
    with pytest.raises(InputError, match="defines no function or class `Width`"):
        load_chain([{"name": "own.py:Width"}], recipe)
