"""The ledger balances, or says where it does not and by how much."""

import pytest

from corpus.errors import LedgerError
from corpus.ledger import PASSED, Count, balance, total

GIVEN = [Count("ingest", "web", "web/0", PASSED, documents=10, bytes=100)]


def test_what_is_accounted_for_balances() -> None:
    became = [
        Count("judge", "web", "web/0", PASSED, documents=7, bytes=70),
        Count("judge", "web", "web/0", "dropped", "gopher", documents=3, bytes=30),
    ]
    balance(GIVEN, became)


@pytest.mark.parametrize(("documents", "size"), [(9, 100), (10, 99), (11, 100)])
def test_what_vanishes_or_appears_is_named(documents: int, size: int) -> None:
    with pytest.raises(LedgerError, match=r"web/0: ingest passed on .* judge accounts"):
        balance(GIVEN, [Count("judge", "web", "web/0", PASSED, documents=documents, bytes=size)])


def test_a_part_that_vanishes_is_named() -> None:
    with pytest.raises(LedgerError, match="web/0"):
        balance(GIVEN, [Count("judge", "web", "web/1", PASSED, documents=10, bytes=100)])


def test_totals_keep_what_is_unknown_unknown() -> None:
    (row,) = total([Count("s", "web", p, "x", documents=1) for p in ("web/0", "web/1")])
    assert (row.documents, row.bytes, row.part) == (2, None, "")
