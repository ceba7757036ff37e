"""What licence a phrase means: SPDX expressions checked and written in one way, and the names people use instead.

`spdx` takes what claims to be an expression ("MIT OR Apache-2.0", "GPL-2.0+"), `named` also what people write in
package metadata ("Apache License, Version 2.0", "MIT/X11", "License :: OSI Approved :: BSD License"). Both give a
normalised expression (SPDX 2.3 annex D; identifiers as license-expression carries them) or None.
"""

import re
from functools import cache, lru_cache
from typing import Any

PUBLIC_DOMAIN = "LicenseRef-scancode-public-domain"  # SPDX has no identifier for it; ScanCode's is the one in use
LONGEST = 1000  # characters of an expression worth reading; the longest seen in package metadata are near 300
_DEEPEST = 20  # brackets within brackets


@lru_cache(1 << 12)
def spdx(text: str) -> str | None:
    """The expression with identifiers in SPDX's spelling, or None if it is none or names an unknown licence."""
    tree = parsed(text)
    return None if tree is None else str(tree.render("{symbol.key}"))


@lru_cache(1 << 12)
def parsed(text: str) -> Any:
    """The expression as license-expression's tree of symbols, ANDs and ORs; None as for `spdx`."""
    from boolean.boolean import ParseError
    from license_expression import ExpressionError

    words = text.strip()
    if not words or len(words) > LONGEST or words.count("(") > _DEEPEST or not words.isascii():
        return None
    try:
        tree = _licensing().parse(words, validate=True, strict=True)
    except (ExpressionError, ParseError):
        return None
    if tree is None or any(key.startswith("LicenseRef") and key != PUBLIC_DOMAIN for key in _keys(tree)):
        return None
    return tree.simplify()


def both(expressions: list[str]) -> str | None:
    """The expression that asks for all of those at once."""
    distinct = list(dict.fromkeys(expressions))
    if not distinct:
        return None
    return spdx(" AND ".join(f"({one})" if " OR " in one else one for one in distinct))


def either(expressions: list[str]) -> str | None:
    """The expression that leaves the choice."""
    distinct = list(dict.fromkeys(expressions))
    return spdx(" OR ".join(f"({one})" if " AND " in one else one for one in distinct)) if distinct else None


def _keys(tree: Any) -> list[str]:
    return [str(key) for key in _licensing().license_keys(tree)]


@cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


_GNU = {"gpl": "GPL", "lgpl": "LGPL", "agpl": "AGPL"}
_GNU_VERSIONS = {"GPL": ("1.0", "2.0", "3.0"), "LGPL": ("2.0", "2.1", "3.0"), "AGPL": ("1.0", "3.0")}

# Names without "the", "license", "version", blanks, signs and a leading "v" before numbers.
_NAMES = {
    "mit": "MIT", "expat": "MIT", "mitexpat": "MIT", "expatmit": "MIT", "mitx11": "MIT", "x11mit": "MIT", "mitx": "MIT",
    "mit0": "MIT-0", "mitnoattribution": "MIT-0", "x11": "X11",
    "apache2": "Apache-2.0", "apache20": "Apache-2.0", "apachesoftware20": "Apache-2.0", "asl20": "Apache-2.0",
    "apachesoftware2": "Apache-2.0", "asl2": "Apache-2.0", "apache11": "Apache-1.1", "al20": "Apache-2.0",
    "apachesoftware": "Apache-2.0",  # what PyPI's classifier says of every version
    "bsd2clause": "BSD-2-Clause", "2clausebsd": "BSD-2-Clause", "bsd2": "BSD-2-Clause", "simplifiedbsd": "BSD-2-Clause",
    "freebsd": "BSD-2-Clause", "bsdsimplified": "BSD-2-Clause", "bsd3clause": "BSD-3-Clause", "bsd3": "BSD-3-Clause",
    "3clausebsd": "BSD-3-Clause", "newbsd": "BSD-3-Clause", "modifiedbsd": "BSD-3-Clause",
    "revisedbsd": "BSD-3-Clause", "bsdnew": "BSD-3-Clause", "bsd4clause": "BSD-4-Clause", "bsd4": "BSD-4-Clause",
    "bsd0clause": "0BSD", "0bsd": "0BSD", "zeroclausebsd": "0BSD", "bsdzeroclause": "0BSD",
    "isc": "ISC", "iscl": "ISC", "zlib": "Zlib", "zliblibpng": "Zlib", "libpng": "Libpng",
    "unlicense": "Unlicense", "wtfpl": "WTFPL", "dowhatfuckyouwanttopublic": "WTFPL", "boost": "BSL-1.0",
    "boostsoftware": "BSL-1.0", "boostsoftware10": "BSL-1.0", "bsl10": "BSL-1.0", "boost10": "BSL-1.0",
    "mpl2": "MPL-2.0", "mpl20": "MPL-2.0", "mozillapublic20": "MPL-2.0", "mozillapublic2": "MPL-2.0",
    "mozillapublic20mpl20": "MPL-2.0", "mpl11": "MPL-1.1", "mozillapublic11": "MPL-1.1", "mpl10": "MPL-1.0",
    "epl10": "EPL-1.0", "eclipsepublic10": "EPL-1.0", "epl20": "EPL-2.0", "eclipsepublic20": "EPL-2.0",
    "eclipsepublic2": "EPL-2.0", "epl2": "EPL-2.0", "epl1": "EPL-1.0", "cddl10": "CDDL-1.0", "cddl11": "CDDL-1.1",
    "commondevelopmentanddistribution10": "CDDL-1.0", "edl10": "BSD-3-Clause", "eclipsedistribution10": "BSD-3-Clause",
    "cc0": "CC0-1.0", "cc010": "CC0-1.0", "cc010universal": "CC0-1.0", "creativecommonszero": "CC0-1.0",
    "ccby40": "CC-BY-4.0", "ccbysa40": "CC-BY-SA-4.0", "ccby30": "CC-BY-3.0", "ccbysa30": "CC-BY-SA-3.0",
    "psf": "PSF-2.0", "psf2": "PSF-2.0", "psfl": "PSF-2.0", "pythonsoftwarefoundation": "PSF-2.0",
    "python": "Python-2.0", "python20": "Python-2.0", "artistic2": "Artistic-2.0", "artistic20": "Artistic-2.0",
    "perl5": "Artistic-1.0-Perl OR GPL-1.0-or-later", "perl": "Artistic-1.0-Perl OR GPL-1.0-or-later",
    "zpl21": "ZPL-2.1", "zopepublic": "ZPL-2.1", "ncsa": "NCSA", "universityofillinoisncsaopensource": "NCSA",
    "postgresql": "PostgreSQL", "ofl11": "OFL-1.1", "silopenfont11": "OFL-1.1", "openssl": "OpenSSL", "ruby": "Ruby",
    "vim": "Vim", "upl": "UPL-1.0", "eupl12": "EUPL-1.2", "eupl11": "EUPL-1.1", "blueoak100": "BlueOak-1.0.0",
    "cc010universalpublicdomaindedication": "CC0-1.0", "publicdomain": PUBLIC_DOMAIN, "pd": PUBLIC_DOMAIN,
    "hpnd": "HPND", "php301": "PHP-3.01", "cecillb": "CECILL-B", "cecillc": "CECILL-C",
    "mulanpsl2": "MulanPSL-2.0", "wtfpl2": "WTFPL", "mulanpsl20": "MulanPSL-2.0",
}  # fmt: skip
_NOISE = re.compile(r"\b(?:the|licen[cs]es?|licen[cs]ed|under|version|ver|terms|osi|approved)\b|\bv(?=\d)|[^a-z0-9]+")
_LATER = re.compile(r"\+|or[ -](?:any[ -])?(?:later|newer|greater)|or[- ]\(at your option\)|>=|\bany later\b")
_OR = r"\s+or\s+(?!(?:any|later|newer|above|greater)\b|\(?at your)|\s*/\s*|\s*\|\|?\s*"
_CLASSIFIER = re.compile(r"\s*license\s*::\s*(?:osi approved\s*::\s*)?(?:dfsg approved\s*::\s*)?", re.I)


@lru_cache(1 << 12)
def named(text: str) -> str | None:
    """The expression for what a person wrote; None where that does not tell one licence ("BSD", "GPL", "see file")."""
    words = " ".join(text.split())
    if not words or len(words) > LONGEST:
        return None
    words = _CLASSIFIER.sub("", words).strip(" .'\"")
    if "://" in words[:8]:
        return _linked(words.lower())
    found = spdx(words) or _short(words.lower())
    if found:
        return found
    inner = words[1:-1] if words.startswith("(") and words.endswith(")") else words
    for sign, join in ((_OR, either), (r"\s+and\s+|\s*[,;&]\s*", both)):
        parts = [part for part in re.split(sign, inner, flags=re.I) if part]
        if 1 < len(parts) < 8:
            known = [spdx(part) or _one(part) for part in parts]
            if all(known):
                return join([one for one in known if one])
    return _gnu(words.lower())


_LINKS = (
    (re.compile(r"//(?:www\.)?creativecommons\.org/licenses/(by(?:-\w\w)*)/(\d\.\d)"), "CC-{}-{}"),
    (re.compile(r"//(?:www\.)?creativecommons\.org/publicdomain/(zero)/1\.0"), "CC0-1.0"),
    (re.compile(r"//(?:www\.)?gnu\.org/licenses/(?:old-licenses/)?([al]?gpl-\d\.\d)"), "{}-only"),
    (re.compile(r"//(?:www\.)?apache\.org/licenses/license-(2\.0)"), "Apache-{}"),
    (re.compile(r"//(?:www\.)?mozilla\.org/(?:en-us/)?mpl/(2\.0)"), "MPL-{}"),
    (re.compile(r"//(?:www\.)?(?:opensource|spdx)\.org/licenses?/([a-z0-9.-]+?)(?:\.(?:html|php|txt|json))?/?$"), "{}"),
)


def _linked(url: str) -> str | None:
    """The licence that a well-known address stands for."""
    for pattern, name in _LINKS:
        match = pattern.search(url)
        if match:
            return spdx(name.format(*match.groups()))
    return None


def _one(text: str) -> str | None:
    return _short(text.lower()) or _gnu(text.lower())


def _short(lower: str) -> str | None:
    """By the table, with and without what stands in brackets."""
    bare = re.sub(r"\([^()]*\)", " ", lower) if "(" in lower else lower
    for name in (lower, bare):
        found = _NAMES.get(_NOISE.sub("", name))
        if found:
            return spdx(found)
    return None


def _gnu(lower: str) -> str | None:
    match = re.search(r"\b([al]?gpl)", lower)
    if match:
        family = _GNU[match[1]]
    elif "general public" in lower:
        family = "AGPL" if "affero" in lower else "LGPL" if re.search(r"lesser|library", lower) else "GPL"
    else:
        return None
    number = re.search(r"(?<![\d.])([123])(?:\.([01]))?(?:\.0)?(?![\d.]*\d)", lower)
    if not number:
        return None
    version = f"{number[1]}.{number[2] or '0'}"
    if version not in _GNU_VERSIONS[family]:
        return None
    return spdx(f"{family}-{version}-{'or-later' if _LATER.search(lower) else 'only'}")
