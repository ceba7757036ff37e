import base64
import hashlib

import pytest

from sources.web.digest import judge

BLOCK, BODY, CHUNKED = b"HTTP/1.1 200 OK\r\n\r\nbody", b"body", b"4\r\nbody\r\n0\r\n\r\n"


def stated(name: str, form: str, data: bytes) -> str:
    digest = hashlib.new(name.lower().replace("-", ""), data).digest()
    forms = {"hex": digest.hex(), "HEX": digest.hex().upper(), "32": base64.b32encode(digest).decode(),
             "64": base64.b64encode(digest).decode()}  # fmt: skip
    return f"{name}:{forms[form]}"


@pytest.mark.parametrize("form", ["hex", "HEX", "32", "64"])
@pytest.mark.parametrize("name", ["sha1", "SHA-1", "md5", "sha256", "sha-512"])
def test_digests_of_any_spelling_are_checked(name: str, form: str) -> None:
    assert judge({"warc-payload-digest": stated(name, form, BODY)}, BLOCK, [CHUNKED, BODY]) == "holds"
    assert judge({"warc-payload-digest": stated(name, form, b"x")}, BLOCK, [CHUNKED, BODY]) == "mismatch"


@pytest.mark.parametrize(
    ("payload", "block", "truncated", "verdict"),
    [
        (None, None, False, "none"),
        (None, BLOCK, False, "holds"),
        (None, b"x", False, "mismatch"),
        (BODY, b"x", False, "holds"),  # an edited HTTP head
        (b"x", BLOCK, False, "mismatch"),
        (b"x", BLOCK, True, "holds"),  # the digest is of the whole payload
        (b"x", b"x", True, "mismatch"),
        (b"x", None, True, "none"),
    ],
)
def test_the_payload_decides_before_the_block(
    payload: bytes | None, block: bytes | None, truncated: bool, verdict: str
) -> None:
    fields = {"warc-truncated": "length"} if truncated else {}
    for name, data in (("payload", payload), ("block", block)):
        if data is not None:
            fields[f"warc-{name}-digest"] = stated("sha1", "32", data)
    assert judge(fields, BLOCK, [BODY]) == verdict


def test_a_digest_that_cannot_be_checked_is_not_a_mismatch() -> None:
    assert judge({"warc-payload-digest": "blake3:00"}, BLOCK, [BODY]) == "unknown"
    assert judge({"warc-payload-digest": "sha1:cut"}, BLOCK, [BODY]) == "mismatch"
