"""Input files on a web server (the standard library's, on the loopback interface) and by lists, as Common Crawl's."""

import contextlib
import gzip
import hashlib
import io
import select
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from corpus.errors import InputError
from corpus.pool import Pool, PoolRun
from corpus.publish import Published
from corpus.recipe import load_recipe
from corpus.stage import Stamp
from corpus.store import Store
from flows import path
from flows.forecast import show_plan
from sources import places
from sources.places import Remote


@dataclass
class Web:
    """A served folder: `faults` holds what is odd about the next answers for a name: a status, "cut", or "waits", after
    2 MiB for the reader to go, as the buffers on the way may take 8 MiB and more.
    """

    folder: Path
    url: str = ""
    faults: dict[str, list[int | str]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)  # "GET name"
    sent: Counter[str] = field(default_factory=Counter)  # bytes of bodies by name
    tags: bool = True


def handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def answer(self) -> None:
            name = self.path.removeprefix("/crawl/")
            web.asked[f"{self.command} {name}"] += 1
            file, faults = web.folder / name, web.faults.get(name, [])
            fault = faults.pop(0) if faults else None
            if isinstance(fault, int) or not file.is_file():
                self.send_response(fault if isinstance(fault, int) else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            data = file.read_bytes()
            start = int(self.headers.get("Range", "bytes=0-").split("=")[1].split("-")[0]) if web.tags else 0
            self.send_response(206 if start else 200)
            if web.tags:
                self.send_header("ETag", f'"{hashlib.md5(data).hexdigest()}"')
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            if self.command == "GET":
                body = data[start : (start + len(data)) // 2 if fault == "cut" else None]
                first = 2 << 20 if fault == "waits" else len(body)
                for part in (body[:first], body[first:]):
                    web.sent[name] += len(part)  # before, as a reader may go in the midst of it
                    with contextlib.suppress(ConnectionError):
                        self.wfile.write(part)
                    if fault == "waits" and select.select([self.connection], [], [], 180)[0]:
                        break
                self.close_connection = fault is not None

    return Handler


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A web server over ``tmp_path / "served"``; broken requests are tried again at once."""
    monkeypatch.setattr(places, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(places, "_RETRY", {"max_retries": 1})
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = Web(tmp_path / "served")
    served.folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(served))
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_address[1]}/crawl"
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def put(web: Web, name: str, data: bytes) -> Stamp:
    (web.folder / name).parent.mkdir(parents=True, exist_ok=True)
    (web.folder / name).write_bytes(data)
    stamp = Remote(web.url).stamp(name)
    assert stamp
    return stamp


BYTES = bytes(range(256)) * 9000


def test_a_file_is_a_local_copy_while_it_is_read(web: Web) -> None:
    stamp = put(web, "a/b.bin", BYTES)
    assert stamp.bytes == len(BYTES) and stamp.mark
    with Remote(web.url).opened(stamp) as file:
        assert file and file.path.name == "b.bin" and file.path.read_bytes() == BYTES
        assert (file.bytes, file.sha256) == (len(BYTES), hashlib.sha256(BYTES).hexdigest())
    assert not file.path.exists()
    with Remote(web.url).opened(stamp, 1000) as file:
        assert file and file.path.read_bytes() == BYTES[:1000]
    with Remote(web.url).opened(Stamp("absent", None, None)) as file:
        assert file is None


@pytest.mark.parametrize("faults", [[503], ["cut"], [503, "cut", "cut"]])
@pytest.mark.parametrize("tags", [True, False])
def test_what_is_interrupted_is_tried_again(web: Web, faults: list[int | str], tags: bool) -> None:
    web.tags = tags
    stamp = put(web, "x", BYTES)
    web.faults["x"] = list(faults)
    with Remote(web.url).opened(stamp) as file:
        assert file and file.path.read_bytes() == BYTES
    assert not web.faults["x"]


def test_what_stays_broken_says_how_to_go_on(web: Web) -> None:
    stamp = put(web, "x", BYTES)
    web.faults["x"] = [503] * 99
    with pytest.raises(InputError, match=r"/crawl/x: cannot be fetched: .* run the same command again"):
        Remote(web.url).opened(stamp).__enter__()


def test_a_refusal_is_not_tried_again(web: Web) -> None:
    stamp = put(web, "x", BYTES)
    web.faults["x"], web.asked = [403] * 9, Counter()
    with pytest.raises(InputError, match="cannot be fetched"):
        Remote(web.url).opened(stamp).__enter__()
    assert web.asked["GET x"] == 1


def test_a_file_that_changed_after_the_plan_is_refused(web: Web) -> None:
    stamp = put(web, "x", BYTES)
    put(web, "x", BYTES[::-1])
    with pytest.raises(InputError, match="changed since the run was planned"):
        Remote(web.url).opened(stamp).__enter__()


def listed(recipe: Path, root: str, paths: str, more: str = "") -> Path:
    """The recipe with its web source read by a list, and the corpus beside the first one's."""
    text = recipe.read_text().replace(
        'root = "raw/web"\nfiles = ["*.warc.gz"]', f'root = "{root}"\npaths = "{paths}"{more}'
    )
    out = recipe.with_name(f"listed-{hashlib.md5(text.encode()).hexdigest()[:6]}.toml")
    out.write_text(text.replace('root = "out"', f'root = "{out.stem}"'))
    return out


def build(recipe: Path) -> tuple[Store, Published]:
    wanted = load_recipe(recipe)
    store = Store(wanted.store_url)
    with Pool(1, store) as pool:
        return store, path.build(wanted, store, PoolRun(store, pool))


def serve_crawl(web: Web, recipe: Path, names: tuple[str, ...] = ("0.warc.gz", "1.warc.gz", "2.warc.gz")) -> None:
    """The world's WARC files, and a list of them below the root, as Common Crawl lays them out."""
    for file in (recipe.parent / "raw/web").iterdir():
        shutil.copy(file, web.folder)
    (web.folder / "warc.paths.gz").write_bytes(gzip.compress("".join(f"{name}\n" for name in names).encode()))


def same(one: Store, other: Store, folder: str) -> bool:
    names = one.list(folder)
    return bool(names) and names == other.list(folder) and all(one.get(n) == other.get(n) for n in names)


def test_a_crawl_by_its_list_gives_the_same_corpus_from_anywhere(
    web: Web, world_at: Callable[..., Path], tmp_path: Path
) -> None:
    recipe = world_at(tmp_path)
    recipe.write_text(recipe.read_text() + "\n[parts]\ninput_bytes = 1\n")  # a unit a file, here as there
    serve_crawl(web, recipe)
    here, _ = build(recipe)
    there, published = build(listed(recipe, web.url, "warc.paths.gz"))
    assert web.asked["GET 0.warc.gz"] == 1 and not web.asked["HEAD 0.warc.gz"]  # no file is asked for at plan time
    for folder in ("documents", "verdicts", "selection", "tokenizer", "shards"):
        assert same(here, there, folder)
    web.asked.clear()
    _, again = build(listed(recipe, web.url, "warc.paths.gz"))
    assert again.version == published.version and not again.new and not web.asked["GET 0.warc.gz"]


def test_a_listed_file_that_is_missing_costs_itself_and_is_written_down(
    web: Web, world_at: Callable[..., Path], tmp_path: Path
) -> None:
    recipe = world_at(tmp_path)
    serve_crawl(web, recipe, ("0.warc.gz", "gone.warc.gz", "1.warc.gz"))
    store, published = build(listed(recipe, web.url, "warc.paths.gz"))
    lost = [count for count in published.ledger if count.reason == "missing_file"]
    assert [(count.source, count.outcome, count.records) for count in lost] == [("web", "quarantined", 1)]
    rows = [row for name in store.list("quarantine/web") for row in _rows(store, name)]
    (row,) = (row for row in rows if row["file"] == "gone.warc.gz")
    assert (row["start"], row["end"], row["reason"]) == (0, 0, "missing_file")


def _rows(store: Store, name: str) -> list[dict[str, object]]:
    return pq.read_table(io.BytesIO(bytes(store.get(name)))).to_pylist()


def test_a_root_that_gives_nothing_is_an_error(web: Web, world_at: Callable[..., Path], tmp_path: Path) -> None:
    recipe = world_at(tmp_path)
    serve_crawl(web, recipe, ("x", "y"))
    with pytest.raises(InputError, match="source web yields no document: missing_file"):
        build(listed(recipe, web.url, "warc.paths.gz"))
    with pytest.raises(InputError, match=r"the list wrac\.paths is not there"):
        build(listed(recipe, web.url, "wrac.paths"))


def test_a_plan_asks_for_little(web: Web, world_at: Callable[..., Path], tmp_path: Path) -> None:
    recipe = world_at(tmp_path)
    serve_crawl(web, recipe, ("0.warc.gz", "1.warc.gz", "2.warc.gz"))
    big = (web.folder / "0.warc.gz").read_bytes()
    (web.folder / "0.warc.gz").write_bytes(big * (8 * 2**20 // len(big)))
    web.faults["0.warc.gz"] = ["waits", "waits"]  # to a HEAD and a GET
    screen = io.StringIO()
    wanted = load_recipe(listed(recipe, web.url, "warc.paths.gz"))
    show_plan(Console(file=screen, width=200), wanted, Store(wanted.store_url))
    (line,) = (line for line in screen.getvalue().splitlines() if line.startswith("web "))
    assert "about 8" in line and "MB" in line
    assert web.sent["0.warc.gz"] == 2 * 2**20 and not web.sent["1.warc.gz"]
