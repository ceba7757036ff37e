import pytest

from sources.books.gutenberg import language_code, without_gutenberg
from sources.dates import iso_date

BOOK = "CHAPTER I\n\nThe wheel turns, and the water falls.\n\n\nCHAPTER II\n\nIt still turns."
FIELDS = """\
Title: The Mill
       A Tale of the River

Author: A. Miller

Translator: B. Stone

Release Date: March 12, 2004 [EBook #12345]
[Most recently updated: June 1, 2020]

Language: {language}

Character set encoding: UTF-8
"""
SMALL_PRINT = """\
***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***
Why is this "Small Print!" statement here?  You know: lawyers.
They tell us you might sue us if there is something wrong with
your copy of this etext, even if you got it for free.
*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*
"""
LICENCE = (
    "\n\nSection 1. General Terms of Use and Redistributing Project Gutenberg-tm electronic works\n" + "Terms. " * 900
)

NEW = (
    "The Project Gutenberg EBook of The Mill, by A. Miller\n\nThis eBook is for the use of anyone anywhere.\n\n"
    + FIELDS.format(language="English")
    + "\n{start}\n\n\n\nProduced by C. Baker and Distributed Proofreading\n\n\n\n{book}\n\n\n\n\n{end}\n"
    + LICENCE
)
FRAMES = {
    "stars": NEW.format(
        start="*** START OF THE PROJECT GUTENBERG EBOOK THE MILL ***",
        book=BOOK,
        end="*** END OF THE PROJECT GUTENBERG EBOOK THE MILL ***",
    ),
    "this": NEW.format(
        start="***START OF THIS PROJECT GUTENBERG EBOOK THE MILL***",
        book=BOOK,
        end="End of Project Gutenberg's The Mill, by A. Miller\n\n*** END OF THIS PROJECT GUTENBERG EBOOK THE MILL ***",
    ),
    "long title": NEW.format(
        start="*** START OF THE PROJECT GUTENBERG EBOOK THE MILL; OR,\nTHE RIVER AND ITS PEOPLE ***",
        book=BOOK,
        end="End of the Project Gutenberg EBook of The Mill, by A. Miller",
    ),
    "translated": NEW.format(
        start="*** START OF THE PROJECT GUTENBERG EBOOK DIE MÜHLE ***",
        book=BOOK,
        end="Ende dieses Projekt Gutenberg Etextes Die Mühle\n\n*** END OF THE PROJECT GUTENBERG EBOOK DIE MÜHLE ***",
    ),
    "small print before": (
        "**The Project Gutenberg Etext of The Mill, by A. Miller**\n\nPlease look at this important information.\n\n\n"
        "The Mill\n\nby A. Miller\n\nMarch, 1998  [Etext #1234]\n\n\n"
        f"{SMALL_PRINT}\n\n\n\n\nThis etext was prepared by C. Baker, baker@mill.example\n\n\n\n{BOOK}\n\n\n\n\n"
        "End of The Project Gutenberg Etext of The Mill, by A. Miller\n"
    ),
    "small print after": (
        f"The Project Gutenberg Etext of The Mill, by A. Miller\n\n\n{BOOK}\n\n\n"
        f"End of the Project Gutenberg Edition of The Mill\n\n{SMALL_PRINT}"
    ),
    "a line above": f"The Project Gutenberg Etext of The Mill, by A. Miller\n\n\n\n{BOOK}\n",
    "a note above": (
        "\n\nThis is the March 1991 Project Gutenberg release of:\n\nThe Mill by A. Miller\n\n"
        "Introduction  (one page)\n\n"
        "This etext was made by hand, and it took a year.\n\nIt is the second etext that we made.\n\n\n\n\n" + BOOK
    ),
}


@pytest.mark.parametrize("frame", FRAMES)
def test_every_frame_goes(frame: str) -> None:
    framed = without_gutenberg(FRAMES[frame])
    assert framed.found
    assert framed.text.strip() == BOOK
    assert (framed.title or "").startswith("The Mill")
    assert framed.author == "A. Miller"


def test_the_head_gives_its_fields() -> None:
    framed = without_gutenberg(FRAMES["stars"])
    assert (framed.title, framed.date, framed.language) == ("The Mill A Tale of the River", "2004-03-12", "en")
    assert framed.meta == {"gutenberg": "12345", "translator": "B. Stone"}


def test_the_head_of_the_nineties_gives_its_fields() -> None:
    framed = without_gutenberg(FRAMES["small print before"])
    assert (framed.title, framed.author, framed.date) == ("The Mill", "A. Miller", "1998-03")
    assert framed.meta == {"gutenberg": "1234"}


def test_a_collection_keeps_all_its_books() -> None:
    second = FRAMES["stars"].replace("CHAPTER", "CANTO")
    framed = without_gutenberg(FRAMES["this"] + "\n\n" + second)
    assert framed.text == BOOK + "\n\n\n" + BOOK.replace("CHAPTER", "CANTO")


def test_a_frame_around_nothing_leaves_nothing() -> None:
    framed = without_gutenberg(NEW.format(start="*** START OF THE PROJECT GUTENBERG EBOOK X ***", book="", end=""))
    assert "Section 1" in framed.text  # no mark of an end: nothing is cut that no mark tells to be cut
    cut = NEW.format(
        start="*** START OF THE PROJECT GUTENBERG EBOOK X ***",
        book="",
        end="*** END OF THE PROJECT GUTENBERG EBOOK X ***",
    )
    assert without_gutenberg(cut).text.strip() == ""


@pytest.mark.parametrize(
    "text",
    [
        BOOK,
        "Project Gutenberg is a library.\n\nMuch more is to be said of it.",
        "They printed it.\n\nEnd of Project Gutenberg's great days, some say.\n\n" + "But it goes on and on. " * 5_000,
        "Thanks to the miller, whose etext this is not.\n\nThe wheel turns.",
    ],
)
def test_what_only_speaks_of_it_is_left_as_it_is(text: str) -> None:
    framed = without_gutenberg(text)
    assert (framed.text, framed.found) == (text, False)


def test_credits_without_a_frame_go() -> None:
    text = f"Produced by C. Baker and the Online Distributed Proofreading Team at\nhttps://www.pgdp.example\n\n\n{BOOK}"
    assert without_gutenberg(text).text.strip() == BOOK


@pytest.mark.parametrize(
    ("stated", "date"),
    [
        ("March 12, 2004", "2004-03-12"), ("12 March 2004", "2004-03-12"), ("1st of May, 1999", "1999-05-01"),
        ("December, 1991", "1991-12"), ("2004-03", "2004-03"), ("2022-12-17T02:41:44Z", "2022-12-17"),
        ("1851", "1851"), ("c. 1851", "1851"), ("03/04/1999", None), ("long ago", None), ("", None), (None, None),
        ("2004-13-01", None), ("20040312", "2004-03-12"),
    ],
)  # fmt: skip
def test_dates(stated: str | None, date: str | None) -> None:
    assert iso_date(stated) == date


def test_languages_are_named_by_code() -> None:
    assert [language_code(name) for name in ("English", "german", "Middle English", "Volapük")] == [
        "en", "de", "enm", "Volapük",
    ]  # fmt: skip
