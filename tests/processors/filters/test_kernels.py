"""The kernels against slow plain Python, written from the definitions: every number must be equal."""

import re
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpus.text import SPANS, render_column
from processors.filters.c4 import C4
from processors.filters.characters import MARK, TABLE_SIZE, TERMINAL, character_table
from processors.filters.kernel import COLUMNS
from processors.filters.measure import Measures
from processors.filters.sentences import ABBREVIATIONS

STOPS = {"the", "be", "to", "of", "and", "that", "have", "with"}


def copies(pieces: Sequence[str]) -> tuple[int, int]:
    again = [piece for i, piece in enumerate(pieces) if piece in set(pieces[:i])]
    return len(again), sum(map(len, again))


def top(words: list[str], n: int) -> int:
    grams = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    if not grams:
        return 0
    gram, count = grams.most_common(1)[0]
    return len(" ".join(gram)) * count


def repeated(words: list[str], n: int) -> int:
    known, total, i = set(), 0, 0
    while i + n <= len(words):
        gram = tuple(words[i : i + n])
        total += sum(map(len, gram)) if gram in known else 0
        i += n if gram in known else 1
        known.add(gram)
    return total


def counts(text: str) -> dict[str, int]:
    words = re.findall(r"\w+|[^\w\s]+", text)
    plain = [word for word in words if any(map(str.isalnum, word))]
    unmarked = [word for word in words if not all(map(is_mark, word))]
    lines = re.split("\n+", text)
    full = [line for line in text.split("\n") if line.strip()]
    rows = text.splitlines()
    paragraphs = re.split("\n{2,}", text.strip())
    grams = {f"gram_{n}": top(words, n) if n < 5 else repeated(words, n) for n in range(2, 11)}
    return grams | {
        "characters": len(text),
        "alnum_characters": sum(map(str.isalnum, text)),
        "hashes": text.count("#"),
        "ellipses": text.count("...") + text.count("…"),
        "words": len(words),
        "plain_words": len(plain),
        "unmarked_words": len(unmarked),
        "unmarked_word_characters": sum(map(len, unmarked)),
        "alpha_words": sum(any(map(str.isalpha, word)) for word in words),
        "stop_words": len(STOPS & set(words)),
        "newlines": text.count("\n"),
        "lines": len(lines),
        "copied_lines": copies(lines)[0],
        "copied_line_characters": copies(lines)[1],
        "full_lines": len(full),
        "full_terminal": sum(is_terminal(line[-1]) for line in full),
        "full_short": sum(len(line) <= 30 for line in full),
        "full_copied_characters": copies(full)[1],
        "rows": len(rows),
        "row_characters": sum(map(len, rows)),
        "longest_row": max(map(len, rows), default=0),
        "bullet_rows": sum(row.lstrip().startswith(("•", "-")) for row in rows),
        "ellipsis_rows": sum(row.rstrip().endswith(("...", "…")) for row in rows),
        "paragraphs": len(paragraphs),
        "copied_paragraphs": copies(paragraphs)[0],
        "copied_paragraph_characters": copies(paragraphs)[1],
    }


def is_mark(character: str) -> bool:
    table = character_table()
    return ord(character) < len(table) and bool(table[ord(character)] & MARK)


def is_terminal(character: str) -> bool:
    table = character_table()
    return ord(character) < len(table) and bool(table[ord(character)] & TERMINAL)


def is_edge(c: str) -> bool:
    if c.isascii():
        return not c.isalnum() and not c.isspace() and c not in "$+=^`|~\x7f"
    code = ord(c)
    return not c.isalnum() and not c.isspace() and (code < 0x2070 or 0x3000 <= code < 0x3040 or code >= 0xFF00)


def is_capital(c: str) -> bool:
    return c.isalpha() and not c.islower() and ord(c) < 0x590


def ends_sentence(line: str, at: int) -> bool:
    """Whether the mark at that place ends a sentence."""
    before, after = line[:at], line[at + 1 :]
    if line[at] in "。！？｡।":
        return True
    if line[at] == "." and (before.endswith(".") or after.startswith(".")):
        return False
    rest = after
    while rest and is_edge(rest[0]):
        rest = rest[1:]
    if rest and not rest[0].isspace():
        return line[at] == "." and rest == after and before[-1:].islower() and is_capital(rest[0])
    if line[at] != "." or not before[-1:].isalpha():
        return True
    former, last = before[-2:-1], before[-1]
    if not former.isalnum():
        return former > "\x7f" and not is_edge(former) and not former.isspace()
    if is_capital(last) and not is_capital(former):
        return False
    word = re.search(r"(?:^|[^0-9A-Za-z\x80-\U0010ffff])([A-Za-z]+)$", before)
    return word is None or word[1] not in ABBREVIATIONS


def sentences(line: str) -> int:
    """One, and one more for each end behind which something is left; marks before that count no more."""
    full = [at for at, c in enumerate(line) if not is_edge(c) and not c.isspace()]
    marks = [at for at, c in enumerate(line) if c in ".!?。！？｡।"]
    count, free = min(len(full), 1), min(full, default=0)
    for at in marks:
        if at >= free and ends_sentence(line, at):
            free = min((place for place in full if place > at), default=len(line))
            count += free < len(line)
    return count


def c4(text: str, punctuation: bool) -> tuple[str, tuple[int, int, int]]:
    """The text that C4's line rules leave, and sentences, lines with lorem ipsum, lines with "{"."""
    kept, found = [], [0, 0, 0]
    for line in map(str.strip, text.splitlines()):
        words = line.split()
        bare = re.sub(r"\[[0-9]*]|\[edit]|\[citation needed]", "", line)
        lower = "".join(c.lower() if c.isascii() else c for c in line)
        if any(len(word) > 12 for word in words):
            continue
        if punctuation and (not bare.endswith((".", "?", "!", '"', "'")) or bare.endswith("...")):
            continue
        if len(words) < 3:
            continue
        if "lorem ipsum" in lower:
            found[1] += 1
        elif "javascript" in lower:
            continue
        elif "{" in line:
            found[2] += 1
        elif re.search("terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies", lower):
            continue
        found[0] += sentences(bare)
        kept.append(bare)
    return "\n".join(kept), (found[0], found[1], found[2])


PIECES = ["the", "be", "of", "a", "b", "É", "ß", "日本", "。", "١", "_", "-", "•", "#", "...", "…", ".", "?", "😀",
          "e\u0301", " ", "  ", "\n", "\n\n", "\r\n", "\t", "\x1c", "\x85", "\u2028", "\u3000", "\x00", "\ufeff",
          "word", "word"]  # fmt: skip
HOSTILE = st.one_of(st.lists(st.sampled_from(PIECES), max_size=60).map("".join), st.text(max_size=40))
C4_PIECES = [
    *PIECES,
    "JavaScript",
    "use cookies",
    "lorem ipsum",
    "{",
    "[1]",
    "[]",
    "[edit]",
    "[Edit]",
    '"',
    "x" * 13,
    "Yes",
    "one two",
    "Mr",
    "!",
    "J.",
    "x.",
    "US.",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.none(), HOSTILE), max_size=5), st.integers(0, 2))
@example(["", "\n", "a\n\na\n\na", "…...", "a a a a a a a a a a a a a a a a a a"], 0)
def test_every_count_equals_plain_python(texts: list[str | None], skip: int) -> None:
    measures = Measures(pa.array(texts, pa.large_string())[skip:])
    expected = [counts(text or "") for text in texts[skip:]]
    for name in reversed(COLUMNS):
        assert measures[name].tolist() == [row[name] for row in expected], name


def test_long_repetitive_texts_outgrow_the_first_tables() -> None:
    text = "a b " * 4000 + ". , " * 300
    measures = Measures(pa.array([text], pa.large_string()))
    assert {name: int(measures[name][0]) for name in COLUMNS} == counts(text)


def test_no_character_beyond_the_table_has_a_class() -> None:
    beyond = "".join(map(chr, range(TABLE_SIZE, 0x110000)))
    assert not any(character.isalnum() or character.isspace() for character in beyond)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.lists(st.sampled_from(C4_PIECES), max_size=40).map("".join)), max_size=5),
    st.booleans(),
)
def test_c4_leaves_the_lines_that_plain_python_keeps(texts: list[str | None], punctuation: bool) -> None:
    column = pa.array(texts, pa.large_string())
    batch = pa.RecordBatch.from_arrays([column], ["text"])
    scores = C4(terminal_punctuation=punctuation, max_word_length=12).scores(batch, Measures(column))
    expected = [text if text is None else c4(text, punctuation) for text in texts]
    assert render_column(column, scores["spans"]).to_pylist() == [row and row[0] for row in expected]
    found = zip(*(scores[name].to_pylist() for name in ("sentences", "lorem_ipsum", "curly_bracket")), strict=True)
    assert list(found) == [(None, None, None) if row is None else row[1] for row in expected]
    assert scores["spans"].type == SPANS


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("One here. Two there! (Three?) Four", 4),
        ("It is e.g. so, i.e. version 3.11 of it.", 1),
        ("Mr. J. Doe of the U.S. Army came. He left the house.Then what? it rained!) So... it did.", 5),
        ('He said "no." She left... and came back.', 2),
        ("これは本です。それも本です。", 2),
        ("... *** !!!", 0),
    ],
)
def test_sentences_are_counted_as_told(line: str, number: int) -> None:
    column = pa.array([line], pa.large_string())
    scores = C4(min_line_words=0).scores(pa.RecordBatch.from_arrays([column], ["text"]), Measures(column))
    assert scores["sentences"].to_pylist() == [number]
