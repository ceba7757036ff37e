"""Keys, tokens and passwords that stand in code.

A text comes in, spans and kinds go out: `[(start, end, kind), ...]` in characters, sorted, apart from each other. RE2
passes over the text twice, once for what announces a credential of known form and once for values given to names such
as `password`; both passes are linear in the text, whatever it holds. Only what they find is looked at in Python, which
refuses placeholders (`EXAMPLE`, `xxxx`, `${TOKEN}`), UUIDs, words and paths, and values of low entropy.

The forms are those that the issuers publish, as gitleaks (MIT) and detect-secrets (Apache-2.0) collect them.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

import re2

LEAST_ENTROPY = 3.0  # bits a character of a value that only its name makes a secret; English words lie below
MOST = 20_000  # places of one form that are looked at; a text with more of them is a list, not code
_LONGEST_KEY = 20_000  # bytes of a private key in its frame; RSA 16384 has 12,800

# What announces a credential of known form: as much of it as keeps the automaton small.
_ANNOUNCED = (
    r"A[KSBC][ICA]A[A-Z2-7]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_|gl[a-z]{2,5}-[A-Za-z0-9_]{20}|xox[abeoprs]-|xapp-"
    r"|hooks\.slack|[rs]k_(?:live|prod|test)_|whsec_|AIza|GOCSPX|ya29\.|npm_[A-Za-z0-9]{36}|pypi-Ag"
    r"|eyJ[A-Za-z0-9_-]{10}|AccountKey=|AccessKey=|SK[0-9a-f]{32}|SG\.[A-Za-z0-9_-]{22}|key-[0-9a-f]{32}|T3BlbkFJ"
    r"|sk-ant-|hf_[A-Za-z]{34}|:AA[A-Za-z0-9_-]{33}|shp(?:at|ca|pa|ss)_|do[opr]_v1_|dapi[0-9a-f]{32}|AGE-SECRET"
    r"|PRIVATE KEY|://[^\s:/@\"'<>`]{1,64}:[^\s:/@\"'<>`]{3,128}@"
)
# The forms: (kind, pattern); group 1, where there is one, is the secret.
_FORMS = (
    ("aws_access_key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    ("github_token", r"\bgh[pousr]_[A-Za-z0-9]{36,251}\b|\bgithub_pat_[A-Za-z0-9_]{82}\b"),
    ("gitlab_token", r"\bgl(?:pat|dt|rt|ptt|cbt|soat|ft|imt|agent)-[A-Za-z0-9_-]{20,64}"),
    ("slack_token", r"\bxox[abeoprs]-[A-Za-z0-9]{1,13}-[A-Za-z0-9-]{16,200}|\bxapp-\d-[A-Z0-9]{8,12}-\d+-\w{32,}"),
    ("slack_webhook", r"hooks\.slack\.com/(?:services|workflows)/T[A-Za-z0-9_]{8,12}/[A-Za-z0-9_/]{20,80}"),
    ("stripe_key", r"\b[rs]k_(?:live|prod|test)_[A-Za-z0-9]{20,120}\b|\bwhsec_[A-Za-z0-9+/]{32,80}"),
    ("google_api_key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("google_oauth", r"\bGOCSPX-[A-Za-z0-9_-]{28}|\bya29\.[A-Za-z0-9_-]{30,400}"),
    ("npm_token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("pypi_token", r"\bpypi-Ag(?:EIcHlwaS5vcmc|ENdGVzdC5weXBpLm9yZ)[A-Za-z0-9_-]{50,1000}"),
    ("jwt", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"),
    ("azure_key", r"\bAccountKey=([A-Za-z0-9+/]{86}==)|\bSharedAccessKey=([A-Za-z0-9+/]{42,43}=)"),
    ("twilio_key", r"\bSK[0-9a-f]{32}\b"),
    ("sendgrid_key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("mailgun_key", r"\bkey-[0-9a-f]{32}\b"),
    ("openai_key", r"\bsk-[A-Za-z0-9_-]{20,200}T3BlbkFJ[A-Za-z0-9_-]{20,200}"),
    ("anthropic_key", r"\bsk-ant-[a-z0-9]{3,8}-[A-Za-z0-9_-]{80,120}"),
    ("huggingface_token", r"\bhf_[A-Za-z]{34}\b"),
    ("telegram_token", r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    ("shopify_token", r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    ("digitalocean_token", r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    ("databricks_token", r"\bdapi[0-9a-f]{32}\b"),
    ("age_key", r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    (
        "private_key",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-[^-])*-----END [A-Z0-9 ]{0,60}-----",
    ),
    ("password_in_url", r"[a-z0-9+]://[^\s:/@\"'<>`]{1,64}:([^\s:/@\"'<>`]{3,128})@[A-Za-z0-9\[]"),
)
_NAME = (
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|private[_-]?key"
    r"|encryption[_-]?key|client[_-]?key|credentials?)[a-z0-9_-]{0,24}"
)
_ASSIGNED = (
    rf"(?im)({_NAME})[\"']?\]?\s{{0,3}}(?:=>|:=|===?|=|:)\s{{0,3}}[\"']([^\"'\s]{{8,200}})[\"']"
    rf"|^[ \t]{{0,16}}(?:export )?[a-z0-9_.-]{{0,40}}({_NAME})[ \t]{{0,3}}[:=][ \t]{{0,3}}"
    r"([a-z0-9+/=_.~-]{20,200})\r?$"
)


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = 1 << 26
    options.log_errors = False
    return re2.compile(pattern, options)


_ANY = _compiled(f"{_ANNOUNCED}|{_ASSIGNED}")
_ANNOUNCEMENT = _compiled(_ANNOUNCED)
_PATTERNS = tuple((kind, _compiled(pattern)) for kind, pattern in _FORMS)
_ASSIGNMENT = _compiled(_ASSIGNED)

_PLACEHOLDER = re.compile(
    rb"(?i)example|sample|dummy|placeholder|change.?me|redacted|replace|insert|your|x{4}|\*{3}|\.{3}|0{8}|123456789|abcdefg"
    rb"|foobar|<[a-z]|\$[{(]|\{\{|%[({s]|#\{|\$[a-z_]{3}"
)
_NO_SECRET_NAME = re.compile(
    rb"(?i)(?:name|type|ur[il]|path|file|dir|field|_id|length|len|size|count|regex?|pattern|prefix|suffix|format|label"
    rb"|header|param|endpoint|expir\w*|hash|hashed|digest|policy|class|hint|help|text|title|message|error|prompt|input"
    rb"|placeholder|store|provider|manager|service|env|var|ref|arn|version|kind|column|key_?path|public\w*|style|element)s?$"
)
_WORDS = re.compile(  # engine1_upgrades too
    rb"(?:[A-Za-z]+|[A-Za-z]{3,}\d{1,2})(?:[-_.](?:[A-Za-z]+|[A-Za-z]{3,}\d{1,2}))*[-_.]?\d{0,4}"
)
_UUID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.I)
_COMMON = frozenset(
    b"password pass passwd pwd secret user username test guest admin postgres root token mysql pw hunter2 letmein"
    b" qwerty 123 1234 12345 123456 pass123 password1 password123 test123 foo bar baz".split()
)


def secrets_in(text: str) -> list[tuple[int, int, str]]:
    """Start, end (in characters) and kind of every credential in the text, sorted; where two overlap, the first."""
    data = text.encode(errors="replace")
    if not _ANY.search(data):
        return []
    found = list(_of_known_form(data)) if _ANNOUNCEMENT.search(data) else []
    found += _assigned(data)
    apart: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(found, key=lambda each: (each[0], -each[1], each[2])):
        if not apart or start >= apart[-1][1]:
            apart.append((start, end, kind))
    return apart if len(data) == len(text) else _in_characters(apart, data)


def _of_known_form(data: bytes) -> Iterator[tuple[int, int, str]]:
    for kind, pattern in _PATTERNS:
        real = {"private_key": _key, "password_in_url": _password}.get(kind, _token)
        for match in islice(pattern.finditer(data), MOST):
            start, end = match.span()
            for group in range(1, (match.lastindex or 0) + 1):
                if match.span(group) != (-1, -1):
                    start, end = match.span(group)
            if real(data[start:end]):
                yield start, end, kind


def _token(value: bytes) -> bool:
    return not _PLACEHOLDER.search(value) and entropy(value) >= LEAST_ENTROPY


def _key(frame: bytes) -> bool:
    """Whether a key stands in the frame: code that reads keys has the two lines alone."""
    body = frame[:500].partition(b"KEY")[2]
    letters = re.sub(rb"\\n|[^A-Za-z0-9+/=]", b"", body)
    return len(letters) > 64 and len(frame) < _LONGEST_KEY and not _PLACEHOLDER.search(body)


def _password(value: bytes) -> bool:
    """Whether what stands between user and host of a URL is a password and no word of an example."""
    return not (
        value.lower() in _COMMON
        or _PLACEHOLDER.search(value)
        or _WORDS.fullmatch(value)
        or re.search(rb"[{}$%()\[\]|,;\\]", value)
        or len(set(value)) < 4
    )


def _assigned(data: bytes) -> list[tuple[int, int, str]]:
    found = []
    for match in islice(_ASSIGNMENT.finditer(data), MOST):
        bare = match[2] is None
        name, value = (match[3], match[4]) if bare else (match[1], match[2])
        if b"public" in data[max(0, match.start() - 10) : match.start()].lower():
            continue
        if not _NO_SECRET_NAME.search(name) and _random(value, bare):
            found.append((*match.span(4 if bare else 2), "assigned_secret"))
    return found


def _random(value: bytes, bare: bool) -> bool:
    """Whether a value looks made by a machine or a careful person: not a word, path, reference or placeholder."""
    if value.lower() in _COMMON or _PLACEHOLDER.search(value) or _UUID.fullmatch(value):
        return False
    if re.search(rb"[(){}\[\]<>|,;]|::|://|->|^[./~$@#&%-]|^[A-Za-z_]\w*(?:[.:/][A-Za-z_]\w*)+$", value):
        return False
    digits = sum(48 <= byte < 58 for byte in value)
    letters = sum(65 <= (byte & 0xDF) < 91 for byte in value)
    if digits < (3 if bare else 1) or not letters or entropy(value) < LEAST_ENTROPY + 0.5 * bare:
        return False
    return not _WORDS.fullmatch(value)


def entropy(value: bytes) -> float:
    """Shannon's, in bits a byte, of the bytes' frequencies in `value`; 0 for none."""
    total = len(value)
    return -sum(count / total * math.log2(count / total) for count in Counter(value).values())


def _in_characters(spans: list[tuple[int, int, str]], data: bytes) -> list[tuple[int, int, str]]:
    """The spans counted in characters instead of UTF-8 bytes; no span begins or ends within a character."""
    bounds = sorted({0, *(bound for start, end, _ in spans for bound in (start, end))})
    place = {0: 0}
    for before, after in pairwise(bounds):
        place[after] = place[before] + len(data[before:after].decode())
    return [(place[start], place[end], kind) for start, end, kind in spans]
