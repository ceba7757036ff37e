"""Values that point at a person or open a door, masked where they stand: what PII filters of published corpora do.

    email        addresses of e-mail
    phone        E.164 (+49 30 …, 0049 30 …) and national forms, with extensions
    ip           public IPv4 and IPv6 addresses; not private, reserved, multicast or of documentation
    iban         bank accounts: length of the country and ISO 7064 mod 97-10
    card         payment cards: issuer's range and length, Luhn's check digit
    national_id  identity, insurance and tax numbers of some forty countries, with check digits or a form of their own
    secret       keys, tokens and passwords in code (processors/code/secrets.py)

How they are found is told in processors/privacy. Each kind is masked, or drops the document, or is kept and only
counted: `mask`, `drop`, `keep`. A mask is a span: the stored text is not rewritten. Masks are never found again, so a
masked text is left as it is.

    variant     acts on             a mask is                        drops a document with more than
    gristmill   every kind          <email>                          —
    fineweb     e-mail, ip          email@example.com, one of six    —
                                    addresses that answered nobody
    dolma       e-mail, phone, ip   |||EMAIL_ADDRESS|||, blanks      5 of them
                                    around it

What differs from them: datatrove's pattern takes every four numbers with dots, and no IPv6; it goes through its
replacements in the order of all documents, here the n-th value of a text takes the n-th. Dolma knows US phone numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import pyarrow as pa

from corpus.errors import RecipeError
from corpus.text import SPANS
from processors.code.secrets import secrets_in
from processors.filters.measure import Measures, buffers
from processors.filters.rule import BY_VARIANT, Rule, fill, in_force
from processors.filters.rule import SPANS as SPANS_NAME

Masks: TypeAlias = Mapping[str, tuple[str, ...]]  # for each kind what stands instead, in turn

KINDS = ("email", "phone", "ip", "iban", "card", "national_id", "secret")  # by number as in privacy/number.py
ACTIONS = ("mask", "drop", "keep")
OWN_MASKS: Masks = {kind: (f"<{kind}>",) for kind in KINDS}
FINEWEB_MASKS: Masks = {
    **OWN_MASKS,
    "email": ("email@example.com", "firstname.lastname@example.org"),
    "ip": (
        "22.214.171.124", "126.96.36.199", "188.8.131.52", "184.108.40.206", "220.127.116.11", "18.104.22.168",
    ),
}  # fmt: skip
DOLMA_MASKS: Masks = {
    **{kind: (f" |||{kind.upper()}||| ",) for kind in KINDS},
    "email": (" |||EMAIL_ADDRESS||| ",),
    "phone": (" |||PHONE_NUMBER||| ",),
    "ip": (" |||IP_ADDRESS||| ",),
}
MASKS: dict[str, Masks] = {"gristmill": OWN_MASKS, "fineweb": FINEWEB_MASKS, "dolma": DOLMA_MASKS}
_MASKED = {"gristmill": KINDS, "fineweb": ("email", "ip"), "dolma": ("email", "phone", "ip")}
_SECRET = KINDS.index("secret")


@dataclass(frozen=True)
class Privacy:
    """Scores are int64: how many values of each kind a text has, and `total`, of the kinds that are acted on.

    Attributes:
        variant: what is acted on, and how masks look.
        email, phone, ip, iban, card, national_id, secret: `mask`, `drop` (one value drops the document) or `keep` (it
            is counted and stays); "" is what the variant does.
        max_values: more values than that of the kinds acted on drop the document.
    """

    name: ClassVar[str] = "privacy"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("google-re2",)
    VARIANTS: ClassVar[dict[str, dict[str, float]]] = {
        "gristmill": {"max_values": float("inf")},
        "fineweb": {"max_values": float("inf")},
        "dolma": {"max_values": 5},
    }
    SOURCES: ClassVar[dict[str, str]] = {
        "gristmill": "our own",
        "fineweb": "datatrove `pipeline/formatters/pii.py`",
        "dolma": "dolma `configs/dolma-v1_6/mixing/cc-head.yaml`",
    }

    variant: str = "gristmill"
    email: str = ""
    phone: str = ""
    ip: str = ""
    iban: str = ""
    card: str = ""
    national_id: str = ""
    secret: str = ""
    max_values: float = BY_VARIANT

    def __post_init__(self) -> None:
        fill(self)
        for kind in KINDS:
            if not getattr(self, kind):
                object.__setattr__(self, kind, "mask" if kind in _MASKED[self.variant] else "keep")
            if getattr(self, kind) not in ACTIONS:
                raise RecipeError(
                    f"{self.name}: `{kind}` is {getattr(self, kind)!r}, it must be one of {', '.join(ACTIONS)}"
                )

    def number_settings(self) -> dict[str, object]:
        """What becomes of each kind, and the masks: spans and the total rest on them."""
        masks = MASKS[self.variant]
        return {kind: list(masks[kind]) if self._does(kind, "mask") else getattr(self, kind) for kind in KINDS}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """Counts of the values, and spans for those that are masked."""
        texts = measures.texts
        found = _values(texts)
        found = found[~_is_mask(texts, found, MASKS[self.variant])]
        missing = texts.is_null().to_numpy(zero_copy_only=False)
        cells = np.bincount(found[:, 0] * len(KINDS) + found[:, 3], minlength=len(KINDS) * len(texts))
        counts = cells.reshape(len(texts), len(KINDS))
        acted = [n for n, kind in enumerate(KINDS) if not self._does(kind, "keep")]
        columns = {kind: pa.array(counts[:, n].astype(np.int64), mask=missing) for n, kind in enumerate(KINDS)}
        columns["total"] = pa.array(counts[:, acted].sum(axis=1).astype(np.int64), mask=missing)
        masked = np.array([self._does(kind, "mask") for kind in KINDS])
        return columns | {SPANS_NAME: _spans(found[masked[found[:, 3]]], len(texts), MASKS[self.variant])}

    def rules(self) -> tuple[Rule, ...]:
        """Kinds that drop, then the number of all values."""
        dropping = (Rule(kind, kind, above=0) for kind in KINDS if self._does(kind, "drop"))
        return in_force(*dropping, Rule("many", "total", above=self.max_values))

    def _does(self, kind: str, action: str) -> bool:
        return bool(getattr(self, kind) == action)


def _values(texts: pa.Array) -> np.ndarray:
    """int64[m, 4]: text, start, end, kind of every value; sorted, without overlap."""
    from processors.privacy.scan import find

    secrets = _secrets(texts)
    bounds = np.searchsorted(secrets[:, 0], np.arange(len(texts) + 1))
    found = find(*buffers(texts), np.ascontiguousarray(secrets[:, 1:3]), bounds)
    together = np.concatenate([found, secrets])
    return together[np.lexsort((together[:, 1], together[:, 0]))]


def _secrets(texts: pa.Array) -> np.ndarray:
    rows = []
    for document, scalar in enumerate(texts):
        text = scalar.as_py() or ""
        spans = secrets_in(text)
        plain = not spans or text.isascii()
        at = last = 0
        for start, end, _ in spans:
            first = start if plain else at + len(text[last:start].encode())
            at, last = (end if plain else first + len(text[start:end].encode())), end
            rows.append((document, first, at, _SECRET))
    return np.array(rows, np.int64).reshape(-1, 4)


def _is_mask(texts: pa.Array, found: np.ndarray, masks: Masks) -> np.ndarray:
    """Whether what was found is what a mask of its kind looks like."""
    data, offsets = buffers(texts)
    sizes, is_mask = found[:, 2] - found[:, 1], np.zeros(len(found), np.bool_)
    for kind, words in masks.items():
        for word in words:
            mask = np.frombuffer(word.encode(), np.uint8)
            rows = np.flatnonzero((found[:, 3] == KINDS.index(kind)) & (sizes == len(mask)))
            starts = offsets[found[rows, 0]] + found[rows, 1]
            is_mask[rows] |= (data[starts[:, None] + np.arange(len(mask))] == mask).all(axis=1)
    return is_mask


def _spans(found: np.ndarray, rows: int, masks: Masks) -> pa.Array:
    """A list a row, null where a row has none; the n-th value of a kind in a text takes the kind's n-th mask."""
    counts = np.bincount(found[:, 0], minlength=rows)
    cells = found[:, 0] * len(KINDS) + found[:, 3]
    order = np.argsort(cells, kind="stable")
    firsts = np.searchsorted(cells[order], cells[order])
    turns = np.empty(len(found), np.int64)
    turns[order] = np.arange(len(found)) - firsts
    words = [word for kind in KINDS for word in masks[kind]]
    sizes = np.array([len(masks[kind]) for kind in KINDS])
    places = (np.cumsum(sizes) - sizes)[found[:, 3]] + turns % sizes[found[:, 3]]
    columns = [
        pa.array(np.ascontiguousarray(found[:, 1])),
        pa.array(np.ascontiguousarray(found[:, 2])),
        pa.array([f"{Privacy.name}.{kind}" for kind in KINDS], pa.string()).take(pa.array(found[:, 3])),
        pa.array(words, pa.string()).take(pa.array(places)),
    ]
    flat = pa.StructArray.from_arrays(columns, fields=list(SPANS.value_type))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, type=SPANS, mask=pa.array(counts == 0))
