import math
import unicodedata
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.errors import InputError, RecipeError
from processors.filters import perplexity
from processors.filters.chain import judge, score
from processors.filters.perplexity import Perplexity

needs_kenlm = pytest.mark.skipif(find_spec("kenlm") is None, reason="the extra kenlm is not installed")

UNIGRAMS = {"the": -0.5, "cat": -1.2, "0": -0.9, "ca": -2.0}
END, UNKNOWN = -0.7, -1.5


def arpa(path: Path, unigrams: dict[str, float] = UNIGRAMS) -> str:
    """A model written by hand, in which what comes before a word changes nothing."""
    rows = [
        f"{UNKNOWN}\t<unk>\t0",
        "0\t<s>\t0",
        f"{END}\t</s>\t0",
        *(f"{p}\t{word}\t0" for word, p in unigrams.items()),
    ]
    counts = f"\\data\\\nngram 1={len(rows)}\nngram 2=1\n"
    words = "\n".join(rows)
    path.write_text(f"{counts}\n\\1-grams:\n{words}\n\n\\2-grams:\n{END}\t<s> </s>\n\n\\end\\\n", "utf-8")
    return str(path)


def scored(
    texts: list[str | None], each: Perplexity, languages: list[str | None] | None = None
) -> tuple[list[float | None], list[list[str]]]:
    columns = {"id": pa.array(range(len(texts))), "text": pa.array(texts, pa.large_string())}
    batch = pa.RecordBatch.from_pydict({**columns, "language": pa.array(languages or [None] * len(texts), pa.string())})
    scores = score(batch, (each,))
    return scores["perplexity.value"].to_pylist(), judge(scores, (each,)).to_pylist()


@needs_kenlm
def test_perplexity_is_of_all_lines_and_bounds_go_both_ways(tmp_path: Path) -> None:
    model = arpa(tmp_path / "en.arpa")
    texts = ["The Cat", "the the\n\n the cat\n", "dog", "", " \n ", None]
    logs = [-(-0.5 - 1.2 + END) / 3, -(-1.5 - 1.2 + 2 * END) / 6, -(UNKNOWN + END) / 2]
    values, rules = scored(texts, Perplexity(model, above=10.0, below=5.0))
    assert values == [pytest.approx(10**log, abs=0.006) for log in logs] + [None, None, None]
    assert rules == [[], ["perplexity.low"], ["perplexity.high"], [], [], []]
    assert scored(texts, Perplexity(model))[1] == [[]] * 6


@needs_kenlm
@pytest.mark.parametrize(
    ("text", "steps", "as_if"),
    [("THÉ", "cc_net", "the"), ("7", "cc_net", "0"), ("cat\x07", "cc_net", "cat"), ("THE", "lower", "the"),
     ("THÉ", "lower", "dog"), ("the", "none", "the"), ("THE", "none", "dog")],
)  # fmt: skip
def test_what_is_done_to_a_text_first(tmp_path: Path, text: str, steps: str, as_if: str) -> None:
    model = arpa(tmp_path / "en.arpa")
    assert (
        scored([text], Perplexity(model, normalise=steps))[0] == scored([as_if], Perplexity(model, normalise="none"))[0]
    )


@needs_kenlm
def test_a_folder_has_a_model_for_each_language(tmp_path: Path) -> None:
    arpa(tmp_path / "en.arpa")
    arpa(tmp_path / "de.arpa", {"the": -3.0})
    values, _ = scored(["the"] * 4, Perplexity(str(tmp_path)), ["en", "de", "fr", None])
    assert values[0] == pytest.approx(10 ** ((0.5 - END) / 2), abs=0.006)
    assert values[1] == pytest.approx(10 ** ((3.0 - END) / 2), abs=0.006) and values[2:] == [None, None]


@needs_kenlm
def test_sentencepiece_cuts_the_lines_where_a_model_is_given(tmp_path: Path) -> None:
    from sentencepiece import SentencePieceTrainer

    (tmp_path / "text").write_text("the cat sat on the mat\n" * 50)
    SentencePieceTrainer.train(
        input=str(tmp_path / "text"), model_prefix=str(tmp_path / "en.sp"), vocab_size=20, minloglevel=2,
        model_type="char", hard_vocab_limit=False,
    )  # fmt: skip
    model = arpa(tmp_path / "en.arpa", {"t": -0.1, "▁": -0.2})
    value = 10 ** ((0.2 + 0.1 - END) / 3)
    assert scored(["t"], Perplexity(model, str(tmp_path / "en.sp.model")))[0] == [pytest.approx(value, abs=0.006)]
    folder = Perplexity(str(tmp_path))
    assert scored(["t"], folder, ["en"])[0] == [pytest.approx(value, abs=0.006)]


@needs_kenlm
def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.arpa").write_text("junk")
    with pytest.raises(InputError, match="no KenLM model"):
        scored(["x"], Perplexity(str(tmp_path / "bad.arpa")))
    with pytest.raises(InputError, match="no SentencePiece model"):
        scored(["x"], Perplexity(arpa(tmp_path / "en.arpa"), str(tmp_path / "bad.arpa")))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "README").write_text("x")
    with pytest.raises(InputError, match="no KenLM model is in it"):
        scored(["x"], Perplexity(str(tmp_path / "empty")), ["en"])


def test_mistakes_are_told_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match="`model` is not given"):
        Perplexity().number_settings()
    with pytest.raises(RecipeError, match="normalise"):
        Perplexity(normalise="upper")

    def missing(name: str) -> str:
        raise perplexity.PackageNotFoundError(name)

    perplexity._kenlm.cache_clear()
    monkeypatch.setattr(perplexity, "version", missing)
    with pytest.raises(InputError, match=r"pip install gristmill\[kenlm\]"):
        Perplexity(arpa(tmp_path / "en.arpa")).number_settings()
    perplexity._kenlm.cache_clear()


def test_perplexity_of_nothing_is_none_and_of_a_wonder_is_finite() -> None:
    class Model:
        def score(self, line: str) -> float:
            return -1e6

    assert math.isnan(perplexity._perplexity(" \n", Model(), None))
    assert perplexity._perplexity("x", Model(), None) == 1e300


@pytest.mark.parametrize("few", [0, 1000])
def test_both_ways_of_changing_characters_agree(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(perplexity, "_FEW", few)
    text = "Ünïcode — 12３٤ „x“…\x07\n한\tÉ"
    assert (
        perplexity._normalised(text, "cc_net") == 'unicode  -  0000 "x"...\n' + unicodedata.normalize("NFD", "한") + "e"
    )
    assert perplexity._normalised(text, "lower") == text.lower() and perplexity._normalised(text, "none") == text
