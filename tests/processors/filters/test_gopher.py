"""Gopher's rules as other corpora read them, against plain Python written after their sources."""

import re
from collections import Counter
from statistics import median

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpus.errors import RecipeError
from processors.filters.gopher_quality import GopherQuality
from processors.filters.gopher_repetition import GopherRepetition
from processors.filters.measure import STOP_WORDS, Measures

PIECES = ["the", "be", "of", "The", "a", "b", "É", "ß", "日本", "١", "_", "-", "*", "•", "●", "#", "...", ". . .", "…",
          ".", "?", "😀", "e\u0301", " ", "  ", "\n", "\n\n", "\n\n\n", "\t", "\u3000", "word", "word", "x y z x y z ",
          "of the be of the be of the be of the be of the be of the be "]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
Row = dict[str, float | None]


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def is_alpha(word: str) -> bool:
    return any(map(str.isalpha, word))


def stripped(text: str, end: str) -> list[str]:
    return [piece for each in re.split(end, text) if (piece := each.strip())]


def quality(text: str, variant: str) -> Row:
    words = text.split()
    lines = text.split("\n") if variant == "dolma" else stripped(text, "\n")
    bullets, ends = ("*-", ("…",)) if variant == "dolma" else ("●•*-", ("...", ". . .", "…"))
    row: Row = {
        "words": len(words) if variant != "dclm" else sum(word[0].isalnum() for word in words),
        "word_length": share(sum(map(len, words)), len(words)),
        "bullet_lines": share(sum(line.startswith(tuple(bullets)) for line in lines), len(lines)),
        "ellipsis_lines": share(sum(line.endswith(ends) for line in lines), len(lines)),
        "alpha_words": share(sum(map(is_alpha, words)), len(words)),
        "ellipses": None,
    }
    if variant == "paper":
        row |= {"hashes": share(text.count("#"), len(words)), "stop_words": len(set(STOP_WORDS) & set(words))}
        return row | {"ellipses": share(text.count("...") + text.count("…"), len(words))}
    if variant == "dolma":
        row["word_length"] = float(median(map(len, words))) if words else None
        row["stop_words"] = sum(word in STOP_WORDS for word in words)
        return row | {"hashes": share(sum("#" in word or "…" in word for word in words), len(words))}
    row["stop_words"] = sum(word.lower() in STOP_WORDS for word in words)
    return row | {"hashes": share(sum(map(text.count, ("#", "...", ". . .", "…"))), len(words))}


def copies(pieces: list[str]) -> tuple[int, int]:
    again = [piece for piece, count in Counter(pieces).items() for _ in range(count) if count > 1]
    return len(again), sum(map(len, again))


def repetition(text: str, variant: str) -> Row:
    dolma = variant == "dolma"
    words = text.split()
    if variant == "dclm":
        words = [word for word in re.findall(r"\w+|[^\w\s]+", text) if word[0].isalnum()]
    characters = sum(map(len, words))
    row: Row = {}
    for name, end in (("line", "\n"), ("paragraph", "\n\n")):
        pieces = text.split(end) if dolma else stripped(text, end)
        number, length = copies(pieces)
        row[f"{name}s"] = share(number, len(pieces))
        row[f"{name}_characters"] = share(length, characters if dolma else sum(map(len, pieces)))
    if dolma:
        row["paragraphs"] = row["paragraph_characters"] = None
    for n in range(2, 11):
        grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        counts = Counter(grams)
        most = max(counts.values(), default=0)
        sizes = [sum(map(len, gram)) for gram, count in counts.items() if count == most]
        if n < 5:
            best = sizes[:1] if dolma else [max(sizes, default=0) if most > 1 else 0]
            row[f"top_{n}_gram"] = share(most * sum(best), characters) if grams else None
        elif dolma:
            twice = sum(count * sum(map(len, gram)) for gram, count in counts.items() if count > 1)
            row[f"copied_{n}_grams"] = share(twice, sum(sum(map(len, gram)) for gram in grams))
        else:
            inside = {j for i, gram in enumerate(grams) if counts[gram] > 1 for j in range(i, i + n)}
            row[f"copied_{n}_grams"] = share(sum(len(words[j]) for j in inside), characters) if grams else None
    return row


def scores(filter_: GopherQuality | GopherRepetition, texts: list[str]) -> list[Row]:
    column = pa.array(texts, pa.large_string())
    found = filter_.scores(pa.RecordBatch.from_arrays([column], ["text"]), Measures(column))
    return [
        dict(zip(found, values, strict=True)) for values in zip(*(c.to_pylist() for c in found.values()), strict=True)
    ]


@pytest.mark.parametrize("variant", ["paper", "dolma", "dclm"])
@settings(max_examples=100, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
@example(["", "\n", "a\n\na\n\na", "…...", "a a a a a a a a a a a a a a a a a a", " # #…"])
def test_variants_count_as_their_sources_do(variant: str, texts: list[str]) -> None:
    assert scores(GopherQuality(variant=variant), texts) == [quality(text, variant) for text in texts]
    assert scores(GopherRepetition(variant=variant), texts) == [repetition(text, variant) for text in texts]


def test_variants_set_bounds_and_a_recipe_may_set_others() -> None:
    def bounds(**chosen: object) -> dict[str, float | None]:
        rules = GopherRepetition(**chosen).rules()  # type: ignore[arg-type]
        return {rule.name: rule.above for rule in rules}

    assert bounds()["line_characters"] == 0.2
    assert bounds(variant="dolma-cc-head")["line_characters"] == 0.3
    assert "paragraphs" in bounds(variant="dclm") and "paragraphs" not in bounds(variant="dolma")
    assert bounds(variant="dolma", max_lines=0.9)["lines"] == 0.9
    with pytest.raises(RecipeError, match="unknown variant `gopher`"):
        GopherQuality(variant="gopher")


def test_another_reading_changes_the_number_settings_and_other_bounds_do_not() -> None:
    settings_ = {variant: GopherRepetition(variant=variant).number_settings() for variant in GopherRepetition.VARIANTS}
    assert settings_["fineweb"] == settings_["fineweb2"] != settings_["dolma"] == settings_["dolma-cc-head"]
    assert GopherQuality(min_words=1).number_settings() == GopherQuality().number_settings()
    assert GopherQuality(stop_words="language").number_settings() != GopherQuality().number_settings()


def test_stop_words_go_by_the_language_where_the_recipe_asks() -> None:
    texts = ["Der Hund und die Katze und der Igel", "le chat et la souris", "the dog and the cat", "to be", None]
    column = pa.array(texts, pa.large_string())
    languages = pa.array(["de", "fra_Latn", "en", "tlh", "en"])
    batch = pa.RecordBatch.from_arrays([column], ["text"])
    found = GopherQuality(stop_words="language").scores(batch, Measures(column, languages))
    assert found["stop_words"].to_pylist() == [3, 3, 2, None, None]  # "Der" is not "der"
