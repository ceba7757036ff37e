"""The rules for source code: what they count, against plain Python, and which files each variant judges."""

import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpus.errors import RecipeError
from processors.filters.measure import Measures
from processors.filters.source_code import SourceCode

BASE64 = re.compile(r"[a-zA-Z0-9+/\n=]{64,}")
PAIRS = re.compile(r"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}")
ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4}){8,}")
PIECES = ["41", "4a,", "0x41,", "\\x41", "0x", "\\x", " ", "\n", ",", "é", "\u3000", "g", "_", "\\u00e9" * 8, "\\u12",
          "QUJD/+8=" * 9, "41 " * 9, "\\x41" * 9]  # fmt: skip


def scored(
    text: str | None, language: str | None = None, name: str | None = None, variant: str = "starcoder"
) -> tuple[dict[str, Any], list[str]]:
    """Scores of one file, and the rules that fire."""
    column = pa.array([text], pa.large_string())
    names = [pa.array([value], pa.string()) for value in (language, name, "archive.tar")]
    batch = pa.RecordBatch.from_arrays([column, *names], ["text", "code_language", "member", "file"])
    each = SourceCode(variant)
    scores = each.scores(batch, Measures(column))
    fired = [rule.name for rule in each.rules() if rule.fires(scores[rule.score]).to_pylist()[0]]
    return {key: value.to_pylist()[0] for key, value in scores.items()}, fired


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@example("41,42,43,44,45,46,47,48é")
@example('"\\x41\\x42\\x43\\x44\\x45\\x46\\x47\\x48\\x49"')
def test_encoded_data_is_what_the_published_expressions_match(text: str) -> None:
    scores, _ = scored(text)
    lengths = [len(found[0]) for kind in (BASE64, PAIRS, ESCAPES) for found in kind.finditer(text)]
    assert scores["longest_encoded"] == max(lengths, default=0)
    assert scores["encoded"] == (min(sum(lengths), len(text)) / len(text) if text else None)


@pytest.mark.parametrize(
    ("language", "text", "comment"),
    [
        ("C", 'a = "// no"; // yes\n/* é\n*/ b', "// yes/* é\n*/"),
        ("C", "c = '\"'; // yes\n\"a\\\"// no\"", "// yes"),
        ("Rust", "fn f<'a>(x: &'a str) { '\"'; } // yes", "// yes"),
        ("JavaScript", "`\n// no\n` /* yes", "/* yes"),
        ("Python", '"""D."""\nx = """no"""\ndef f():\n    """E # no."""\n    # yes\n', '"""D.""""""E # no."""# yes'),
        ("Python", "x = '# no'  # yes\n", "# yes"),
        ("Python", 'def f():\n    r"""Doc."""\n', '"""Doc."""'),
        ("CMake", "#[=[ a ]=]x #[[ b ]] # c", "#[=[ a ]=#[[ b ]]# c"),
        ("Shell", 'echo "${#a}" $# # yes\n#yes', "# yes#yes"),
        ("SQL", "select 'it''s -- no' -- yes", "-- yes"),
        ("Lua", "--[[ a\nb ]] x -- c", "--[[ a\nb ]]-- c"),
        ("Common Lisp", '(a ";no" #| b |#) ; c', "#| b |#; c"),
        ("TeX", "50\\% of % yes\n", "% yes"),
        ("HTML", "<p>a<!-- b --></p>", "<!-- b -->"),
        ("Pascal", "{ a } x (* b *) '{' // c", "{ a }(* b *)// c"),
    ],
)  # fmt: skip
def test_comments_are_told_from_strings(language: str, text: str, comment: str) -> None:
    assert scored(text, language)[0]["comments"] == len(comment) / len(text)


def test_languages_without_comments_are_not_judged_by_them() -> None:
    assert scored("{}", "JSON", variant="santacoder")[0]["comments"] is None
    assert scored("x", None, variant="santacoder")[0]["comments"] is None
    assert scored("x = 1\n" * 9, "Python", variant="santacoder")[1] == ["few_comments"]
    assert scored("# a word\n" * 9, "Python", variant="santacoder")[1] == ["many_comments"]


@pytest.mark.parametrize(
    ("page", "visible"),
    [
        ("<html><body class='a>b'>Tea &amp; milk</body></html>", "Tea & milk"),
        ("a<!-- <p>no</p> -->b<SCRIPT>if (a<b) no</SCRIPT>c<style>no</style>d", "abcd"),
        ("3 < 4 &c; &unfinished <", "3 < 4 ? &unfinished <"),
        ("x<script>never closed", "x"),
        ("x<p title=\"never closed", "x"),
    ],
)  # fmt: skip
def test_what_a_page_shows_is_what_stands_outside_of_markup(page: str, visible: str) -> None:
    scores, _ = scored(page, "HTML")
    assert scores["visible_characters"] == len(visible) and scores["visible"] == len(visible) / len(page)
    assert scored(page, "C")[0]["visible"] is None


def test_variants_judge_different_files() -> None:
    long = "word " * 300 + "\n"
    assert scored(long, "C")[1] == ["longest_line", "mean_line"]
    assert scored(long, "Markdown", "a/README.md")[1] == []
    assert scored(long, "Markdown", variant="santacoder")[1][:2] == ["longest_line", "mean_line"]
    assert scored("word " * 30_000, "TeX", variant="stack-v2")[1] == ["long_prose_line"]
    assert scored("1, 2;\n" * 30, "MATLAB", "x.matlab")[1] == ["alphabetic"]
    assert scored("1, 2;\n" * 30, "MATLAB", "x.m")[1] == []
    assert scored('{"a": 1}', "JSON")[1] == ["small_data", "data_alphabetic"]
    assert scored("a: b\n" * 600, "YAML", variant="stack-v2")[1] == ["data_lines"]
    assert scored("mill: wheel\n" * 3000, "YAML")[1] == ["large_data"]
    assert scored("// AUTO-generated by x\n", "C", variant="stack-v2")[1] == ["generated"]
    assert scored("\n" * 5 + "// auto-generated by x", "C", variant="stack-v2")[1] == []
    assert scored("3 + 4 = 5 ( * )", "WebAssembly", variant="stack-v2")[0]["alphabetic"] is None
    assert scored("x = [1, 2, 3]", "Python", variant="redpajama")[1] == ["letters_per_word"]
    for variant in ("starcoder", "deepseek-coder"):
        assert scored('<?xml version="1.0"?>', "XML", variant=variant)[1] == ["xml"]
        assert scored('<?xml version="1.0"?>', "XSLT", "a.xslt", variant)[1] == []
    assert scored("1, 2;\n" * 30, "C", variant="deepseek-coder")[1] == ["alphabetic"]


@pytest.mark.parametrize(
    ("name", "stray"),
    [("a/README", 0), ("Readme.txt", 0), ("dev-requirements.txt", 0), ("CMakeLists.txt", 0), ("words.txt", 1),
     ("notes/words.txt", 1), ("todo.old.txt", 1), (None, 1)],
)  # fmt: skip
def test_the_stack_wants_texts_only_of_certain_names(name: str | None, stray: int) -> None:
    assert scored("Some words.", "Text", name, "stack-v2")[0]["stray_notes"] == stray
    assert scored("Some words.", "C", name, "stack-v2")[0]["stray_notes"] == 0


def test_null_texts_have_null_numbers_and_unknown_variants_are_told() -> None:
    for variant in SourceCode.VARIANTS:
        scores, fired = scored(None, "HTML", "a.html", variant)
        assert set(scores.values()) == {None} and fired == []
    with pytest.raises(RecipeError, match="stack-v2"):
        SourceCode("stack-v3")


@pytest.mark.parametrize("piece", ["x", "\n", "<", "<!--", "&", '"', "'", "/*", "\\x4", "41 ", '"""', "<script", "\\"])
def test_hostile_files_take_linear_time(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    for language in ("HTML", "Python", "JavaScript", "Lua"):
        scored(text, language, variant="stack-v2")


def test_columns_of_another_type_are_read_as_strings() -> None:
    texts = pa.array(["# x\n"] * 2, pa.large_string())
    columns = [texts, pa.array(["Python", "C"]).dictionary_encode(), pa.array([1, 2]), pa.array(["a", None])]
    batch = pa.RecordBatch.from_arrays(columns, ["text", "code_language", "member", "file"])
    assert SourceCode().scores(batch, Measures(texts))["comments"].to_pylist() == [3 / 4, 0]
