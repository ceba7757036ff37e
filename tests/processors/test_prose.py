import random
import textwrap
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.prose import unwrap

SENTENCES = [
    "The mill stands where the river bends, and its {} wheel has turned for longer than anybody in the village knows.",
    "It ground the corn of the great farms first, and later that of the {} ones, when the {} farms had been divided.",
    "“You may ask the miller,” said the {} woman; “he will not tell you, but you may ask.”",
    "And she laughed so that the {} sack shook!",
    "In winter the {} water freezes under the wheel, and then there is nothing to be done but to wait.",
    "She wrote down what was brought and what was taken away, the {} day and the {} weight, and it was always right.",
    "He had a soft heart and a {} thumb.",
]
WORDS = (
    "old",
    "small",
    "green",
    "heavy",
    "bitter",
    "narrow",
    "golden",
    "quiet",
    "broken",
    "distant",
    "hollow",
    "ragged",
    "silver",
    "crooked",
    "wandering",
)


def paragraphs(count: int, seed: int = 0) -> list[str]:
    chance = random.Random(seed)
    made = [" ".join(chance.choices(SENTENCES, k=chance.randint(1, 6))) for _ in range(count)]
    return ["".join(c if c != "\0" else chance.choice(WORDS) for c in p.replace("{}", "\0")) for p in made]


PARAGRAPHS = paragraphs(24)
VERSE = """\
The wheel goes round, the water falls,
    The corn is in the stone;
And who has leaned against these walls
    Has never leaned alone.

Of flour and foam, of rope and beam,
    Of all that went before,
The miller sings, and in his dream
    The river sings the more."""
TABLE = """\
Year      Bushels     Price
1801          120      3.40
1802          133      3.10
1803           98      4.75"""
CODE = """\
    while (wheel.turns()) {
        corn = farmer.bring();
        if (corn == NULL)
            break;
        flour += grind(corn);
    }"""


def wrapped(paragraphs: list[str], width: int, **how: str) -> str:
    return "\n\n".join(textwrap.fill(p, width, break_on_hyphens=False, **how) for p in paragraphs)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [60, 65, 72, 80])
@pytest.mark.parametrize("margin", ["", "     "])
def test_paragraphs_come_back(width: int, margin: str) -> None:
    text = wrapped(PARAGRAPHS, width, initial_indent=margin, subsequent_indent=margin)
    assert unwrap(text).split("\n\n") == PARAGRAPHS


def test_paragraphs_told_by_indentation_come_back() -> None:
    lines = [textwrap.fill(p, 70, initial_indent="   ", break_on_hyphens=False) for p in PARAGRAPHS]
    back = [line for line in unwrap("\n".join(lines)).split("\n") if line]
    assert back == PARAGRAPHS


@pytest.mark.parametrize("kept", [VERSE, TABLE, CODE, "- flour\n- bread\n- a bag of corn", "> you said\n> that it was"])
def test_lines_that_mean_something_stay_amid_prose(kept: str) -> None:
    text = wrapped([*PARAGRAPHS, "HERE", *PARAGRAPHS], 72).replace("HERE", kept)
    assert f"\n\n{kept}\n\n" in unwrap(text)


@pytest.mark.parametrize("kept", [VERSE, TABLE, CODE, "%\nOne.\n%\nTwo.\n%"])
def test_a_text_without_prose_stays_as_it_is(kept: str) -> None:
    assert unwrap("\n\n\n".join([kept] * 9)) == "\n\n\n".join([kept] * 9)


def test_items_of_a_list_are_joined_each_for_itself() -> None:
    items = [f" {n}. {p}" for n, p in enumerate(PARAGRAPHS[:4], 1)]
    text = "\n".join(textwrap.fill(item, 64, subsequent_indent="    ", break_on_hyphens=False) for item in items)
    assert [line.strip() for line in unwrap(wrapped(PARAGRAPHS, 64) + "\n\n" + text).split("\n")[-4:]] == [
        item.strip() for item in items
    ]


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        ("under-", "stand", "understand"),  # stands elsewhere in one piece
        ("mill-", "stream", "mill-stream"),  # stands elsewhere with its hyphen
        ("Anglo-", "Saxon", "Anglo-Saxon"),  # a capital follows
        ("pre-", "and postwar", "pre- and postwar"),
        ("un\u00ad", "stuck", "unstuck"),
        ("corn--", "and", "corn--and"),
    ],
)
def test_hyphens_at_line_ends(first: str, second: str, whole: str) -> None:
    text = (
        "We understand that the mill-stream freezes in winter, as every child of the village\n"
        f"knows it does; and in the second place we know by our own hands and feet that {first}\n"
        f"{second} is what the old man said when he came down from his hill in the morning to\n"
        "look at the ice under the wheel."
    )
    (line,) = unwrap(text).split("\n")
    assert f"feet that {whole} is what" in line


def test_soft_hyphens_go_everywhere() -> None:
    assert unwrap("Was\u00adser\nWas\u00ad\nser") == "Wasser\nWasser\n"


@pytest.mark.parametrize(
    ("foot", "head"),
    [("- {} -", ""), ("Page {}", "THE MILL"), ("", "\fTHE MILL{:>40}"), ("{}", "The Mill and its People")],
)
def test_page_numbers_and_heads_go(foot: str, head: str) -> None:
    several = paragraphs(96)
    lines = wrapped(several, 66).split("\n")
    pages = [lines[at : at + 31] for at in range(0, len(lines), 31)]
    out: list[str] = []
    for number, page in enumerate(pages, 1):
        out += ["", head.format(number), ""] * (number > 1) + page + ["", f"{foot.format(number):^66}".rstrip(), ""]
    back = unwrap("\n".join(out))
    assert "THE MILL" not in back
    assert "The Mill and its People" not in back
    assert not any(line.strip(" -").removeprefix("Page ").isdigit() for line in back.split("\n"))
    whole = [line for line in back.split("\n") if line]
    assert sum(line in several for line in whole) / len(several) > 0.93  # a page may end with a sentence


def test_headings_of_chapters_stay() -> None:
    chapters = [f"CHAPTER {n}\n\n" + wrapped(paragraphs(8, n), 66) for n in range(1, 9)]
    back = unwrap("\n\n\f".join(chapters))
    assert [line for line in back.split("\n") if line.startswith("CHAPTER")] == [f"CHAPTER {n}" for n in range(1, 9)]


def test_scripts_without_blanks_are_joined_without_one() -> None:
    chinese = "磨坊在河边，轮子整天慢慢地转动。村里的人都把麦子送到这里来磨。" * 8
    lines = [chinese[at : at + 34] for at in range(0, len(chinese), 34)]
    assert unwrap("\n".join(lines)) == chinese


def test_a_speakers_name_opens_a_paragraph() -> None:
    speech = textwrap.wrap(PARAGRAPHS[0], 60)
    text = "\n\n".join("MILLER\t" + "\n\t".join(speech) for _ in range(9))
    assert unwrap(text).split("\n\n") == ["MILLER\t" + PARAGRAPHS[0]] * 9


def test_terminal_codes_go() -> None:
    assert unwrap("\x1b[33mThe\x1b[m m\x08mi\x08i_\x08ll") == "The mill"


ALPHABET = st.sampled_from(
    [*"aZß9.,-–—*%>|\n\n\n\t \f\r\x08\x1b\xad\u0301\u200b\u3000。界ไ𠀀😀ا‐", "word ", "12", "\ud800"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(ALPHABET, max_size=200).map("".join))
def test_no_letter_is_lost_or_made(text: str) -> None:
    def letters(words: str) -> str:
        return "".join(c for c in words if unicodedata.category(c)[0] == "L")

    clean = text.replace("\ud800", "?").replace("\x08", "").replace("\x1b", "")
    assert letters(unwrap(clean)) == letters(clean)
    unwrap(text)


@settings(max_examples=20, deadline=None)
@given(st.integers(50, 90), st.integers(0, 99), st.permutations(PARAGRAPHS[:4]))
def test_any_width_comes_back(width: int, seed: int, order: list[str]) -> None:
    several = order * 3
    random.Random(seed).shuffle(several)
    assert unwrap(wrapped(several, width)).split("\n\n") == several


def test_tabs_may_come_out_wider_than_they_went_in() -> None:
    words = [f"word{n}" for n in range(20)]
    prose = textwrap.indent(textwrap.fill(" ".join(words * 20), 70), "\t")
    deep = "".join(f"{chr(9) * 30}x{n}\n\n" for n in range(3000))
    text = unwrap(f"{prose}\n\n{deep}")
    assert "\t" not in text.partition("\n\n")[0]
    assert len(text) > 3000 * 8 * 28  # each tab is eight blanks once the margin is off
    assert text.split() == (words * 20) + [f"x{n}" for n in range(3000)]
