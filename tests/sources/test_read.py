import io
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.code.kind import KINDS
from sources.item import Item
from sources.read import ReadSettings
from sources.settings import FileKind

World = Callable[..., list[Item]]
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
BAD = CORPUS / "bad"
NAMES = {
    "web": ["a.warc", "a.warc.gz", "a.html"], "books": ["a.epub", "a.txt", "a.zip"],
    "code": ["a.tar", "a.tgz", "a.zip", "a.py"],
    "tabular": ["a.jsonl", "a.parquet"],
}  # fmt: skip
HEADS = [
    b"", b"WARC/1.1\r\n",
    b"WARC/1.1\r\nContent-Length: 9\r\nWARC-Type: response\r\n\r\nHTTP/1.1 200 \r\n\r\n", b"\x1f\x8b\x08\x00",
    b"\x28\xb5\x2f\xfd", b"BZh9", b"\xfd7zXZ\x00", b"PK\x03\x04", b"PAR1", b"{", b"<html>", b"\xff\xfe",
]  # fmt: skip
FOLDERS = {
    "warc": ["web"], "charset": ["web"], "html": ["web"], "archive": ["code", "books"],
    "epub": ["books"], "text": ["books"],
    "jsonl": ["tabular"], "parquet": ["tabular"],
}  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([(k, n) for k, names in NAMES.items() for n in names]),
    st.sampled_from(HEADS),
    st.binary(max_size=400),
)
def test_no_bytes_break_a_reader(world: World, what: tuple[str, str], head: bytes, tail: bytes) -> None:
    kind, name = what
    world(name, head + tail, kind)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=8), st.integers(0, 300))
def test_a_damaged_book_tiles(world: World, harm: list[tuple[int, int]], cut: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", '<c><rootfile full-path="b.opf"/></c>')
        archive.writestr("b.opf", '<p><item id="a" href="a.html" media-type="text/html"/><itemref idref="a"/></p>')
        archive.writestr("a.html", "<p>The wheel turns.</p>")
    data = bytearray(out.getvalue())
    for at, value in harm:
        data[at % len(data)] = value
    world("a.epub", bytes(data[: -cut or None]), "books")


def test_kinds_of_files_are_those_that_code_is_told_apart_by() -> None:
    assert set(get_args(FileKind)) == set(KINDS)


def test_settings_refuse_what_they_do_not_know() -> None:
    for wrong in ({"kind": "web", "extractor": "magic"}, {"kind": "web", "max_members": 0}):
        with pytest.raises(ValueError, match="it must be"):
            ReadSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.skipif(not BAD.is_dir(), reason="needs the corpus of bad files beside the checkout")
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_bad_file_tiles(tile: World, folder: str) -> None:
    for path in sorted((BAD / folder).iterdir()):
        for kind in FOLDERS[folder]:
            tile(path, kind)


_PEAK = """
import sys
from pathlib import Path
from sources.read import ReadSettings, read
for kind, path in zip(sys.argv[1::2], sys.argv[2::2]):
    for item in read(Path(path), ReadSettings(kind)):
        pass
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)  # not ru_maxrss: that one remembers the parent's
"""


@pytest.mark.skipif(not BAD.is_dir(), reason="needs the corpus of bad files beside the checkout")
def test_bad_files_take_little_memory() -> None:
    what = [
        x for folder, kinds in FOLDERS.items() for p in sorted((BAD / folder).iterdir()) for x in (kinds[0], str(p))
    ]
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", _PEAK, *what], cwd=root, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 500  # MiB, what a worker may take; 370 as a rule, and pyarrow alone is some 70


@pytest.mark.skipif(not BAD.is_dir(), reason="needs the corpus of bad files beside the checkout")
@pytest.mark.parametrize(
    ("name", "kind", "documents", "others"),
    [
        ("warc/corrupt-middle.warc.gz", "web", 14, {"corrupt": 1, "request_record": 15, "warcinfo_record": 1}),
        ("warc/truncated.warc.gz", "web", 14, {"truncated": 1, "request_record": 13, "warcinfo_record": 1}),
        ("warc/length-too-big.warc", "web", 6, {"request_record": 6, "warcinfo_record": 1}),  # its digest proves it
        ("warc/length-8-exabytes.warc", "web", 6, {"request_record": 6, "warcinfo_record": 1}),
        ("warc/digest-mismatch.warc.gz", "web", 0, {"digest_mismatch": 2, "request_record": 2, "warcinfo_record": 1}),
        ("warc/one-member.warc.gz", "web", 6, {"request_record": 6, "warcinfo_record": 1}),
        ("warc/http-length-lies.warc.gz", "web", 6, {"request_record": 6, "warcinfo_record": 1}),
        ("html/deep.warc.gz", "web", 1, {"html_too_deep": 1, "request_record": 1}),
        ("charset/charset-lies.warc.gz", "web", 18, {}),
        ("epub/missing-spine-file.epub", "books", 1, {"contents_page": 1, "missing": 1}),
        ("archive/truncated.tar.gz", "code", 0, {"truncated": 1}),
    ],
)
def test_good_records_beside_bad_ones_survive(
    tile: World, name: str, kind: str, documents: int, others: dict[str, int]
) -> None:
    items = tile(BAD / name, kind)
    assert sum(i.document is not None for i in items) == documents
    assert Counter(i.reason for i in items if i.reason) == others


@pytest.mark.skipif(not BAD.is_dir(), reason="needs the corpus of bad files beside the checkout")
def test_broken_lines_are_judged_as_its_list_says(tile: World) -> None:
    verdicts = (BAD / "jsonl" / "broken-lines.tsv").read_text().splitlines()[1:]
    items = tile(BAD / "jsonl" / "broken-lines.jsonl", "tabular")
    good = [n for n, item in enumerate(items) if item.document]
    assert len(items) == len(verdicts)
    assert {n for n, line in enumerate(verdicts) if line.endswith("\tgood")} <= set(good)
    assert len(good) <= 10  # it also takes the line behind a byte order mark


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the corpus beside the checkout")
def test_every_page_of_the_web_corpus_is_accounted_for(tile: World) -> None:
    reasons: Counter[str] = Counter()
    for path in sorted((CORPUS / "web").iterdir()):
        reasons.update(i.reason or i.outcome for i in tile(path, "web") if ".wet" not in path.name)
    assert reasons["document"] == 2637
    assert set(reasons) == {
        "document", "request_record", "metadata_record", "warcinfo_record", "revisit_record", "http_status",
        "not_html", "empty_body",
    }  # fmt: skip
