import json
import math

import pyarrow as pa
import pytest

from corpus.errors import InputError, RecipeError
from corpus.text import render_column
from processors.filters.chain import judge, number_identity, rule_identity, score, score_table
from processors.filters.load import CHAINS, FILTERS, load_chain, named_chain

PROSE = """The owner of this old house went to the market with his two sons early in the morning.
Rain had been falling since midnight, and nobody wanted to carry the heavy baskets home again.
His neighbour, who keeps bees behind the chapel, offered them a ride on a wooden cart.
They have known each other for thirty years, so thanks were neither given nor expected.
Later that evening somebody asked whether honey from lime trees tastes different from clover.
No answer came before supper, because everyone at the table was busy eating fresh bread."""
TEXTS = [PROSE, "Der Hund und die Katze liegen heute im Garten und schlafen.", "spam spam " * 40, "", None, "x {\n" * 9]


def batch(texts: list[str | None]) -> pa.RecordBatch:
    ids = [f"d{i}" for i in range(len(texts))]
    return pa.RecordBatch.from_arrays([pa.array(ids), pa.array(texts, pa.large_string())], ["id", "text"])


def test_every_filter_stands_under_its_own_name_and_gives_the_scores_its_rules_read() -> None:
    for name, kind in FILTERS.items():
        each = kind()
        assert each.name == name
        assert each.rules() or name in ("perplexity", "privacy")  # their bounds are the recipe's
        try:
            each.number_settings()
        except RecipeError as error:
            assert "given" in str(error)  # it needs a file; its own test names one
            continue
        columns = score(batch(TEXTS), (each,))
        assert columns.schema.names[0] == "id" and columns.schema.names[-1] == "spans"
        assert all(f"{name}.{rule.score}" in columns.schema.names for rule in each.rules())


@pytest.mark.parametrize("name", CHAINS)
def test_bundled_chains_load_and_their_identities_are_json(name: str) -> None:
    chain = named_chain(name)
    assert json.loads(json.dumps(number_identity(chain), allow_nan=False)) == number_identity(chain)
    assert json.loads(json.dumps(rule_identity(chain), allow_nan=False)) == rule_identity(chain)
    assert [each.name for each in named_chain("web")] == [
        "language",
        "gopher_repetition",
        "gopher_quality",
        "c4",
        "fineweb",
        "privacy",
    ]


def test_web_chain_keeps_english_prose_and_names_why_others_fall() -> None:
    table = score_table(pa.Table.from_batches([batch(TEXTS)]), named_chain("web"))
    rules = dict(zip(table["id"].to_pylist(), table["rules"].to_pylist(), strict=True))
    assert rules["d0"] == []
    assert rules["d1"][0] == "language.label"
    assert "gopher_repetition.top_2_gram" in rules["d2"]
    assert rules["d3"][-4:] == [
        "gopher_quality.few_words",
        "gopher_quality.stop_words",
        "c4.few_sentences",
        "fineweb.empty",
    ]
    assert rules["d4"] == []  # nothing was judged
    assert table["kept"].to_pylist() == [not fired for fired in rules.values()]
    assert table.schema.names[:3] == ["id", "kept", "rules"]
    said = [f"language.{name}" for name in ("label", "sure", "lang", "script")]
    assert all(pa.types.is_floating(field.type) or pa.types.is_integer(field.type) or field.name in said
               for field in list(table.schema)[3:])  # fmt: skip


def test_another_threshold_changes_the_verdicts_and_not_the_number_identity() -> None:
    strict, loose = ({"name": "gopher_quality", "min_words": words} for words in (500, 5))
    scores = score(batch([PROSE]), load_chain([strict]))
    assert judge(scores, load_chain([strict])).to_pylist() == [["gopher_quality.few_words"]]
    assert judge(scores, load_chain([loose])).to_pylist() == [[]]
    assert number_identity(load_chain([strict])) == number_identity(load_chain([loose]))
    assert rule_identity(load_chain([strict])) != rule_identity(load_chain([loose]))


def test_a_bound_is_kept_and_infinity_switches_a_rule_off() -> None:
    words = len(PROSE.replace(",", "").replace(".", "").split())
    for bound, fired in ((words, []), (words + 1, ["gopher_quality.few_words"]), (-math.inf, [])):
        chain = load_chain([{"name": "gopher_quality", "min_words": bound}])
        assert judge(score(batch([PROSE]), chain), chain).to_pylist() == [fired]


def test_filters_behind_a_cut_read_what_is_left() -> None:
    texts = batch([PROSE + "\n\nshort line\n\nshort line\n"])
    chain = load_chain([{"name": "c4"}, {"name": "fineweb"}])
    scores = score(texts, chain)
    assert render_column(texts["text"], scores["spans"]).to_pylist() == [PROSE]
    assert scores["fineweb.lines"].to_pylist() == [6]
    twice = load_chain([{"name": "fineweb"}, {"name": "c4"}])
    assert score(texts, twice)["fineweb.lines"].to_pylist() == [8]
    assert number_identity(chain) != number_identity(twice)


def test_batches_and_slices_change_no_number() -> None:
    chain = named_chain("web")
    whole = pa.Table.from_batches([batch(TEXTS)])
    parts = [score_table(whole.slice(i, 1), chain) for i in range(whole.num_rows)]
    assert pa.concat_tables(parts).combine_chunks() == score_table(whole, chain).combine_chunks()


def test_a_long_book_does_not_fall_for_its_length() -> None:
    book = "\n\n".join(
        f"Chapter {i} tells of {i * i} ships and {i * 7 + 1} men who left port {i % 97}." for i in range(9000)
    )
    assert len(book) > 500_000
    assert score_table(pa.table({"id": ["b"], "text": [book]}), named_chain("books"))["rules"].to_pylist() == [[]]


def test_minified_code_falls() -> None:
    files = {
        "good": "def f(x):\n    return x + 1\n",
        "long": "a" * 1001 + "\n" * 99,
        "mean": "ab " * 60,
        "signs": "{}()" * 9,
        "xml": '<?xml version="1.0"?>',
    }
    table = score_table(pa.table({"id": list(files), "text": list(files.values())}), named_chain("code"))
    assert table["rules"].to_pylist() == [
        [],
        ["code.longest_line"],
        ["code.mean_line"],
        ["code.alphanumeric"],
        ["code.xml"],
    ]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "gopher_qualty"}, "gopher_quality"),
        ({"name": "c4", "min_sentence": 3}, "min_sentences"),
        ({"name": "c4", "min_sentences": "three"}, "number"),
        ({"name": "gopher_quality", "min_words": 2.5}, "whole"),
        ({"name": "c4", "citations": 1}, "true or false"),
        ({"name": "language", "keep": "en"}, "list"),
        ({"keep": []}, "name"),
    ],
)
def test_a_mistake_in_a_chain_is_told_with_its_remedy(table: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_chain([table])


def test_unknown_chains_twice_named_filters_and_wrong_columns_are_told() -> None:
    with pytest.raises(RecipeError, match="did you mean `books`"):
        named_chain("book")
    with pytest.raises(RecipeError, match="2 times"):
        load_chain([{"name": "c4"}, {"name": "c4"}])
    with pytest.raises(InputError, match="text"):
        score_table(pa.table({"id": [1]}), ())
    with pytest.raises(InputError, match="int64"):
        score_table(pa.table({"id": [1], "text": [1]}), ())


def test_a_recipe_chooses_how_words_without_blanks_are_parted() -> None:
    text = "图书馆里的计算机工程师正在阅读，今天天气很好。" * 20
    found = {}
    for words in ("icu", "bigrams"):
        chain = load_chain([{"name": "language", "keep": [], "words": words}, {"name": "gopher_quality"}])
        found[words] = score(batch([text, PROSE]), chain)["gopher_quality.words"].to_pylist()
        assert number_identity(chain)["language"]["settings"]["words"] == words  # type: ignore[index]
    letters = sum(character.isalnum() for character in text)
    assert 0 < found["bigrams"][0] - letters // 2 <= 40  # a letter is left over in most stretches
    assert found["icu"][0] != found["bigrams"][0] and found["icu"][1] == found["bigrams"][1]
    with pytest.raises(RecipeError, match="it must be one of icu, bigrams"):
        load_chain([{"name": "language", "words": "jieba"}])
