"""datatrove's Gopher, C4 and FineWeb filters on texts: how fast, or every score and every decision.

    speed  texts.parquet SPLITTER bytes          prints CPU-seconds and bytes
    agree  texts.parquet SPLITTER out.parquet    a row a text: a score for each rule, whether the rule alone drops the
                                                 text, what C4 leaves, and the words' bounds in characters

SPLITTER is `regex` (words `\\w+|[^\\w\\s]+`, one sentence splitter by regular expression: patched into datatrove) or
`spacy`, datatrove's own for English. Runs in the environment `datatrove-minhash`.
"""

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.filters import c4_filters, fineweb_quality_filter
from datatrove.pipeline.filters import gopher_quality_filter as quality
from datatrove.pipeline.filters import gopher_repetition_filter as repetition
from datatrove.utils.text import PUNCTUATION_SET
from datatrove.utils.word_tokenizers import load_word_tokenizer

WORD = re.compile(r"\w+|[^\w\s]+")
SENTENCE = re.compile(r"[.!?]+[\"')\]]*\s+")
OFF = float("inf")
MODULES = (quality, repetition, fineweb_quality_filter)
NO_QUALITY = dict.fromkeys(
    ("min_doc_words", "max_doc_words", "min_avg_word_length", "max_avg_word_length", "max_symbol_word_ratio",
     "max_bullet_lines_ratio", "max_ellipsis_lines_ratio", "max_non_alpha_words_ratio", "min_stop_words"))  # fmt: skip
NO_REPETITION: dict[str, Any] = {
    "dup_line_frac": None, "dup_para_frac": None, "dup_line_char_frac": None, "dup_para_char_frac": None,
    "top_n_grams": (), "dup_n_grams": (),
}  # fmt: skip
NO_FINEWEB = {"line_punct_thr": -1.0, "short_line_thr": OFF, "char_duplicates_ratio": OFF, "new_line_ratio": OFF}


def one(filter_: Any, off: dict[str, Any], **settings: Any) -> Any:
    """The filter with one rule only."""
    return filter_(**{**off, **settings})


def rules() -> dict[str, Any]:
    """Each rule of ours, as a datatrove filter that has no other."""
    q, r = quality.GopherQualityFilter, repetition.GopherRepetitionFilter
    f = fineweb_quality_filter.FineWebQualityFilter
    found = {
        "gopher_quality.few_words": one(q, NO_QUALITY, min_doc_words=50),
        "gopher_quality.many_words": one(q, NO_QUALITY, max_doc_words=100_000),
        "gopher_quality.short_words": one(q, NO_QUALITY, min_avg_word_length=3),
        "gopher_quality.long_words": one(q, NO_QUALITY, max_avg_word_length=10),
        "gopher_quality.symbols": one(q, NO_QUALITY, max_symbol_word_ratio=0.1),
        "gopher_quality.bullet_lines": one(q, NO_QUALITY, max_bullet_lines_ratio=0.9),
        "gopher_quality.ellipsis_lines": one(q, NO_QUALITY, max_ellipsis_lines_ratio=0.3),
        "gopher_quality.alpha_words": one(q, NO_QUALITY, max_non_alpha_words_ratio=0.8),
        "gopher_quality.stop_words": one(q, NO_QUALITY, min_stop_words=2),
        "gopher_repetition.paragraphs": one(r, NO_REPETITION, dup_para_frac=0.3),
        "gopher_repetition.paragraph_characters": one(r, NO_REPETITION, dup_para_char_frac=0.2),
        "gopher_repetition.lines": one(r, NO_REPETITION, dup_line_frac=0.3),
        "gopher_repetition.line_characters": one(r, NO_REPETITION, dup_line_char_frac=0.2),
        "fineweb.terminal_lines": one(f, NO_FINEWEB, line_punct_thr=0.12),
        "fineweb.short_lines": one(f, NO_FINEWEB, short_line_thr=0.67),
        "fineweb.copied_characters": one(f, NO_FINEWEB, char_duplicates_ratio=0.01),
        "fineweb.newlines": one(f, NO_FINEWEB, new_line_ratio=0.3),
    }
    for n, bound in ((2, 0.2), (3, 0.18), (4, 0.16)):
        found[f"gopher_repetition.top_{n}_gram"] = one(r, NO_REPETITION, top_n_grams=((n, bound),))
    for n, bound in ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.1)):
        found[f"gopher_repetition.copied_{n}_grams"] = one(r, NO_REPETITION, dup_n_grams=((n, bound),))
    return found


def scores(text: str, words: list[str]) -> dict[str, float | None]:
    """Each number that the filters compare, by datatrove's own functions."""
    plain = [word for word in words if any(c not in PUNCTUATION_SET for c in word)]
    rows = text.splitlines()
    found: dict[str, float | None] = {
        "gopher_quality.words": len(plain),
        "gopher_quality.word_length": float(np.mean([len(word) for word in plain])) if plain else None,
        "gopher_quality.hashes": share(text.count("#"), len(words)),
        "gopher_quality.ellipses": share(text.count("...") + text.count("…"), len(words)),
        "gopher_quality.bullet_lines": share(sum(s.lstrip().startswith(("•", "-")) for s in rows), len(rows)),
        "gopher_quality.ellipsis_lines": share(sum(s.rstrip().endswith(("...", "…")) for s in rows), len(rows)),
        "gopher_quality.alpha_words": share(sum(any(map(str.isalpha, word)) for word in words), len(words)),
        "gopher_quality.stop_words": len(set(quality.STOP_WORDS) & set(words)),
    }
    for name, pieces in (("paragraph", re.split(r"\n{2,}", text.strip())), ("line", re.split("\n+", text))):
        copies, characters = repetition.find_duplicates(pieces)
        found[f"gopher_repetition.{name}s"] = share(copies, len(pieces))
        found[f"gopher_repetition.{name}_characters"] = share(characters, len(text))
    for n in (2, 3, 4):
        grams = repetition.get_n_grams(words, n)
        top = repetition.find_top_duplicate(grams) if grams else 0
        found[f"gopher_repetition.top_{n}_gram"] = share(top, len(text))
    for n in (5, 6, 7, 8, 9, 10):
        found[f"gopher_repetition.copied_{n}_grams"] = share(repetition.find_all_duplicate(words, n), len(text))
    lines = [line for line in text.split("\n") if line.strip()]
    stops = tuple(fineweb_quality_filter.TERMINAL_PUNCTUATION)
    visible = len(text.replace("\n", ""))
    return found | {
        "fineweb.lines": len(lines),
        "fineweb.terminal_lines": share(sum(line.endswith(stops) for line in lines), len(lines)),
        "fineweb.short_lines": share(sum(len(line) <= 30 for line in lines), len(lines)),
        "fineweb.copied_characters": share(repetition.find_duplicates(lines)[1], visible),
        "fineweb.newlines": share(text.count("\n"), len(words)),
    }


def share(part: float, whole: float) -> float | None:
    """The quotient, None where there is nothing to divide by."""
    return part / whole if whole else None


def bounds_of(text: str, splitter: str) -> list[tuple[int, int]]:
    """Where each word of the splitter lies, in characters; the words are those of datatrove's `split_into_words`."""
    if splitter == "regex":
        return [found.span() for found in WORD.finditer(text)]
    tokenizer = load_word_tokenizer("en")
    with tokenizer.tokenizer.memory_zone():
        tokenizer.tokenizer.max_length = len(text) + 10
        tokens = [(token.idx, token.text) for doc in tokenizer._do_tokenize(text) for token in doc]
    found = []
    for at, token in tokens:
        if token.strip():
            start = at + len(token) - len(token.lstrip())
            found.append((start, start + len(token.strip())))
    return found


class Words:
    """What stands in for `split_into_words`: the words of the text at hand, split once."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def __call__(self, text: str, language: str = "") -> list[str]:
        """The words; the text is the one at hand."""
        return self.words


def c4(text: str, sentences: list[int]) -> dict[str, Any]:
    """C4's decisions, each rule alone where it can be, and what is left of the text."""
    row: dict[str, Any] = {}
    off = {"filter_no_terminal_punct": False, "min_num_sentences": 0, "filter_lorem_ipsum": False}
    off |= {"filter_curly_bracket": False}
    for rule, setting in (("lorem_ipsum", "filter_lorem_ipsum"), ("curly_bracket", "filter_curly_bracket")):
        row[f"drops.c4.{rule}"] = not passed(c4_filters.C4QualityFilter(**{**off, setting: True}), Document(text, ""))
    document = Document(text, "")
    sentences.clear()
    row["drops.c4.few_sentences"] = not passed(c4_filters.C4QualityFilter(**{**off, "min_num_sentences": 5}), document)
    row["c4.sentences"] = float(sum(sentences))
    whole = Document(text, "")
    row["left"] = whole.text if passed(c4_filters.C4QualityFilter(**{**off, **WHOLE}), whole) else None
    return row


WHOLE = {"filter_lorem_ipsum": True, "filter_curly_bracket": True, "min_num_sentences": -1}


def passed(filter_: Any, document: Document) -> bool:
    """Whether the filter keeps the document; one that it divides by nothing for, it does not keep."""
    try:
        return filter_.filter(document) is True
    except ZeroDivisionError:
        return False


def agree(texts: list[str], splitter: str, out: Path) -> None:
    """Writes a row a text."""
    words = Words()
    for module in MODULES:
        module.split_into_words = words
    counts: list[int] = []
    split = c4_filters.split_into_sentences if splitter == "spacy" else lambda text, _: SENTENCE.split(text)

    def counted(text: str, language: str) -> list[str]:
        found: list[str] = split(text, language)
        counts.append(len(found))
        return found

    c4_filters.split_into_sentences = counted
    each, rows = rules(), []
    for text in texts:
        bounds = bounds_of(text, splitter)
        words.words = [text[a:b] for a, b in bounds]
        row: dict[str, Any] = {"starts": [a for a, _ in bounds], "ends": [b for _, b in bounds]}
        row |= scores(text, words.words)
        row |= {f"drops.{name}": not passed(rule, Document(text, "")) for name, rule in each.items()}
        rows.append(row | c4(text, counts))
    pq.write_table(pa.Table.from_pylist(rows), out)


def speed(texts: list[str], splitter: str, size: int) -> dict[str, float]:
    """CPU-seconds of the four filters in FineWeb's order, one after another, each on every text, all rules computed."""
    if splitter == "regex":
        for module in MODULES:
            module.split_into_words = lambda text, _=None: WORD.findall(text)
        c4_filters.split_into_sentences = lambda text, _: SENTENCE.split(text)
    step = max(1, round(sum(map(len, texts)) / size))
    taken = texts[step // 2 :: step]
    chain = (
        repetition.GopherRepetitionFilter(),
        quality.GopherQualityFilter(),
        c4_filters.C4QualityFilter(filter_no_terminal_punct=False),
        fineweb_quality_filter.FineWebQualityFilter(),
    )
    for filter_ in chain:  # load what is loaded at first use
        passed(filter_, Document("The mill grinds. It does so well.\nAnd it will go on.", ""))
    kept, started = 0, time.process_time()
    for text in taken:
        document = Document(text, "")
        kept += [passed(filter_, document) for filter_ in chain] == [True] * len(chain)
    seconds = time.process_time() - started
    return {
        "cpu_seconds": seconds,
        "bytes": sum(len(text.encode()) for text in taken),
        "documents": len(taken),
        "kept": kept,
    }


def main() -> None:
    """One of the two."""
    what, source, splitter, last = sys.argv[1:5]
    texts = pq.read_table(source, columns=["text"])["text"].to_pylist()
    if what == "agree":
        agree(texts, splitter, Path(last))
        print("RESULT {}")
    else:
        print("RESULT", json.dumps(speed(texts, splitter, int(last))))


if __name__ == "__main__":
    main()
