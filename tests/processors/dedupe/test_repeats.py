import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.dedupe import Dedupe
from corpus.errors import DataError
from corpus.files import read_table, write_parquet
from corpus.ledger import balance
from corpus.schema import ID
from corpus.stage import Entry, Part, Stage
from corpus.store import Store
from corpus.text import SPANS, Span, render
from processors.dedupe import repeats as module
from processors.dedupe.cut import check_cut, cut_repeats
from processors.dedupe.units import fold_table

NUMBERS = count()


@dataclass(frozen=True)
class Doc:
    """A document of a small corpus: its id's last byte decides the order."""

    id: bytes
    text: str
    source: str = "web"
    snapshot: str = "0"
    kept: bool = True
    spans: tuple[Span, ...] = ()

    @property
    def place(self) -> str:
        return f"{self.source}/{self.snapshot}"

    @property
    def rendered(self) -> str:
        return render(self.text, self.spans)


def name(number: int) -> bytes:
    """An id. Those of 0 to 255 differ in the first byte, all others in the last ones as well."""
    return bytes([number % 256]) + bytes(13) + (number // 256).to_bytes(2, "big")


def docs(*texts: str) -> list[Doc]:
    return [Doc(name(number), text) for number, text in enumerate(texts)]


class Plainly:
    """Runs parts here and now, one after another."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __call__(self, stage: Stage, parts: Sequence[Part]) -> list[Entry]:
        return [self._entry(stage, part) for part in parts]

    def _entry(self, stage: Stage, part: Part) -> Entry:
        output = stage.work(self.store, part)
        return Entry(stage.name, part.name, part.source, "", {}, output.files, output.counts, output.info)


def cut(parts: Sequence[Sequence[Doc]], dedupe: Dedupe, ranks: dict[str, int]) -> tuple[dict[bytes, str], list[Entry]]:
    """What is left of each kept document; those of which nothing is do not appear."""
    store = Store(f"memory://repeats{next(NUMBERS)}")
    rows = []
    for number, part in enumerate(parts):
        where = f"{part[0].place}-00000-{number:05d}"
        ids = pa.array([doc.id for doc in part], ID)
        columns = {
            "documents": ("text", pa.array([doc.text for doc in part], pa.large_string())),
            "scores": ("spans", pa.array([[s._asdict() for s in doc.spans] or None for doc in part], SPANS)),
            "selection": ("kept", pa.array([doc.kept for doc in part])),
        }
        a, b, c = (write_parquet(store, f, where, pa.table({"id": ids, n: x})) for f, (n, x) in columns.items())
        rows.append((a, b, c))
    entries = cut_repeats(rows, dedupe, ranks, Plainly(store))
    left = {}
    for part, done in zip(parts, entries, strict=True):
        table = read_table(store, done.files[0])
        assert table["id"].to_pylist() == [doc.id for doc in part]
        for doc, row in zip(part, table.to_pylist(), strict=True):
            assert doc.kept or not row["left"]
            if row["left"]:
                left[doc.id] = render(doc.text, [Span(**span) for span in row["spans"] or ()])
    return left, entries


def texts_left(parts: Sequence[Sequence[Doc]], how: str, least: int = 0) -> list[str]:
    left, _ = cut(parts, Dedupe(repeats=how, repeats_least=least), {})
    return [left[doc.id] for part in parts for doc in part if doc.id in left]


# The oracle: plain Python over whole documents in order of preference.


def folded(text: str, how: str) -> str:
    kept = "".join(chr(int(fold_table(how)[ord(c)])) if not c.isspace() else c for c in text).replace("\0", "")
    return " ".join(kept.split()) if any(c.isalnum() for c in text) else ""


def pieces(text: str, how: str) -> list[str]:
    if how == "c4":
        return re.findall(r"\S.*?[.!?]|\S+", text)
    wholes = re.split(r"\n\s*\n", text) if how == "paragraphs" else text.split("\n")
    return [whole for whole in wholes if whole.strip()]


def oracle(corpus: list[Doc], how: str, within: str, least: int, ranks: dict[str, int]) -> dict[bytes, list[str]]:
    """What pieces are left of each kept document."""
    span, fold = 3 if how == "c4" else 1, {"cc_net": "plain", "c4": "exact"}.get(how, "lower")
    seen: set[tuple[str, tuple[str, ...]]] = set()
    left = {}
    for doc in sorted((d for d in corpus if d.kept), key=lambda d: (ranks.get(d.place, 0), d.id)):
        whole = pieces(doc.rendered, how)
        known = [at for at, piece in enumerate(whole) if folded(piece, fold)]
        gone: set[int] = set()
        for at in range(len(known) - span + 1):
            unit = known[at : at + span]
            if how != "c4" and len(whole[unit[0]].strip().encode()) < least:
                continue
            group = {"all": "", "source": doc.source, "snapshot": doc.place}[within]
            key = group, tuple(folded(whole[n], fold) for n in unit)
            gone |= set(range(unit[0], unit[-1] + 1)) if key in seen else set()
            seen.add(key)
        if len(gone) < len(whole) or not whole:
            left[doc.id] = [piece for at, piece in enumerate(whole) if at not in gone]
    return left


LATER = {"web/1": 1, "books/1": 1}
LINES = ("The mill", "the  MILL ", "Über-see 12", "uber see 34", "...", "-", "", " ", "\tmill", "ok", "a wheel.")
SENTENCES = ("A b.", "C d!", "E?", "F g.", "X.")


@st.composite
def corpora(draw: st.DrawFn, how: str) -> list[Doc]:
    corpus = []
    for number in draw(st.permutations(range(draw(st.integers(1, 7))))):
        several = draw(st.lists(st.sampled_from(SENTENCES if how == "c4" else LINES), max_size=8))
        text = (" " if how == "c4" else "\n").join(several)
        spans: tuple[Span, ...] = ()
        if how != "c4" and draw(st.booleans()):
            bounds = [len(text[:at].encode()) for at in range(len(text) + 1)]
            a, b = sorted(draw(st.tuples(st.sampled_from(bounds), st.sampled_from(bounds))))
            spans = (Span(a, b, "filter", draw(st.sampled_from(["", "|", "\nok\n"]))),)
        source, snapshot = draw(st.sampled_from(["web", "books"])), draw(st.sampled_from("01"))
        corpus.append(Doc(name(number), text, source, snapshot, draw(st.integers(0, 4)) > 0, spans))
    return corpus


def in_parts(corpus: list[Doc], seed: int) -> list[list[Doc]]:
    """The documents of each snapshot in parts of one to three, in some order."""
    chance, parts = random.Random(seed), []
    for place in {doc.place for doc in corpus}:
        here = [doc for doc in corpus if doc.place == place]
        chance.shuffle(here)
        while here:
            parts.append([here.pop() for _ in range(min(len(here), chance.randint(1, 3)))])
    chance.shuffle(parts)
    return parts


@pytest.mark.parametrize("how", ["lines", "cc_net", "paragraphs", "c4"])
@settings(max_examples=60)
@given(data=st.data())
def test_what_is_left_is_what_a_plain_loop_leaves(how: str, data: st.DataObject) -> None:
    corpus = data.draw(corpora(how))
    within = data.draw(st.sampled_from(["source", "snapshot", "all"]))
    least = data.draw(st.sampled_from([0, 5]))
    ranks = data.draw(st.sampled_from([LATER, {}, {"web/0": 1, "books/1": 1}]))
    dedupe = Dedupe(repeats=how, repeats_within=within, repeats_least=0 if how == "c4" else least)
    left, entries = cut(in_parts(corpus, data.draw(st.integers(0, 9))), dedupe, ranks)
    wanted = oracle(corpus, how, within, least, ranks)
    assert {id_: [p.strip() for p in pieces(text, how)] for id_, text in left.items()} == {
        id_: [p.strip() for p in whole] for id_, whole in wanted.items()
    }
    assert sum(c.documents or 0 for e in entries for c in e.counts) == sum(doc.kept for doc in corpus)
    sizes = sum(len(doc.text.encode()) for doc in corpus if doc.kept)
    assert sum(c.bytes or 0 for e in entries for c in e.counts) == sizes


@settings(max_examples=60)
@given(corpora("c4"), st.integers(0, 9))
def test_every_sentence_still_stands_somewhere(corpus: list[Doc], seed: int) -> None:
    left, _ = cut(in_parts(corpus, seed), Dedupe(repeats="c4", repeats_within="all"), LATER)
    before = {piece for doc in corpus if doc.kept for piece in pieces(doc.text, "c4")}
    assert {piece for text in left.values() for piece in pieces(text, "c4")} == before


@settings(max_examples=60)
@given(corpora("lines"), st.integers(0, 9), st.integers(0, 9))
def test_parts_and_their_order_change_nothing(corpus: list[Doc], one: int, other: int) -> None:
    dedupe = Dedupe(repeats="lines", repeats_within="all", repeats_least=0)
    first, second = (cut(in_parts(corpus, seed), dedupe, LATER)[0] for seed in (one, other))
    assert first == second


@settings(max_examples=30)
@given(corpora("lines"), st.integers(0, 9))
def test_a_later_snapshot_takes_nothing_from_an_earlier_one(corpus: list[Doc], seed: int) -> None:
    dedupe = Dedupe(repeats="lines", repeats_least=0)
    before = [doc for doc in corpus if doc.snapshot == "0"]
    alone = cut(in_parts(before, seed), dedupe, LATER)[0]
    together = cut(in_parts(corpus, seed), dedupe, LATER)[0]
    assert alone == {doc.id: together[doc.id] for doc in before if doc.id in together}


def test_many_partitions_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(3)
    corpus = [Doc(name(n), "\n".join(f"line {chance.randint(0, 300)}" for _ in range(20))) for n in range(100)]
    dedupe = Dedupe(repeats="lines", repeats_least=0)
    one, _ = cut(in_parts(corpus, 1), dedupe, {})
    monkeypatch.setattr(module, "PARTITION_UNITS", 40)
    assert cut(in_parts(corpus, 1), dedupe, {})[0] == one
    assert sum(text.count("line") for text in one.values()) == 301


def test_the_first_place_is_kept_and_what_was_dropped_takes_nothing() -> None:
    first, second, third = docs("kept line one\nmy own", "kept line one\nyours", "Kept  LINE one\ntheirs")
    assert texts_left([[second], [third, first]], "lines") == ["yours", "theirs", "kept line one\nmy own"]
    gone = replace(first, kept=False)
    assert texts_left([[second], [third, gone]], "lines") == ["kept line one\nyours", "theirs"]


def test_short_lines_and_those_without_letters_stay() -> None:
    code = "if a_long_condition(of, many, names):\n    }\n}\n\n----------------------------------------\nend"
    assert texts_left([docs(code, code + "\n" + "not the same")], "lines", 32) == [
        code,
        code.split("\n", 1)[1] + "\nnot the same",
    ]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("same one\n\nmine\n\nsame two\n", "mine"),
        ("a\n\nsame one\n\nb", "a\n\nb"),
        ("a\nsame one\n\nb", "a\n\nb"),
        ("a\n\nsame one\nb", "a\n\nb"),
        ("a\nsame one\n\n   same two\n    b\n", "a\n    b\n"),
        ("a\n\nsame one", "a"),
    ],
)
def test_a_cut_takes_the_blanks_that_it_leaves_behind(text: str, left: str) -> None:
    assert texts_left([docs("same one\nsame two", text)], "lines")[1] == left


def test_three_sentences_go_together() -> None:
    one, two = "It rains. The wheel turns! Who cares? I do.", "Well. It rains. The wheel turns! Who cares?\nNot me. No."
    assert texts_left([docs(one, two)], "c4") == [one, "Well.\nNot me. No."]
    assert (
        texts_left([docs(one, "It rains. The wheel turns! So what?")], "c4")[1] == "It rains. The wheel turns! So what?"
    )


def test_sentences_of_two_documents_are_no_span() -> None:
    texts = ["One.", "Two. Three.", "One. Two. Three."]
    assert texts_left([docs(*texts)], "c4") == texts


def test_of_a_text_that_says_one_thing_only_the_first_is_left() -> None:
    assert texts_left([docs("So it is. " * 9)], "c4") == ["So it is."]
    assert texts_left([docs("So it is.\n" * 9)], "cc_net") == ["So it is."]


def test_cc_net_compares_without_case_digits_accents_and_punctuation() -> None:
    left = texts_left([docs("On 12 May: Élan, 'vital'!", "on 34 may elan vital", "on 345 may elan vital")], "cc_net")
    assert left == ["On 12 May: Élan, 'vital'!", "on 345 may elan vital"]


def test_a_document_of_which_nothing_is_left_is_dropped_for_that_reason() -> None:
    left, entries = cut([docs("one line\nand another", " and another\n\none line\n")], Dedupe(repeats="cc_net"), {})
    assert list(left) == [name(0)]
    (done,) = entries
    assert [(c.outcome, c.reason, c.documents, c.bytes) for c in done.counts] == [
        ("passed", "", 1, 20),
        ("dropped", "repeats.nothing_left", 1, 23),
    ]
    balance([replace(done.counts[0], stage="select", documents=2, bytes=43)], done.counts)


def test_the_gate_names_the_source_and_the_share() -> None:
    _, entries = cut([docs(*["the very same line"] * 4)], Dedupe(repeats="cc_net"), {})
    with pytest.raises(DataError, match=r"source web: 54 of 72 bytes of text would be cut as repeats \(75%\)"):
        check_cut(entries, {"web": 0.5})
    check_cut(entries, {"web": 0.5}, ["web"])
    check_cut(entries, {"web": 0.8})


def test_ids_that_differ_in_their_last_bytes_only_are_told_apart_within_a_part() -> None:
    one, two = Doc(name(0), "same line\na"), Doc(name(256), "same line\nb")
    assert texts_left([[two, one]], "lines") == ["b", "same line\na"]
