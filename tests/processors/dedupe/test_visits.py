"""Two visits of one page in one snapshot: one is kept, the other falls by its URL and names it."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from corpus.pool import Pool, PoolRun
from corpus.publish import Published
from corpus.recipe import load_recipe
from corpus.store import Store
from corpus.verify import verify
from flows import path
from processors.dedupe.sign import SignSettings, sign_table
from report.explain import explain, sample
from report.pages import show_life


def test_a_url_is_named_by_its_normal_form() -> None:
    rows = [
        ("http://a.example/?b=1&a=2#x", None, 0), ("HTTP://A.example:80/?a=2&b=1&utm_source=q", None, 0),
        ("http://a.example/?a=2&b=1", "member", 0), ("http://a.example/?a=2&b=1", None, 1),
        (None, None, 0), ("", None, 0),
    ]  # fmt: skip
    columns = dict(zip(("url", "member", "ordinal"), map(list, zip(*rows, strict=True)), strict=True))
    table = pa.table({"id": pa.array([bytes(16)] * 6, pa.binary(16)), "text": ["a text"] * 6, **columns})
    urls = sign_table(table, SignSettings(5, 4, 1))["url"].to_pylist()
    assert urls[0] == urls[1] and len({urls[0], urls[2], urls[3]}) == 3 and urls[4] is urls[5] is None
    assert sign_table(table.select(["id", "text"]), SignSettings(5, 4, 1))["url"].null_count == 6


def build(recipe: Path) -> tuple[Store, Published]:
    wanted = load_recipe(recipe)
    store = Store(wanted.store_url)
    with Pool(1, store) as pool:
        return store, path.build(wanted, store, PoolRun(store, pool))


def rename(warc: Path, old: str, new: str) -> None:
    """Change URLs of a WARC file; it is no longer compressed, which its readers see for themselves."""
    data = gzip.decompress(warc.read_bytes())
    assert old.encode() in data and len(old) == len(new)
    warc.write_bytes(data.replace(old.encode(), new.encode()))


def test_of_two_visits_the_longer_is_kept(world_at: Callable[..., Path], tmp_path: Path) -> None:
    recipe = world_at(tmp_path)
    raw = tmp_path / "raw/web"
    rename(raw / "0.warc.gz", "https://mill.example/0/0", "https://Mill.example/0/1")
    store, published = build(recipe)
    fell = {(c.source, c.reason): c.documents for c in published.ledger if c.reason == "duplicate.url"}
    assert fell == {("web", "duplicate.url"): 1}
    (document,) = sample(store, dropped="duplicate.url", source=None, count=9)
    assert document in sample(store, dropped="duplicate", source=None, count=99)
    life = explain(store, document.id)
    assert life.selection["by"] == "url" and life.selection["both"] is life.selection["either"] is None
    twin = explain(store, document.twin)
    assert twin.selection["kept"] and twin.document["url"].lower() == life.document["url"].lower()
    assert twin.document["text_bytes"] >= life.document["text_bytes"]
    screen = io.StringIO()
    show_life(Console(file=screen, width=200), life)
    assert f"dropped as a duplicate of {document.twin}: the same URL" in screen.getvalue()
    assert all(finding.holds for finding in verify(store))
    recipe.write_text(recipe.read_text() + "\n[dedupe]\nurls = false\n")
    assert not [count for count in build(recipe)[1].ledger if count.reason == "duplicate.url"]


def test_visits_in_two_snapshots_both_stay(world_at: Callable[..., Path], tmp_path: Path) -> None:
    recipe = world_at(tmp_path)
    text = recipe.read_text()
    web = text[text.index("[[source]]") : text.index("[[source]]", text.index("[[source]]") + 1)]
    first, second = web.replace("*.warc.gz", "0.warc.gz"), web.replace("*.warc.gz", "2.warc.gz")
    recipe.write_text(text.replace(web, f'{first}{second}snapshot = "1"\n'))
    rename(tmp_path / "raw/web/2.warc.gz", "https://mill.example/2/", "https://mill.example/0/")
    store, published = build(recipe)
    assert not [count for count in published.ledger if count.reason == "duplicate.url"]
    urls = [url for file in store.list("signatures/web") for url in _column(store, file)]
    assert len(urls) == 24 and len(set(urls)) == 12


def _column(store: Store, file: str) -> list[bytes]:
    return pq.read_table(io.BytesIO(bytes(store.get(file))))["url"].to_pylist()
