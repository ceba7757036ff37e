r"""Project Gutenberg's frame around a book: cut off, and what it says of the book taken as fields.

Its files have carried four frames, told by these lines:

    to 1991       a note or a line "Project Gutenberg Etext of ..." above the title, and no more
    1991 to 1993  the small print (``***START**THE SMALL PRINT!`` to ``*END*THE SMALL PRINT!``) after the book
    1993 to 2003  the small print before the book, "End of Project Gutenberg's ..." after it
    since 2003    ``*** START OF THE PROJECT GUTENBERG EBOOK TITLE ***`` and ``*** END OF ...``, credits below the first

German, French, Dutch, Finnish and other files carry the same marks in English. A file of several books loses each
frame and keeps all books.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sources.dates import iso_date

_HEAD = 60_000  # characters in which a file that has a frame says so
_LICENCE = 60_000  # more than any licence text after the last book has
_EARLY = 8_000  # the notes of the first years
_GAP = 1_500  # between the marks of one head: some files have both small print and START

_NAME = r"(?:THE[ \t]|THIS[ \t])?PROJECT[ \t]GUTENBERG"
_EDGE = r"^[^\w\n]{0,9}"
_MARK = re.compile(
    # the title may run over several lines up to its stars
    rf"(?P<start>{_EDGE}START[ \t]OF[ \t]{_NAME}(?:[^\n]*\*\*\*|[^\n]*(?:\n[^\n]+){{1,3}}?\*\*\*|)[^\n]*\n?)"
    rf"|(?P<end>{_EDGE}END[ \t]OF[ \t](?:{_NAME})[^\n]*)"
    rf"|(?P<print>{_EDGE}(?:START\*{{0,4}})?THE[ \t]SMALL[ \t]PRINT![^\n]*\n)"
    rf"|(?P<printed>{_EDGE}END[ \t*]{{0,3}}THE[ \t]SMALL[ \t]PRINT!?[^\n]*(?:\n[^\n]*\*END\*[^\n]*)?\n?)"
    rf"|(?P<foreign>{_EDGE}(?:Ende|Fin|Einde|Fine|Fim|Loppu|Slut)\b[^\n]{{0,40}}Proje[ck]t[ \t-]Gutenberg[^\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_SIGNS = ("gutenberg", "Gutenberg", "GUTENBERG", "small print", "Small Print", "SMALL PRINT")

_FIELD = re.compile(
    r"^[ \t]*(Title|Subtitle|Author|Authors|Translator|Editor|Language|Release Date|Posting Date|Credits"
    r"|Original Publication)[ \t]*:[ \t]*([^\n]+(?:\n[ \t]{4,}[^\n]+)*)",
    re.IGNORECASE | re.MULTILINE,
)
_NUMBER = re.compile(r"(?:eBook|e-?text)[ \t]*(?:No\.?|#)[ \t]*(\d{1,6})", re.IGNORECASE)
_MONTH = re.compile(r"^[ \t]*([A-Z][a-z]+,?[ \t]\d{4})[ \t]*\[(?:eBook|e-?text)[ \t]*#", re.IGNORECASE | re.MULTILINE)
_TITLE_LINE = re.compile(
    r"\s*\*{0,3}[ \t]*(?:The[ \t])?Project[ \t]Gutenberg(?:['’]s)?[ \t](?:e-?text|eBook|Edition)[ \t](?:of[ \t])?"
    r"(?P<title>[^\n]+(?:\n[^\n]+){0,2}?)(?:\n\s*\n|\Z)",
    re.IGNORECASE,
)
_RELEASE = re.compile(
    r"\s*This is the (?P<date>[A-Z][a-z]+ \d{4}) Project Gutenberg release of:?\s*(?P<title>[^\n]+)", re.IGNORECASE
)
_EARLY_WORDS = re.compile(r"Project Gutenberg|\be-?text\b", re.IGNORECASE)
_BY = re.compile(r",?[ \t\n]+by[ \t\n]+(?=[A-ZÀ-Þ])")

_PARAGRAPH = re.compile(r"\s*([^\n]+(?:\n[^\n]*\S[^\n]*)*)")
_CREDIT = re.compile(
    r"[\[(*_ \t]{0,6}(?:"
    r"(?:this |the )?(?:e-?text|e-?book|file|html version|text)?[ \t]?(?:was |is |were )?"
    r"(?:prepared|produced|created|scanned|typed|transcribed|entered|proofed|proofread|digitized)(?: and \w+)?"
    r" (?:by|from|for)\b"
    r"|(?:with )?(?:many |special )?thanks to\b|credits?:|updated by\b|distributed proofread"
    r"|(?:this|the) (?:file|book|e-?text) was (?:first )?(?:posted|produced|prepared|made)"
    r"|note: project gutenberg|\[?transcriber)",
    re.IGNORECASE,
)
_OF_THE_FILE = re.compile(
    r"gutenberg|proofread|pgdp|internet archive|archive\.org|e-?text|e-?book|html|scan|transcri|digiti"
    r"|@|\bproduced by [A-Z]",
    re.IGNORECASE,
)
_NOT_CREDIT = 1_200  # characters; longer paragraphs are text
_LANGUAGES = {
    "english": "en", "german": "de", "french": "fr", "italian": "it", "spanish": "es", "portuguese": "pt",
    "dutch": "nl", "finnish": "fi", "swedish": "sv", "danish": "da", "norwegian": "no", "icelandic": "is",
    "latin": "la", "greek": "el", "russian": "ru", "polish": "pl", "czech": "cs", "hungarian": "hu", "romanian": "ro",
    "bulgarian": "bg", "serbian": "sr", "slovenian": "sl", "catalan": "ca", "galician": "gl", "esperanto": "eo",
    "welsh": "cy", "irish": "ga", "chinese": "zh", "japanese": "ja", "korean": "ko", "tagalog": "tl", "hebrew": "he",
    "yiddish": "yi", "arabic": "ar", "farsi": "fa", "telugu": "te", "sanskrit": "sa", "hindi": "hi", "frisian": "fy",
    "afrikaans": "af", "friulano": "fur", "breton": "br", "occitan": "oc", "cebuano": "ceb", "iloko": "ilo",
    "maori": "mi", "estonian": "et", "lithuanian": "lt", "scots": "sco", "interlingua": "ia",
    "english, middle": "enm", "middle english": "enm", "english, old": "ang", "greek, ancient": "grc",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Framed:
    """A book without its frame and what the frame says of it; `found` tells whether there was one."""

    text: str
    found: bool = False
    title: str | None = None
    author: str | None = None
    date: str | None = None  # of its release, ISO 8601 where it can be read
    language: str | None = None  # ISO 639 code, or as it stands
    meta: dict[str, str] = field(default_factory=dict)  # number, translator, credits


def without_gutenberg(text: str) -> Framed:
    r"""`text` (line ends ``\n``) without Project Gutenberg's frames; as it is where it has none."""
    ends = text[:_HEAD] + text[-_HEAD:]
    if not any(sign in ends for sign in _SIGNS):
        return Framed(_without_credits(text) if "Distributed Proofread" in text[:_GAP] else text)
    spans = _books(text)
    if not spans:
        return Framed("", True)
    if spans == [(0, len(text))]:
        return _early(text)
    body = "\n\n\n".join(_without_credits(text[start:stop]).strip("\n") for start, stop in spans)
    if len(spans) > 1:
        return Framed(body, True)
    if spans[0][0] == 0:
        early = _early(body)
        return early if early.found else Framed(body, True)
    return _described(text[: spans[0][0]], body)


def language_code(name: str) -> str:
    """The ISO 639 code of a language's English name; the name itself where it is not known."""
    tidy = " ".join(name.split())
    return _LANGUAGES.get(tidy.lower().removesuffix("."), tidy)


def _books(text: str) -> list[tuple[int, int]]:
    """The stretches between the frames, in order: all of the text where no mark of a frame stands."""
    spans: list[tuple[int, int]] = []
    start: int | None = 0
    headed = False  # a mark of the present book's head was seen
    printing: int | None = None  # where a small print began
    marks = list(_marks(text))
    for match in marks:
        kind, at, end = match.lastgroup, match.start(), match.end()
        if kind == "print":
            printing = at
        elif kind == "printed" and start is not None and headed and at - start > _GAP:
            spans.append((start, printing if printing is not None and printing > start else at))  # it is the foot
            start, headed, printing = None, False, None
        elif kind in ("start", "printed"):
            if start is not None and headed and at - start > _GAP:
                spans.append((start, at))
            elif kind == "printed" and not headed and start == 0 and printing is not None and printing > _HEAD // 2:
                spans.append((0, printing))  # after the book, as in the first years
                start, printing = None, None
                continue
            start, headed, printing = end, True, None
        elif start is not None and (len(text) - end <= _LICENCE or match is not marks[-1]):
            spans.append((start, at))
            start, headed = None, False
    if start is not None:
        spans.append((start, len(text)))
    return [span for span in spans if text[slice(*span)].strip()]


def _marks(text: str) -> Iterator[re.Match[str]]:
    """The lines that begin or end a frame. Only lines that hold a sign are looked at: most texts have none."""
    lines = set()
    for sign in _SIGNS:
        at = text.find(sign)
        while at >= 0:
            lines.add(text.rfind("\n", 0, at) + 1)
            at = text.find(sign, at + len(sign))
    for line in sorted(lines):
        if match := _MARK.match(text, line):
            yield match


def _described(head: str, body: str) -> Framed:
    fields: dict[str, str] = {}
    for key, value in _FIELD.findall(head):
        fields.setdefault(key.lower(), " ".join(value.split())[:1000])
    titled = _TITLE_LINE.search(head)
    title, author = _title_and_author(titled["title"]) if titled else (None, None)
    number = _NUMBER.search(fields.get("release date", "")) or _NUMBER.search(head)
    month = _MONTH.search(head)
    stated = fields.get("release date") or fields.get("posting date") or (month[1] if month else None)
    meta = {"gutenberg": number[1] if number else ""}
    meta |= {
        key.replace(" ", "_"): fields[key]
        for key in ("subtitle", "translator", "editor", "original publication")
        if key in fields
    }
    return Framed(
        body,
        True,
        fields.get("title") or title,
        fields.get("author") or fields.get("authors") or author,
        iso_date((stated or "").partition("[")[0]) or stated,
        language_code(fields["language"]) if "language" in fields else None,
        meta,
    )


def _early(text: str) -> Framed:
    """A text of the first years: a note or one line above the title."""
    head = text[:_EARLY]
    if release := _RELEASE.match(head):
        title, author = _title_and_author(release["title"])
        last = release.end()
        for paragraph in _PARAGRAPH.finditer(head, last):
            if _EARLY_WORDS.search(paragraph[1]):
                last = paragraph.end()
        return Framed(text[last:], True, title, author, iso_date(release["date"]), None, {"gutenberg": ""})
    if line := _TITLE_LINE.match(head):
        title, author = _title_and_author(line["title"])
        return Framed(text[line.end() :], True, title, author, None, None, {"gutenberg": ""})
    return Framed(text)


def _title_and_author(line: str) -> tuple[str | None, str | None]:
    line = " ".join(re.sub(r"\*{2,}|[\[(]?(?:eBook|e-?text)[ \t]*#.*", "", line, flags=re.IGNORECASE).split())
    title, _, author = _BY.sub("\0", line, count=1).partition("\0")
    return title.strip(" ,.*") or None, author.strip(" ,*") or None


def _without_credits(text: str) -> str:
    """The book without who made the file, above it and below it, and without a transcriber's notes there."""
    at = 0
    while (paragraph := _PARAGRAPH.match(text, at)) and _is_credit(paragraph[1]):
        at = paragraph.end()
    stop = len(text.rstrip())
    for _ in range(4):
        before = text.rfind("\n\n", at, stop)
        if before < 0 or not _is_credit(text[before:stop].strip()):
            break
        stop = len(text[:before].rstrip())
    return text[at:stop] if at or stop < len(text.rstrip()) else text


def _is_credit(paragraph: str) -> bool:
    if len(paragraph) > _NOT_CREDIT or not _CREDIT.match(paragraph):
        return False
    return bool(_OF_THE_FILE.search(paragraph)) or paragraph.lower().lstrip("[(*_ ").startswith("transcriber")
