"""Dates as people write them to ISO 8601: as much of year, month and day as is stated."""

import re

_NAMES = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_MONTH = rf"(?P<month>{_NAMES})[a-z]*\.?"
_FORMS = [
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?<!\d)(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?!\d)",
        r"(?<!\d)(?P<year>\d{4})[/.](?P<month>\d\d?)[/.](?P<day>\d\d?)(?!\d)",
        r"(?<!\d)(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?!\d)",
        r"(?<!\d)(?P<year>\d{4})-(?P<month>\d\d)(?!\d)",
        rf"\b{_MONTH}\s+(?P<day>\d\d?)(?:st|nd|rd|th)?\s*,?\s+(?P<year>\d{{4}})(?!\d)",
        rf"(?<!\d)(?P<day>\d\d?)(?:st|nd|rd|th|\.)?\s+(?:of\s+)?{_MONTH},?\s+(?P<year>\d{{4}})(?!\d)",
        rf"\b{_MONTH},?\s+(?P<year>\d{{4}})(?!\d)",
        r"^\D{0,12}(?P<year>1[0-9]{3}|20[0-9]{2})(?!\d)\D{0,12}$",
    )
]


def iso_date(text: str | None) -> str | None:
    """`YYYY-MM-DD`, `YYYY-MM` or `YYYY` for a date in digits or English words; None where none can be read.

    A date whose month and day cannot be told apart (03/04/1999) is not guessed at.
    """
    if not text:
        return None
    for form in _FORMS:
        match = form.search(text[:200])
        if not match:
            continue
        found = match.groupdict()
        month = found.get("month")
        number = (
            0 if month is None else int(month) if month.isdigit() else _NAMES.split("|").index(month.lower()[:3]) + 1
        )
        day = int(found.get("day") or 0)
        if (month is not None and not 1 <= number <= 12) or day > 31 or (found.get("day") and day == 0):
            continue
        return found["year"] + (f"-{number:02d}" if number else "") + (f"-{day:02d}" if day else "")
    return None
