"""The words by which licences are known: quotations from their texts (SPDX list 3.29), lower case, without signs."""

_PERMISSION = "permission is hereby granted free of charge to any person obtaining a copy of this software"
_TO_ORGANISATIONS = "permission is hereby granted free of charge to any person or organization obtaining a copy"
_NOTICE = "copyright notice and this permission notice"
_AS_IS = "without warranty of any kind"
_NO_ENDORSING = "except as contained in this notice"
_NOTHING_ELSE = "the software is furnished to do so the software is provided as is"
_REDISTRIBUTION = "redistribution and use in source and binary forms with or without"
_SOURCE = "redistributions of source code must retain the"
_BINARY = "redistributions in binary form must reproduce the"
_ADVERTISING = "all advertising materials mentioning"
_DERIVED = "endorse or promote products"
_ANY_PURPOSE = "for any purpose with or without fee"
_ISC_OLD = f"modify and distribute this software {_ANY_PURPOSE}"
_ISC = f"modify and or distribute this software {_ANY_PURPOSE}"
_IN_COPIES = "appear in all copies"
_ZLIB = "this software is provided as is without any express or implied warranty"
_ZLIB_TERMS = ("the origin of this software must not be misrepresented", "this notice may not be removed or altered")
_OTHER_ZLIB = ("bzip2", "acknowledgment in the product documentation is required")
_UNLICENSE = "this is free and unencumbered software released into the public domain"
_POSTGRESQL = "for any purpose without fee and without a written agreement is hereby granted"
_CURL_NAME = "except as contained in this notice the name of a copyright holder"
_OTHER_BSD = (
    "patent", "apache software", "openssl", "the php", "nuclear", "military", "acknowledg", "branding", "you must not",
    "trademark", "must be identified", "first lines", "information on how to obtain", "views and conclusions",
)  # fmt: skip
_OTHER_MIT = (_SOURCE, "not evil", "advertising", "binary forms")
_ASF = ("apache software foundation", "acknowledgment")
_NO_PATENTS = "no express or implied licenses to any party"
_PATENTS = "grants to those receiving rights"
_DISCLAIMERS = "following disclaimers"

# The short licences: (identifier, words it begins with, characters it takes, other phrases that must stand there,
# phrases of its kin, of which none may).
SHORT: tuple[tuple[str, str, int, tuple[str, ...], tuple[str, ...]], ...] = (
    ("MIT", _PERMISSION, 750, (_NOTICE, _AS_IS), _OTHER_MIT),
    ("X11", _PERMISSION, 1500, (_NOTICE, _AS_IS, _NO_ENDORSING), ()),
    ("MIT-0", _PERMISSION, 1000, (_AS_IS, _NOTHING_ELSE), ()),
    ("JSON", _PERMISSION, 1200, ("the software shall be used for good not evil",), ()),
    ("NCSA", _PERMISSION, 1500, (_SOURCE, _BINARY, _DISCLAIMERS), (_NOTICE,)),
    ("BSD-4-Clause", _REDISTRIBUTION, 1900, (_SOURCE, _BINARY, _ADVERTISING, _DERIVED), ("apache", "openssl", "zend")),
    ("BSD-3-Clause", _REDISTRIBUTION, 1700, (_SOURCE, _BINARY, _DERIVED), (_ADVERTISING, *_OTHER_BSD)),
    ("BSD-2-Clause", _REDISTRIBUTION, 1400, (_SOURCE, _BINARY), (_ADVERTISING, _DERIVED, *_OTHER_BSD)),
    ("BSD-3-Clause-Clear", _REDISTRIBUTION, 2000, (_SOURCE, _BINARY, _NO_PATENTS), ()),
    ("BSD-2-Clause-Patent", _REDISTRIBUTION, 3500, (_SOURCE, _BINARY, _PATENTS), ()),
    ("BSD-2-Clause-Views", _REDISTRIBUTION, 1900, (_SOURCE, _BINARY, "views and conclusions"), (_DERIVED,)),
    ("Apache-1.1", _REDISTRIBUTION, 2500, (_SOURCE, _BINARY, *_ASF), ()),
    ("ISC", _ISC_OLD, 400, (_IN_COPIES,), ("name of",)),
    ("ISC", _ISC, 400, (_IN_COPIES,), ("name of",)),
    ("0BSD", _ISC, 400, ("the software is provided",), (_IN_COPIES,)),
    ("Zlib", _ZLIB, 1100, _ZLIB_TERMS, _OTHER_ZLIB),
    ("BSL-1.0", _TO_ORGANISATIONS, 1500, ("machine executable object code",), ()),
    ("Unlicense", _UNLICENSE, 1300, ("in jurisdictions that recognize copyright laws",), ()),
    ("PostgreSQL", _POSTGRESQL, 1000, ("use copy modify and distribute this software",), ()),
    ("curl", _ANY_PURPOSE, 1000, (_CURL_NAME,), ()),
    ("Beerware", "the beer ware license", 600, ("can do whatever you want with this stuff",), ()),
)

# The long ones: (identifier, title or first words, a phrase that follows soon). Where a title stands without the rest,
# the text only speaks of the licence.
LONG: tuple[tuple[str, str, str], ...] = (
    ("AGPL-3.0-only", "gnu affero general public license version 3 19 november 2007", " 0 definitions "),
    ("LGPL-2.1-only", "gnu lesser general public license version 2.1 february 1999", "terms and conditions for"),
    ("LGPL-2.0-only", "gnu library general public license version 2 june 1991", "terms and conditions for"),
    ("LGPL-3.0-only", "gnu lesser general public license version 3 29 june 2007", "0 additional definitions"),
    ("GPL-3.0-only", "gnu general public license version 3 29 june 2007", " 0 definitions "),
    ("GPL-2.0-only", "gnu general public license version 2 june 1991", "terms and conditions for"),
    ("GPL-1.0-only", "gnu general public license version 1 february 1989", "0 this license agreement applies"),
    ("Apache-2.0", "apache license version 2.0 january 2004", "1 definitions"),
    ("MPL-2.0", "mozilla public license version 2.0", "1 definitions 1.1 contributor"),
    ("MPL-1.1", "mozilla public license version 1.1", "1 definitions"),
    ("EPL-2.0", "eclipse public license v 2.0", "1 definitions"),
    ("EPL-1.0", "eclipse public license v 1.0", "1 definitions"),
    ("CPL-1.0", "common public license version 1.0", "1 definitions"),
    ("CDDL-1.0", "common development and distribution license cddl version 1.0", "1 definitions"),
    ("CDDL-1.1", "common development and distribution license cddl version 1.1", "1 definitions"),
    ("CC0-1.0", "cc0 1.0 universal", "statement of purpose"),
    ("WTFPL", "do what the fuck you want to public license", "you just do what the fuck you want to"),
    ("Artistic-2.0", "the artistic license 2.0", "verbatim copies of this license document"),
    ("Artistic-1.0-Perl", "the artistic license preamble", "the standard version"),
    ("Python-2.0", "python software foundation license version 2", "beopen python open source license"),
    ("PSF-2.0", "python software foundation license version 2", "license agreement is between the python software"),
    ("OFL-1.1", "sil open font license version 1.1", "obtaining a copy of the font software"),
    ("BlueOak-1.0.0", "blue oak model license version 1.0.0", "each contributor licenses you"),
    ("MS-PL", "microsoft public license ms pl", "1 definitions"),
    ("MS-RL", "microsoft reciprocal license ms rl", "1 definitions"),
    ("EUPL-1.2", "european union public licence v 1.2", "1 definitions"),
    ("EUPL-1.1", "european union public licence v 1.1", "1 definitions"),
    ("AFL-3.0", "academic free license version 3.0", "grant of copyright license"),
    ("AFL-3.0", "academic free license v 3.0", "grant of copyright license"),
    ("OSL-3.0", "open software license v 3.0", "grant of copyright license"),
    ("UPL-1.0", "the universal permissive license upl version 1.0", "subject to the condition"),
    ("MulanPSL-2.0", "mulan permissive software license version 2", "grant of copyright license"),
    ("ECL-2.0", "educational community license version 2.0", "1 definitions"),
    ("ZPL-2.1", "zope public license zpl version 2.1", _REDISTRIBUTION),
    ("PHP-3.01", "the php license version 3.01", _REDISTRIBUTION),
    ("ODbL-1.0", "odc open database license odbl", "1.0 definitions of capitalised words"),
    ("PDDL-1.0", "odc public domain dedication and licence pddl", "1.0 definitions"),
    ("GFDL-1.3-only", "gnu free documentation license version 1.3", "applicability and definitions"),
    ("GFDL-1.2-only", "gnu free documentation license version 1.2", "applicability and definitions"),
    ("LPPL-1.3c", "the latex project public license lppl version 1.3c", "conditions on distribution and modification"),
    ("BUSL-1.1", "business source license 1.1", "change date"),
    ("SSPL-1.0", "server side public license version 1", "terms and conditions"),
    ("Elastic-2.0", "elastic license 2.0", "limitations"),
    ("FSL-1.1-MIT", "functional source license version 1.1 mit future license", "competing use"),
    ("FSL-1.1-ALv2", "functional source license version 1.1 alv2 future license", "competing use"),
    ("PolyForm-Noncommercial-1.0.0", "polyform noncommercial license 1.0.0", "noncommercial purposes"),
    ("Sleepycat", "must be accompanied by information on how to obtain complete source code", _REDISTRIBUTION),
    ("Hippocratic-2.1", "hippocratic license version number 2.1", "human rights"),
)

# Licences whose text holds that of others.
HOLDS = {
    "Python-2.0": ("PSF-2.0", "0BSD", "ISC"),
    "LGPL-3.0-only": ("GPL-3.0-only",),
    "Sleepycat": ("BSD-3-Clause", "BSD-2-Clause"),
    "X11": ("MIT",),
    "curl": ("ISC",),
}

# These take back what the licence they are put on gives, so no identifier says what holds.
RIDERS = ("commons clause", "functional source license", "business source license", "fair source license")
