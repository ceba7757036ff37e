import json

import pyarrow as pa
import pytest

from corpus.errors import RecipeError
from processors.code.policy import Policy, group_of
from processors.filters.chain import judge, number_identity, rule_identity, score, score_table
from processors.filters.load import load_chain


@pytest.mark.parametrize(
    ("licence", "group"),
    [
        ("MIT", "permissive"),
        ("CC0-1.0", "public-domain"),
        ("LGPL-2.1-or-later", "weak-copyleft"),
        ("MPL-2.0", "weak-copyleft"),
        ("GPL-2.0-only", "copyleft"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "weak-copyleft"),
        ("Apache-2.0 WITH LLVM-exception", "permissive"),
        ("AGPL-3.0-only", "copyleft"),
        ("BUSL-1.1", "restricted"),
        ("None-Such", "restricted"),
    ],
)
def test_groups(licence: str, group: str) -> None:
    assert group_of(licence) == group


@pytest.mark.parametrize(
    ("policy", "expression", "passes"),
    [
        (Policy(), "MIT", True),
        (Policy(), "GPL-3.0-only OR MIT", True),
        (Policy(), "GPL-3.0-only AND MIT", False),
        (Policy(), "MIT AND (GPL-3.0-only OR Apache-2.0)", True),
        (Policy(), "MPL-2.0", False),
        (Policy(weak_copyleft=True), "MPL-2.0", True),
        (Policy(weak_copyleft=True), "GPL-2.0-only WITH Classpath-exception-2.0", True),
        (Policy(deny=("MIT",)), "MIT", False),
        (Policy(deny=("permissive",)), "Unlicense", True),
        (Policy(allow=("copyleft",), deny=("AGPL-3.0",)), "AGPL-3.0-or-later", False),
        (Policy(allow=("copyleft",), deny=("GPL-2.0-only",)), "GPL-2.0-or-later", True),
        (Policy(allow=("GPL-3.0-only",)), "GPL-2.0-or-later", True),
        (Policy(allow=("GPL-2.0-or-later",)), "GPL-2.0-or-later", True),
        (Policy(allow=("GPL-2.0-or-later",)), "GPL-3.0-only", True),
        (Policy(allow=()), "MIT", False),
        (Policy(), "no expression", False),
    ],
)
def test_policy(policy: Policy, expression: str, passes: bool) -> None:
    assert policy.passes(expression) is passes


def batch(**columns: list[str | None]) -> pa.RecordBatch:
    rows = len(next(iter(columns.values())))
    texts = {"id": pa.array([str(row) for row in range(rows)]), "text": pa.array(["x"] * rows, pa.large_string())}
    return pa.RecordBatch.from_pydict(texts | {name: pa.array(values, pa.string()) for name, values in columns.items()})


def test_licences_are_scored_once_and_judged_by_any_policy() -> None:
    licences = [
        "MIT",
        "GPLv3",
        "mit or mpl-2.0",
        "MPL-2.0",
        "BSD",
        None,
        "https://creativecommons.org/licenses/by/4.0/",
    ]
    loose, strict = (
        load_chain([{"name": "licence", **settings}])
        for settings in ({"weak_copyleft": "keep", "unknown": "keep"}, {"deny": ["CC-BY-4.0"]})
    )
    scores = score(batch(licence=licences), loose)
    denied, unknown = ["licence.denied"], ["licence.unknown"]
    assert judge(scores, loose).to_pylist() == [[], denied, [], [], [], [], []]
    assert judge(scores, strict).to_pylist() == [[], denied, [], denied, unknown, unknown, denied]
    assert number_identity(loose) == number_identity(strict)
    assert json.dumps(rule_identity(loose)) != json.dumps(rule_identity(strict))
    assert scores["licence.expression"].to_pylist()[:3] == ["MIT", "GPL-3.0-only", "MIT OR MPL-2.0"]


def test_kinds_fall_under_their_own_names() -> None:
    chain = load_chain([{"name": "file_kind", "drop": ["minified", "lock"]}])
    scores = score(batch(file_kind=["source", "minified", "lock", "data", None]), chain)
    assert judge(scores, chain).to_pylist() == [[], ["file_kind.minified"], ["file_kind.lock"], [], []]


def test_a_table_without_the_columns_counts_as_unknown() -> None:
    table = pa.table({"id": ["a"], "text": ["x"]})
    chain = load_chain([{"name": "file_kind"}, {"name": "licence"}])
    assert score_table(table, chain)["rules"].to_pylist() == [["licence.unknown"]]
    stated = table.append_column("licence", pa.array(["MIT"]))
    assert score_table(stated, chain)["rules"].to_pylist() == [[]]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"name": "licence", "weak_copyleft": "maybe"}, "weak_copyleft"),
        ({"name": "licence", "unknown": True}, "string"),
        ({"name": "licence", "allow": ["open source"]}, "open source"),
        ({"name": "licence", "deny": ["MIT OR ISC"]}, "MIT OR ISC"),
        ({"name": "file_kind", "drop": ["junk"]}, "junk"),
    ],
)
def test_mistakes_in_the_recipe_name_the_word(table: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        load_chain([table])
