"""The differing passage: what was replaced, put in, taken out; what is no difference; long texts in bounded time."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report import difference
from report.difference import Difference, Passage, differing

WORDS = [f"w{n}" for n in range(400)]


def text_of(words: list[str]) -> str:
    return " ".join(words)


def test_a_replaced_word_stands_beside_what_replaces_it() -> None:
    other = [*WORDS[:100], "OTHER", *WORDS[101:]]
    found = differing(text_of(WORDS), text_of(other))
    assert (found.how, found.left, found.right, found.count) == ("words", 1, 1, 1)
    before, after = text_of(WORDS[92:100]), text_of(WORDS[101:109])
    assert found.passages == (Passage(100, before, "w100", "OTHER", after),)


def test_what_was_put_in_or_taken_out_stands_alone() -> None:
    longer = [*WORDS[:50], "one", "more", "line", *WORDS[50:]]
    found = differing(text_of(WORDS), text_of(longer))
    assert [(p.left, p.right, p.word) for p in found.passages] == [("", "one more line", 50)]
    back = differing(text_of(longer), text_of(WORDS))
    assert [(p.left, p.right) for p in back.passages] == [("one more line", "")]
    assert (back.left, back.right) == (3, 0)


def test_a_beginning_and_an_end_of_ones_own_are_found() -> None:
    found = differing(text_of(["first", "thing", *WORDS]), text_of([*WORDS, "last", "thing"]))
    assert [(p.left, p.right) for p in found.passages] == [("first thing", ""), ("", "last thing")]


def test_the_largest_passages_are_shown_in_the_order_of_the_text() -> None:
    other = list(WORDS)
    for n, size in ((20, 1), (80, 9), (140, 2), (200, 7), (260, 1)):
        other[n : n + size] = [f"new{n}.{k}" for k in range(size)]
    found = differing(text_of(WORDS), text_of(other), most=2)
    assert found.count == 5 and [p.word for p in found.passages] == [80, 200]


def test_what_was_moved_is_no_difference() -> None:
    moved = [*WORDS[200:], *WORDS[:200]]
    assert differing(text_of(WORDS), text_of(moved)).how != "words"


def test_the_same_words_differ_in_marks_or_in_blanks() -> None:
    plain = "The mill grinds what the farmers bring to it and the wheel turns"
    marks = differing(plain, plain.replace("it and", "it, and").replace("mill", "Mill"))
    assert marks.how == "marks" and marks.count >= 1
    assert differing(plain, plain.replace(" and", "\n\nand")).how == "blanks"
    assert differing(plain, plain).how == "nothing"


def test_a_language_without_blanks_differs_in_characters() -> None:
    left = "水車は川のそばに立ち、農夫が運ぶ麦を挽く。車輪は水とともに回る。"
    (passage,) = differing(left, left.replace("麦", "米")).passages
    assert (passage.left, passage.right) == ("麦", "米")


def test_texts_without_words_can_be_compared() -> None:
    assert differing("", "").how == "nothing"
    assert differing("", "a b").passages == (Passage(0, "", "", "a b", ""),)
    assert differing("a", "b").passages == (Passage(0, "", "a", "b", ""),)
    assert differing("...", "!!").how == "marks"


def test_a_long_text_is_compared_from_where_it_differs() -> None:
    random_ = random.Random(1)
    words = [f"{random_.choice(WORDS)}{random_.randint(0, 9999)}" for _ in range(400_000)]
    seconds = []
    for times in (1, 12):  # less than a window, and 40 MB
        left = text_of(words) * times
        at = len(left) * 3 // 4
        right = left[:at] + " HELLO " + left[at:]
        start = time.process_time()
        found = differing(left, right)
        seconds.append(time.process_time() - start)
    assert seconds[1] < 6 * seconds[0]  # as long as the other, where nobody else works
    assert found.start > at - 2_000 and "HELLO" in found.passages[0].right
    assert found.count == 1


def test_beyond_the_window_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "WINDOW", 4_000)
    left = text_of([f"a{n}" for n in range(4_000)])
    found = differing(left, "front " + left + " back")
    assert found.cut and (found.left, found.right) == (0, 1)


@given(st.lists(st.sampled_from("abcde"), max_size=40), st.lists(st.sampled_from("abcde"), max_size=40))
def test_what_is_in_no_passage_is_in_the_other_text(left: list[str], right: list[str]) -> None:
    found = differing(text_of(left), text_of(right), most=1_000)
    if found.how != "words":  # nothing differs: every run of the one is a run of the other
        found = Difference("words", 0, 0, 0, ())
    assert found.left == sum(len(passage.left.split()) for passage in found.passages)
    assert found.right == sum(len(passage.right.split()) for passage in found.passages)
    shown = {k for p in found.passages for k in range(p.word, p.word + len(p.left.split()))}
    other = f" {text_of(right)} "
    for k, word in enumerate(left):
        assert k in shown or f" {word} " in other
