"""Nothing is published that does not balance: a count that is lost at any stage is found."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.errors import LedgerError
from corpus.ledger import PASSED
from corpus.pool import Pool, PoolRun
from corpus.publish import Built, checked_ledger
from corpus.recipe import load_recipe
from corpus.store import Store
from flows import path


@pytest.fixture(scope="module")
def built(world_at: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The entries of a small build."""
    written = world_at(tmp_path_factory.mktemp("ledger"))
    text = written.read_text().replace("min_words = 20", "min_words = 115")  # so that some fall, of general all
    written.write_text(text.replace("[mixture]", '[mixture]\noptional = ["general"]'))
    recipe = load_recipe(written)
    store = Store(recipe.store_url)
    with Pool(1, store) as pool:
        return path.stages(path.check(recipe), store, PoolRun(store, pool))[0]


def test_an_honest_build_balances(built: Built) -> None:
    stages = {count.stage for count in checked_ledger(built)}
    assert stages == {"ingest", "judge", "select", "encode", "order", "mixture", "shard"}


@pytest.mark.parametrize(
    ("entries", "stage", "outcome"),
    [
        ("judged", "judge", PASSED),
        ("judged", "judge", "dropped"),
        ("selected", "select", PASSED),
        ("selected", "select", "dropped"),
        ("encoded", "encode", PASSED),
        ("ordered", "order", PASSED),
        ("ordered", "order", "heldout"),
        ("ordered", "mixture", PASSED),
        ("ordered", "mixture", "repeated"),
        ("ordered", "mixture", "heldout"),
        ("sharded", "shard", PASSED),
        ("sharded", "shard", "heldout"),
    ],
)
@pytest.mark.parametrize("number", ["documents", "bytes", "tokens"])
def test_a_count_that_is_off_by_one_is_found(built: Built, entries: str, stage: str, outcome: str, number: str) -> None:
    changed = list(getattr(built, entries))
    for n, entry in enumerate(changed):
        wanted = [c for c in entry.counts if (c.stage, c.outcome) == (stage, outcome) and getattr(c, number)]
        if wanted:
            off = replace(wanted[0], **{number: getattr(wanted[0], number) - 1})
            counts = tuple(off if count is wanted[0] else count for count in entry.counts)
            changed[n] = replace(entry, counts=counts)
            with pytest.raises(LedgerError, match="does not balance"):
                checked_ledger(replace(built, **{entries: changed}))
            return
    assert (stage, number) in UNCOUNTED, f"{stage} counts no {number}"


UNCOUNTED = {
    ("judge", "tokens"), ("select", "tokens"), ("order", "bytes"), ("mixture", "documents"), ("mixture", "bytes"),
    ("shard", "documents"), ("shard", "bytes"),
}  # fmt: skip
