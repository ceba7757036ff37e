"""Digests that a WARC record states, against its bytes.

Crawlers agree on what a block is, not on what a payload is: some digest the body as it came, some with chunking undone,
some with content encodings undone. A digest of any of these fits.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

Verdict = Literal["holds", "mismatch", "unknown", "none"]

_ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")


def judge(fields: Mapping[str, str], block: bytes, payloads: Sequence[bytes]) -> Verdict:
    """What the digests of a record say. The payload's goes first: a crawler that edits HTTP heads breaks the block's.

    `unknown`: stated in an algorithm that is none of MD5, SHA-1 and SHA-2. A payload that the crawler has cut
    (`WARC-Truncated`) may well not be the one its digest was taken of; then the block's digest decides.
    """
    verdicts: list[Verdict] = []
    if stated := fields.get("warc-payload-digest"):
        verdicts.append(_fits(stated, payloads))
        if verdicts[0] == "holds" or (verdicts[0] == "mismatch" and "warc-truncated" not in fields):
            return verdicts[0]
    if stated := fields.get("warc-block-digest"):
        verdicts.append(_fits(stated, [block]))
        if verdicts[-1] != "unknown":
            return verdicts[-1]
    return "unknown" if "unknown" in verdicts else "none"


def _fits(stated: str, forms: Sequence[bytes]) -> Verdict:
    """Whether a labelled digest is that of one of `forms`."""
    label, _, value = stated.partition(":")
    name = label.strip().lower().replace("-", "")
    if name not in _ALGORITHMS:
        return "unknown"
    wanted = _digest(value.strip().rstrip("="), hashlib.new(name, usedforsecurity=False).digest_size)
    holds = any(hashlib.new(name, form, usedforsecurity=False).digest() == wanted for form in forms)
    return "holds" if holds else "mismatch"


def _digest(value: str, size: int) -> bytes | None:
    """The `size` bytes that base 16, 32 or 64 stands for; which of them, the length says."""
    try:
        if len(value) == 2 * size:
            return bytes.fromhex(value)
        if len(value) == -(-8 * size // 5):  # `base64.b32decode` takes sixty times as long
            return (int(value.upper().translate(_BASE_32), 32) >> -8 * size % 5).to_bytes(size, "big")
        return base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (ValueError, OverflowError):
        return None


_BASE_32 = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHIJKLMNOPQRSTUV", "89")
