"""A small world: a recipe with web, books, code and rows, and their raw files, made anew from a seed."""

import gzip
import io
import json
import random
import tarfile
from pathlib import Path

WORDS = """
the mill grinds grain into flour and water turns the great wheel while a miller listens to every stone that moves
below the wooden floor because old gears have to be watched with care when rivers rise in spring and farmers bring
barley oats rye wheat in heavy sacks from fields beyond the hill where larks sing over green roads to town
""".split()  # noqa: SIM905 - reads better than seventy quotes

RECIPE = """
name = "small"
seed = 7

[[source]]
name = "web"
kind = "web"
root = "raw/web"
files = ["*.warc.gz"]
chain = "mild"

[[source]]
name = "books"
kind = "books"
root = "raw/books"
files = ["*.txt"]
chain = "mild"

[[source]]
name = "code"
kind = "code"
root = "raw/code"
files = ["*.tar.gz"]
chain = "code"

[[source]]
name = "rows"
kind = "tabular"
root = "raw/rows"
files = ["*.jsonl"]
chain = "mild"
domain = "general"

[[chain.mild]]
name = "gopher_quality"
min_words = 20

[heldout]
share = 0.1

[mixture]
budget = 30000

[[mixture.domain]]
name = "web"
weight = 50
max_epochs = 4

[[mixture.domain]]
name = "books"
weight = 20
max_epochs = 4

[[mixture.domain]]
name = "code"
weight = 10
max_epochs = 9

[[mixture.domain]]
name = "general"
weight = "rest"
max_epochs = 4

[tokenizer]
vocab_size = 420
sample_bytes = 60000

[shards]
tokens = 8000
piece_tokens = 64
"""


ANY_LANGUAGE = """
[[chain.any]]
name = "language"
keep = []
min_score = 0

[dedupe]
max_removed = 1.0
"""  # for recipes whose mixture asks for languages: each document has one, and few words make many alike


def sentences(random_: random.Random, count: int) -> str:
    """Paragraphs of made-up sentences."""
    lines = []
    for n in range(count):
        words = random_.choices(WORDS, k=random_.randint(6, 14))
        lines.append(" ".join(words).capitalize() + "." + ("\n\n" if n % 5 == 4 else ""))
    return " ".join(lines).strip()


def warc_record(kind: str, url: str, body: bytes, number: int) -> bytes:
    """One gzip member with one WARC record."""
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{number:032d}>\r\n"
        f"WARC-Date: 2026-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + body + b"\r\n\r\n", compresslevel=0, mtime=0)


def page(text: str) -> bytes:
    """An HTTP response with a small HTML page."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in text.split("\n\n"))
    head = "<!doctype html><html lang=en><head><title>Mill</title></head>"
    html = f"{head}<body><main><h1>Mill</h1>{body}</main></body></html>"
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html.encode()


def _web(folder: Path, random_: random.Random) -> None:
    texts = [sentences(random_, 12) for _ in range(36)]
    texts[7] = texts[3]  # the same page twice
    texts[9] = texts[4] + " And one more line."  # nearly the same
    for number in range(3):
        chunk = texts[number * 12 : number * 12 + 12]
        records = [
            warc_record("response", f"https://mill.example/{number}/{n}", page(t), n) for n, t in enumerate(chunk)
        ]
        records.insert(1, warc_record("request", "https://mill.example/", b"GET / HTTP/1.1\r\n\r\n", 99))
        if number == 1:
            records[4] = records[4][:40] + bytes(20) + records[4][60:]  # a damaged member
        (folder / f"{number}.warc.gz").write_bytes(b"".join(records))


def _code(folder: Path, random_: random.Random) -> None:
    for number in range(2):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for n in range(8):
                lines = [
                    f"def {random_.choice(WORDS)}_{n}(x):\n    return x + {random_.randint(0, 999)}\n" for _ in range(9)
                ]
                content = "\n\n".join(lines).encode()
                info = tarfile.TarInfo(f"mill-{number}/src/{n}.py")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        (folder / f"mill-{number}.tar.gz").write_bytes(gzip.compress(data.getvalue(), compresslevel=0, mtime=0))


def make_world(folder: Path, seed: int = 1) -> Path:
    """Write raw files and a recipe; return the recipe's path."""
    random_ = random.Random(seed)
    for name in ("web", "books", "code", "rows"):
        (folder / "raw" / name).mkdir(parents=True)
    _web(folder / "raw/web", random_)
    for number in range(6):
        (folder / f"raw/books/{number}.txt").write_text(sentences(random_, 40) + "\n")
    _code(folder / "raw/code", random_)
    rows = [json.dumps({"text": sentences(random_, 10), "id": f"row-{n}"}) for n in range(20)]
    rows[5] = '{"text": broken'
    (folder / "raw/rows/rows.jsonl").write_text("\n".join(rows) + "\n")
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.replace('name = "small"', 'name = "small"\nroot = "out"', 1))
    return recipe
