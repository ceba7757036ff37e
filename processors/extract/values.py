"""Single values as pages write them: dates to ISO 8601, addresses of licences to SPDX identifiers."""

import re


def iso_date(value: str) -> str | None:
    """A date in ISO 8601 out of what pages write: as precise as stated, None where it cannot be read."""
    value = value.strip()[:64]
    if match := _ISO.match(value):
        year, month, day, time = match.groups()
        if not (1 <= int(month or 1) <= 12 and 1 <= int(day or 1) <= 31):
            return None
        date = "-".join(part.zfill(2) for part in (year, month, day) if part)
        return f"{date}T{time.strip().replace(' ', '')}" if time and day else date
    if match := _COMPACT.fullmatch(value):
        return "-".join(match.groups())
    for pattern in (_DAY_MONTH, _MONTH_DAY):
        if match := pattern.search(value):
            month = _MONTHS.get(match["month"].lower()[:3])
            if month and 1 <= int(match["day"]) <= 31:
                return f"{match['year']}-{month:02}-{int(match['day']):02}"
    return None


def licence_of_url(url: str) -> str | None:
    """The SPDX identifier of a Creative Commons deed's URL; None for any other."""
    match = _CREATIVE_COMMONS.search(url)
    if not match:
        return None
    kind, version = match["kind"].lower(), match["version"] or ("1.0" if match["dedication"] else "")
    if match["dedication"]:
        return "CC0-1.0" if kind == "zero" else "CC-PDDC" if kind == "mark" else None
    parts = kind.split("-")
    if not version or not set(parts) <= {"by", "nc", "nd", "sa"}:
        return None
    return f"CC-{kind.upper()}-{version}"


_ISO = re.compile(
    r"(\d{4})[-/](\d{1,2})(?:[-/](\d{1,2}))?"
    r"(?:[T ]\s?(\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(?:Z|[+-]\d{2}:?\d{2})?))?"
)
_COMPACT = re.compile(r"(\d{4})(0[1-9]|1[0-2])([0-2]\d|3[01])")
_DAY_MONTH = re.compile(r"\b(?P<day>\d{1,2})\.?\s+(?P<month>[A-Za-z]{3,9})\.?,?\s+(?P<year>\d{4})\b")
_MONTH_DAY = re.compile(r"\b(?P<month>[A-Za-z]{3,9})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})\b")
_MONTHS = {name: k for k, name in enumerate(re.findall("...", "janfebmaraprmayjunjulaugsepoctnovdec"), 1)}
_CREATIVE_COMMONS = re.compile(
    r"creativecommons\.org/(?:licenses|(?P<dedication>publicdomain))/(?P<kind>[a-z-]{2,20})(?:/(?P<version>\d\.\d))?",
    re.IGNORECASE,
)
