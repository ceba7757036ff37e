"""Which licence a text is: the whole text of LICENSE and COPYING files, and the notices at the head of source files.

Both come in as they are; what counts is the sequence of their words, lower case, without signs. A licence is known by
phrases that all must stand in it, and by phrases of its kin that must not; the phrases are quotations from the
licences themselves (SPDX list 3.29).

Several licences in one text are joined by AND, or by OR where the text leaves the choice.
"""

import re

from processors.code.expression import both, either, named, spdx
from processors.code.licence_tables import HOLDS, LONG, RIDERS, SHORT

LONGEST = 1 << 17  # characters of a licence file that are read; the longest licences have 2^16

_BODY = 8000  # characters; where the terms begin after the title, at the latest: LGPL 2.1 has a preamble of 6,000
_PREAMBLE = 2000  # characters in which a text says that its licences are a choice; later ones are of bundled parts
_LOOSE = 900  # words: a longer text that quotes no licence whole is another licence, whatever it speaks of

_SIGNS = str.maketrans({sign: " " for sign in map(chr, range(128)) if not (sign.isalnum() or sign in ".+")})
_SIGNS |= str.maketrans(dict.fromkeys("“”‘’«»–—©®™§·•…", " "))
_FULL_STOP = re.compile(r"\.(?!\d)")


def words_of(text: str) -> str:
    """Its words, lower case, a blank before and after each; full stops only stay inside numbers."""
    return f" {' '.join(_FULL_STOP.sub(' ', text.lower()).translate(_SIGNS).split())} "


_CREATIVE = re.compile(
    r" (?:creative commons (?:legal code )?)?(attribution(?: non ?commercial)?(?: share ?alike| no ?deriv(?:ative)?s)?)"
    r" ([1-4]\.[05])(?: international| unported| generic| legal code)? "
)
_GNU = re.compile(
    r" (?:under|terms of|terms|licen[cs]ed?|by|of|either|or|and|a|to) (?:the )?(?:conditions of the )?(?:fsf s )?"
    r"(?:gnu (?:(affero|lesser|library) )?general public licen[cs]e|(?:gnu )?([al]?gpl))(?: ?v?(?=[ \d]))"
)
_GNU_FAMILIES = ("GPL", "LGPL", "AGPL")
_VERSION = re.compile(r"^ ?v?([123](?:\.[01])?)(?:\.0)?\+? | (?:version|v) ?([123](?:\.[01])?)(?:\.0)?\+? ")
_LATER = re.compile(r" any later version | or (?:any )?(?:later|newer|above|greater) |[123]\+ ")
_CHOICE = re.compile(
    r" dual(?:ly)? licen| alternatively (?:the|this|you|it) .{0,80}(?:licen|terms)"
    r"| (?:under|terms of)(?: the terms of)? either "
    r"| either of the(?:se)? (?:\w+ )?licen| your choice | at your option (?!any )| or (?:mit|apache|bsd|gnu|gpl|lgpl) "
    r"| or (?:under )?the (?:terms of the )?(?:mit|apache|bsd|gnu|gpl|lgpl) "
)
_UNDER = re.compile(
    r" (?:licensed|licenced|released|distributed|available|provided|published|redistributed|used|covered|license|is)"
    r"(?: \w+){0,3}? (?:under|by) (?:the )?(?:terms of )?(?:both |either )?(?:the |a |an )?"
    r"([^ ](?:.{0,48}?[^ ])?) licen[cs]es? "
)
_NAMED = re.compile(
    r" licen[cs]e(?: is)?(?: the)? (mit|isc|apache 2.0|mpl 2.0|bsd [23] clause|unlicense|zlib|wtfpl) "
    r"| (mit|isc|apache 2.0|bsd [23] clause) licensed | or (?:the )?(mit|isc|apache 2.0|bsd [23] clause) licen[cs]e "
    r"| licen[cs]e ([23] clause bsd) | (mit|isc|bsd [23] clause) licen[cs]e (?:see|http|https|copyright) "
)

# Notices that name a licence without quoting it: (licence, words that do).
_NOTICES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("Apache-2.0", re.compile(r" apache (?:software )?licen[cs]e (?:version |v ?)?2(?:\.0)? | licenses license 2.0 ")),
    ("MPL-2.0", re.compile(r" terms of the mozilla public license (?:v|version) 2.0 ")),
    ("MPL-1.1", re.compile(r" mozilla public license version 1.1 ")),
    ("EPL-2.0", re.compile(r" eclipse public license (?:v|version) ?2.0 ")),
    ("EPL-1.0", re.compile(r" eclipse public license (?:v|version) ?1.0 ")),
    ("CDDL-1.0", re.compile(r" terms of the common development and distribution license ")),
    ("BSL-1.0", re.compile(r" under the boost software license version 1.0 ")),
    ("CC0-1.0", re.compile(r" under (?:the )?(?:cc0|creative commons (?:cc0|zero)) | commons zero 1.0 universal ")),
    ("FTL", re.compile(r" terms of the freetype project license ")),
    ("SGI-B-2.0", re.compile(r" sgi free software license b version 2.0 ")),
    ("PSF-2.0", re.compile(r" licensed to (?:psf|the python software foundation) under a contributor agreement ")),
    ("Artistic-1.0-Perl OR GPL-1.0-or-later", re.compile(r" under the same (?:terms|license) as perl ")),
    ("MIT", re.compile(r" under the same terms as lua ")),
    ("MIT OR Unlicense", re.compile(r" under the unlicense and mit licenses ")),
)


def licence_of_text(text: str) -> str | None:
    """The licence that a LICENSE or COPYING file holds or names, or None."""
    words = words_of(text[:LONGEST])
    if any(rider in words for rider in RIDERS):
        found = [licence for licence in _quoted(words) if licence.startswith(("BUSL", "FSL"))]
        return found[0] if found else None
    quoted = _quoted(words)
    short = words.count(" ") < _LOOSE
    if quoted:
        return _joined(quoted + (_gnu(words) + _noted(words) if short else []), words)
    return (notice_in(words) or named(text[:200])) if short else None


def notice_in(words: str) -> str | None:
    """The licence that a notice quotes or names, from `words_of`; None where none is."""
    found = _outermost(_short_ones(words))
    if not found:
        found = _gnu(words) + _noted(words)
        for pattern in (_UNDER, _NAMED):
            known = [named(match[match.lastindex or 0]) for match in pattern.finditer(words)]
            found += [licence for licence in known if licence]
        if len(set(found)) == 1 and _CHOICE.search(words, 0, _PREAMBLE) and " OR " not in found[0]:
            return None  # one of several, and the other is not known
    return _joined(found, words)


def _quoted(words: str) -> list[str]:
    """The licences whose text stands there, in the order of the tables."""
    found = []
    for licence, title, phrase in LONG:
        start = words.find(f" {title}")
        if start >= 0 and words.find(phrase, start, start + _BODY) >= 0:
            found.append(licence)
    for match in _CREATIVE.finditer(words[:_BODY]) if " attribution " in words else ():
        if match.start() > 500 and len(words) > _BODY:
            break  # another text that speaks of it
        terms = re.sub(r" ?non ?commercial", "-NC", match[1].removeprefix("attribution"))
        terms = re.sub(r" share ?alike", "-SA", re.sub(r" no ?deriv\w*", "-ND", terms))
        found.append(spdx(f"CC-BY{terms}-{match[2]}") or "")
    found += _short_ones(words)
    return _outermost(found)


def _outermost(found: list[str]) -> list[str]:
    """Without those whose words belong to another one found."""
    held = {each for licence in found for each in HOLDS.get(licence, ())}
    return [licence for licence in found if licence and licence not in held]


def _short_ones(words: str) -> list[str]:
    """The short licences that stand there whole."""
    found = []
    for licence, first, size, phrases, barred in SHORT:
        start = words.find(first)
        while start >= 0:
            part = words[max(0, start - 100) : start + size]
            if all(phrase in part for phrase in phrases) and not any(phrase in part for phrase in barred):
                found.append(licence)
                break
            start = words.find(first, start + len(first))
    return found


def _joined(found: list[str], words: str) -> str | None:
    if len(set(found)) < 2:
        return found[0] if found else None
    choice = _CHOICE.search(words, 0, _PREAMBLE)
    return (either if choice else both)(found)


def _noted(words: str) -> list[str]:
    return [licence for licence, notice in _NOTICES if notice.search(words)]


def _gnu(words: str) -> list[str]:
    """GNU licences by name; the version is the first number that follows soon, any if there is none."""
    found: dict[str, str] = {}
    for match in _GNU.finditer(words):
        kind = match[1] or (match[2] or "")[:-3]
        family = {"affero": "AGPL", "a": "AGPL", "lesser": "LGPL", "library": "LGPL", "l": "LGPL"}.get(kind, "GPL")
        after = words[match.end() - 1 : match.end() + 200]
        number = _VERSION.search(after, 0, 110)  # farther off it is the version of something else
        later = "or-later" if number is None or _LATER.search(after) else "only"
        version = (number[1] or number[2]) if number else {"GPL": "1", "LGPL": "2", "AGPL": "1"}[family]
        licence = spdx(f"{family}-{version if '.' in version else version + '.0'}-{later}")
        if licence and (number or family not in found):
            found.setdefault(family if number is None else f"{family}{version}", licence)
    versions = [licence for key, licence in found.items() if key not in _GNU_FAMILIES]
    return versions or list(found.values())
