"""One form for every spelling of a URL, so that two visits of a page can be told to be two visits of one page.

In: a URL as a crawl or a table states it. Out: its normal form. The rules are those under which no two different pages
collapse; what is left apart (``http`` and ``https``, ``www.``, a slash at the end, ``index.html``) falls as a
duplicate by its text wherever it is one.

- The WHATWG URL standard's parser (Ada): case of scheme and host, IDNA (UTS 46), default ports, dot segments,
  backslashes, blanks. A dot at the end of the host goes: it names the same host.
- RFC 3986 6.2.2: escapes of unreserved characters are undone, the others are written in capitals.
- The fragment goes, for it never reaches the server, unless it begins with ``!`` or ``/``: pages that are drawn from
  their fragment (``#!`` was Google's AJAX crawling scheme).
- Parameters that name a click, not a page, go (`TRACKING`: names under which advertising and mailing services write
  that they do so; the same names stand in the lists of Firefox and Brave). Names that may also choose a page (`ref`,
  `source`, `id`, `campaign`) stay.
- Session ids go, by the shapes that the Internet Archive's canonicaliser knows (IAURLCanonicalizer: PHP, ASP,
  ColdFusion, ASP.NET's ``/(S(...))/``), and the path parameter ``;jsessionid`` of the Servlet specification (7.1.3).
- Parameters are sorted by name where every one has a value; those of one name keep their order.
"""

import re

from ada_url import URL, normalize_url

TRACKING = frozenset(
    """
    gclid gclsrc dclid gbraid wbraid gad_source gad_campaignid srsltid _ga _gl
    fbclid igsh igshid msclkid twclid ttclid li_fat_id rdt_cid sccid epik
    yclid ymclid ysclid _openstat
    mc_cid mc_eid mkt_tok _kx vero_id vero_conv oly_anon_id oly_enc_id ml_subscriber ml_subscriber_hash
    _hsenc _hsmi __hsfp __hssc __hstc hsctatracking
    irclickid rb_clickid wickedid s_cid
    pk_campaign pk_kwd pk_keyword pk_source pk_medium pk_content pk_cid
    """.split()  # noqa: SIM905 - reads better than fifty quotes
)
TRACKING_PREFIXES = ("utm_", "mtm_")  # Google Analytics, Matomo

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_SESSION = re.compile(
    r"(?:jsessionid|phpsessid)=[0-9a-z!.,_-]{16,}|sid=[0-9a-z]{32}|aspsessionid[a-z]{8}=[a-z]{24}|"
    r"cfid=[0-9]+|cftoken=[0-9a-f-]{8,}",
    re.IGNORECASE,
)
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/;]*|/\((?:[a-z]\([0-9a-z]{24}\))+\)(?=/)", re.IGNORECASE)


def normalized(url: str) -> str:
    """The normal form of a URL; text that is no URL comes back without blanks around it."""
    try:
        href = normalize_url(url)
    except ValueError:
        return url.strip()
    if not href.startswith(("http://", "https://")):
        return href
    address, _, fragment = href.partition("#")
    address, _, query = address.partition("?")
    slash = address.index("/", 8)
    origin, path = address[:slash], address[slash:]
    if origin.endswith("."):
        origin = origin.rstrip(".") if origin.strip("htps:/.") else origin
    path = _escapes(path)
    if ";" in path or "/(" in path:
        path = _SESSION_IN_PATH.sub("", path)
    if query:
        query = _query(_escapes(query))
    kept = fragment if fragment.startswith(("!", "/")) else ""
    return origin + path + (f"?{query}" if query else "") + (f"#{kept}" if kept else "")


def host_of(url: str) -> str:
    """The host of a URL, in lower case and ASCII, without a dot at its end; empty where there is none."""
    try:
        return URL(url).hostname.rstrip(".")
    except ValueError:
        return ""


def _escapes(text: str) -> str:
    return _ESCAPE.sub(_escape, text) if "%" in text else text


def _escape(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if _UNRESERVED.match(character) else found[0].upper()


def _query(query: str) -> str:
    kept = [parameter for parameter in query.split("&") if parameter and not _is_of_a_visit(parameter)]
    if all("=" in parameter for parameter in kept):
        kept.sort(key=lambda parameter: parameter.partition("=")[0])
    return "&".join(kept)


def _is_of_a_visit(parameter: str) -> bool:
    name = parameter.partition("=")[0].lower()
    return name in TRACKING or name.startswith(TRACKING_PREFIXES) or bool(_SESSION.fullmatch(parameter))
