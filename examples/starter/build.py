"""Builds the sample beside this script: packages' texts in, `web/ books/ code/ tabular/ LICENCES/ README.md` out.

    python examples/starter/build.py CORPUS

CORPUS is a folder of published packages' own files (`web/`, `books/`, `code/`, `MANIFEST.tsv`, `licences.tar.gz`, and
the extracted texts in `truth/`). The sample is committed, so nobody needs to run this to use Gristmill; it is here so
that what we made ourselves (an EPUB, a Parquet file, JSON lines, the broken files, the cut WARC) can be read and made
again, byte for byte with the same library versions. Only files under MIT, BSD, Apache-2.0, PostgreSQL, Unlicense or in
the public domain are taken.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import re
import shutil
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import made  # beside this script
import pyarrow.parquet as pq

MADE = "made here from "

# Taken as they are: path -> why it is here.
COPIED = {
    "web/Mako-1.1.6.warc.gz": "two releases of one manual: near-duplicates",
    "web/Mako-1.3.5.warc.gz": "the later release",
    "web/alembic-1.7.7.warc.gz": "two releases of one manual: near-duplicates",
    "web/alembic-1.13.2.warc.gz": "the later release",
    "web/lua5.1-doc.warc": "an uncompressed WARC; bodies chunked and gzip-encoded; ISO-8859-1",
    "books/lcet10.txt": "a Project Gutenberg text with its head and foot",
    "books/alice29.txt.gz": "plain text, gzip",
    "books/opticks.txt.bz2": "plain text, bzip2, an old spelling",
    "books/devils-dictionary.txt.zst": "plain text, zstd",
    "books/fi.kalevala.txt.gz": "verse in a language of few resources",
    "code/requests-2.32.3.tar.gz": ".tar.gz: Python",
    "code/express-4.19.2.tgz": ".tgz: JavaScript",
    "code/feedparser-6.0.11.tar.bz2": ".tar.bz2: Python, and test data in some forty charsets",
    "code/commons-csv-1.9.0-1.zip": ".zip: Java, and data files that are not code",
    "code/librust-memchr-dev-2.5.0-1.tar.gz": "Rust",
    "code/golang-github-gorilla-mux-dev-1.8.0-1.tar.gz": "Go",
    "code/haskell-split-0.2.3.5-1.tar.gz": "Haskell",
    "code/lua-penlight-1.13.1-3.tar.gz": "Lua",
}

# Where the archive itself holds the licence; the others come out of licences.tar.gz.
LICENCE_IN_ARCHIVE = {
    "requests": ("code/requests-2.32.3.tar.gz", ["LICENSE", "NOTICE"]),
    "express": ("code/express-4.19.2.tgz", ["LICENSE"]),
    "feedparser": ("code/feedparser-6.0.11.tar.bz2", ["LICENSE"]),
    "commons-csv": ("code/commons-csv-1.9.0-1.zip", ["LICENSE.txt", "NOTICE.txt"]),
    "haskell-split": ("code/haskell-split-0.2.3.5-1.tar.gz", ["LICENSE"]),
    "papermill": ("code/papermill-2.6.0.tar.gz", ["LICENSE"]),
    "datasets-moby-dick": ("books/moby-dick-chapters.zip", ["LICENSE", "NOTICE"]),
}
README = """# The bundled sample

{files} files, {size:.1f} MB: real text to try Gristmill on, all of it free to pass on. Each package's licence stands in
`LICENCES/` (`Apache-2.0.txt` is the full text that some of them refer to). What is marked as made here was made by
`build.py` out of the package's own files; it also wrote this table. Host names (`docs.<package>.example`), dates and
addresses in the WARC files are made up, the pages are the packages' own. The files named `broken-*` are broken on
purpose: a build keeps what is good in them, writes the rest down in `quarantine/`, and goes on.

| file | bytes | package | version | licence | languages | why it is here |
|---|---:|---|---|---|---|---|"""
PROSODIC = """The texts taken out of the package prosodic 3.10.0 (package: GPL-3) are works whose copyright has expired:

books/fi.kalevala.txt.gz   Kalevala, collected and written by Elias Lönnrot (1802-1884), second edition of 1849.
books/broken-charset.txt   from the poems of J. H. Erkko (1849-1906).

Nothing else of that package, and none of its program code, is here.
"""


@dataclass(frozen=True)
class Row:
    """A line of the README's table."""

    file: str
    package: str
    version: str
    licence: str
    languages: str
    why: str


def main(corpus: Path, out: Path) -> None:
    """Write the whole sample under `out`, replacing what is there; raises OSError if CORPUS lacks a file."""
    for folder in ("web", "books", "code", "tabular", "LICENCES"):
        shutil.rmtree(out / folder, ignore_errors=True)
        (out / folder).mkdir(parents=True)
    with (corpus / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        manifest = {line["file"]: line for line in csv.DictReader(file, delimiter="\t")}
    rows = []
    for name, why in COPIED.items():
        shutil.copyfile(corpus / name, out / name)
        rows.append(row_of(manifest[name], name, why))
    rows += web(corpus, out, manifest)
    rows += books(corpus, out, manifest)
    rows += code(corpus, out, manifest)
    rows += tabular(corpus, out, manifest)
    licences(corpus, out, {row.package for row in rows})
    readme(out, sorted(rows, key=lambda row: (row.file.split("/")[0], "broken" in row.file, row.file)))


def row_of(entry: dict[str, str], file: str, why: str, languages: str = "") -> Row:
    """A table line for `file`, its provenance from the manifest's `entry`."""
    licence = (
        entry["licence"].replace(" (package MIT)", "").replace("Canterbury corpus; package MIT", "Canterbury corpus")
    )
    licence = licence.replace("text, package Apache-2.0, ODC-PDDL", "text; package Apache-2.0")
    licence = licence.replace(" text (package GPL-3)", ", author d. before 1907")
    languages = languages or re.sub(r":\d+", "", entry["languages"])
    return Row(file, entry["package"], entry["version"], licence, languages, why)


# -- web -----------------------------------------------------------------------------------------------------------


def web(corpus: Path, out: Path, manifest: dict[str, dict[str, str]]) -> list[Row]:
    """A part of Apache's manual in eleven languages, and a WARC with one damaged member from pages not in that part."""
    source = "web/apache2-doc.warc.gz"
    with (corpus / "truth/languages.tsv").open(encoding="utf-8", newline="") as file:
        lang = {line["url"]: line["lang"] for line in csv.DictReader(file, delimiter="\t")}
    kept: list[bytes] = []
    left: dict[str, list[bytes]] = {}
    for raw, text in made.members((corpus / source).read_bytes()):
        found = re.search(rb"WARC-Target-URI: (\S+)", text[:2000])
        url = found[1].decode() if found else ""
        # Of the English pages (and English pages under other languages' folders) a third, chosen by the page's name, so
        # that a page and its byte-identical copy in another folder are both in or both out.
        page = re.sub(r"^https://[^/]+/(?:[a-z]{2}(?:-[a-z]{2})?/)?", "", url)
        if lang.get(url) != "en" or hashlib.sha256(page.encode()).digest()[0] % 3 == 0:
            kept.append(raw)
        elif "/en/" in url:
            left.setdefault(url, []).append(raw)
    (out / "web/apache2-doc.part.warc.gz").write_bytes(b"".join(kept))

    pages = [left[url] for url in sorted(left)[:8]]
    largest = max(pages[3], key=len)
    damaged = bytearray(largest)
    for place in range(len(damaged) // 2, len(damaged) // 2 + 24):
        damaged[place] ^= 0x5A
    broken = b"".join(bytes(damaged) if raw is largest else raw for page in pages for raw in page)
    (out / "web/broken-member.warc.gz").write_bytes(broken)
    entry = manifest[source]
    return [
        row_of(
            entry,
            "web/apache2-doc.part.warc.gz",
            "all pages not in English and a third of the "
            "English ones, whole gzip members byte for byte; untranslated and byte-identical pages, legacy charsets",
        ),
        row_of(
            entry,
            "web/broken-member.warc.gz",
            "BROKEN: 24 bytes flipped inside one gzip member; seven other pages are good",
            "en",
        ),
    ]


# -- books ---------------------------------------------------------------------------------------------------------


def books(corpus: Path, out: Path, manifest: dict[str, dict[str, str]]) -> list[Row]:
    """An EPUB and a zip of texts out of Moby-Dick's chapters, a broken EPUB, and a text in no single charset."""
    source = "books/moby-dick-chapters.zip"
    with zipfile.ZipFile(corpus / source) as archive:
        chapters = {n: archive.read(f"moby-dick/chapter_{n}.txt").decode("utf-8") for n in range(1, 136)}
    (out / "books/moby-dick.epub").write_bytes(made.epub([chapters[n] for n in range(1, 71)]))
    texts = [(f"moby-dick/chapter_{n:03}.txt", chapters[n].encode()) for n in range(61, 91)]
    (out / "books/moby-dick-61-90.zip").write_bytes(made.zipped(texts))
    (out / "books/broken-package.epub").write_bytes(made.epub([chapters[n] for n in range(101, 106)], cut_package=True))
    poems = gzip.decompress((corpus / "books/fi.erkko.txt.gz").read_bytes()).decode("utf-8").splitlines(keepends=True)
    parts = ["".join(poems[start : start + 200]) for start in (0, 200, 400)]
    odd = (
        parts[0].encode("utf-8") + b"\0" * 64 + parts[1].encode("iso-8859-1", "replace") + parts[2].encode("utf-16-le")
    )
    (out / "books/broken-charset.txt").write_bytes(odd)
    entry = manifest[source]
    ours = MADE + "the package's texts: "
    return [
        row_of(entry, "books/moby-dick.epub", ours + "EPUB 3, chapters 1 to 70"),
        row_of(entry, "books/moby-dick-61-90.zip", ours + "a zip of texts; ten chapters are in the EPUB as well"),
        row_of(entry, "books/broken-package.epub", "BROKEN, " + ours + "the package document is cut in half"),
        row_of(
            manifest["books/fi.erkko.txt.gz"],
            "books/broken-charset.txt",
            "BROKEN, " + ours + "UTF-8, then NULs, then ISO-8859-1, then UTF-16",
        ),
    ]


# -- code ----------------------------------------------------------------------------------------------------------


def code(corpus: Path, out: Path, manifest: dict[str, dict[str, str]]) -> list[Row]:
    """An archive whose download broke off."""
    source = "code/papermill-2.6.0.tar.gz"
    data = (corpus / source).read_bytes()
    (out / "code/broken-off.tar.gz").write_bytes(data[: len(data) * 3 // 5])
    return [
        row_of(
            manifest[source], "code/broken-off.tar.gz", "BROKEN: cut after three fifths; the members before are good"
        )
    ]


# -- tabular -------------------------------------------------------------------------------------------------------


def tabular(corpus: Path, out: Path, manifest: dict[str, dict[str, str]]) -> list[Row]:
    """Pages' texts as the rows of a Parquet file and as JSON lines, and a broken one of each."""
    columns = ["url", "source", "text"]
    texts = pq.read_table(corpus / "truth/texts.parquet", columns=columns).sort_by("url").to_pylist()
    postgres = [row for row in texts if row["source"] == "postgresql-doc-15"]
    clang = [row for row in texts if row["source"] == "clang-14-doc" and 1_000 <= len(row["text"]) <= 20_000]
    good, other = made.tables(postgres, "PostgreSQL")
    (out / "tabular/postgresql-doc.parquet").write_bytes(made.parquet(good))
    data = bytearray(made.parquet(other[:24], group=8))
    start = 4 + len(data) // 3  # inside the second row group's texts
    data[start : start + 400] = b"\xff" * 400
    (out / "tabular/broken-page.parquet").write_bytes(bytes(data))

    lines, rest = made.tables(clang, "Apache-2.0 WITH LLVM-exception")
    (out / "tabular/clang-doc.jsonl.gz").write_bytes(gzip.compress(b"".join(map(made.json_line, lines)), 9, mtime=0))
    (out / "tabular/broken-lines.jsonl").write_bytes(made.broken_lines(rest[:8]))
    pg, llvm = manifest["web/postgresql-doc-15.warc.gz"], manifest["web/clang-14-doc.warc.gz"]
    return [
        row_of(pg, "tabular/postgresql-doc.parquet", MADE + "the manual's pages: Parquet, zstd, row groups of 32"),
        row_of(llvm, "tabular/clang-doc.jsonl.gz", MADE + "the manual's pages: JSON lines"),
        row_of(pg, "tabular/broken-page.parquet", "BROKEN, " + MADE + "other pages: one data page overwritten"),
        row_of(llvm, "tabular/broken-lines.jsonl", "BROKEN, " + MADE + "other pages: 8 good lines, 7 bad ones"),
    ]


# -- papers --------------------------------------------------------------------------------------------------------


def licences(corpus: Path, out: Path, packages: set[str]) -> None:
    """Each package's licence text as `LICENCES/<package>.txt`; raises KeyError for a package without one."""
    folder = out / "LICENCES"
    with tarfile.open(corpus / "licences.tar.gz") as archive:
        stored = {Path(m.name).name: read(archive, m) for m in archive if m.isfile()}
    for package in sorted(packages):
        short = package.removeprefix("@stdlib/")
        if short == "prosodic":
            text = PROSODIC.encode()
        elif short in LICENCE_IN_ARCHIVE:
            name, files = LICENCE_IN_ARCHIVE[short]
            text = b"\n\n".join(archived(corpus / name, file) for file in files)
        else:
            named = [
                key for key in sorted(stored) if re.fullmatch(re.escape(short) + r"(@.*)?\.(LICENSE|copyright)", key)
            ]
            text = b"\n\n".join(dict.fromkeys(stored[key] for key in named))
            if not text:
                raise KeyError(f"no licence for {package}")
        (folder / f"{short}.txt").write_bytes(text)
    apache, files = LICENCE_IN_ARCHIVE["commons-csv"]
    (folder / "Apache-2.0.txt").write_bytes(archived(corpus / apache, files[0]))


def archived(path: Path, file: str) -> bytes:
    """One file in the top folder of a source archive."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return next(archive.read(name) for name in archive.namelist() if name.split("/")[1:] == [file])
    with tarfile.open(path) as tar:
        member = next(m for m in tar if m.name.split("/")[1:] == [file])
        return read(tar, member)


def read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """A file's bytes; raises KeyError for what is none."""
    file = archive.extractfile(member)
    if file is None:
        raise KeyError(f"{member.name} is no file")
    return file.read()


def readme(out: Path, rows: list[Row]) -> None:
    """README.md: what is here, and the table."""
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file() and path.name != "README.md")
    lines = [README.format(files=len(rows), size=size / 1e6)]
    for row in rows:
        number = (out / row.file).stat().st_size
        lines.append(
            f"| {row.file} | {number} | {row.package} | {row.version} | {row.licence} | {row.languages} | {row.why} |"
        )
    (out / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: build.py CORPUS [OUT]")
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else Path(__file__).resolve().parent)
