"""The bundled sample: each file in its table, under a licence that allows passing on; small; made again the same."""

import gzip
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STARTER = ROOT / "examples" / "starter"
CORPUS = ROOT.parent / "shared" / "corpus"
DATA = ("web", "books", "code", "tabular")
ALLOWED = re.compile(r"(public domain|MIT|BSD-[23]-Clause|Apache-2\.0|PostgreSQL|Unlicense|CC-BY-[34]\.0)\b(?!-SA)")


def rows() -> list[list[str]]:
    lines = (STARTER / "README.md").read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| \w+/", line)]


def files(root: Path, *folders: str) -> list[str]:
    return sorted(
        p.relative_to(root).as_posix() for folder in folders for p in (root / folder).rglob("*") if p.is_file()
    )


def test_table_lists_exactly_the_files_and_their_sizes() -> None:
    assert {row[0]: int(row[1]) for row in rows()} == {
        name: (STARTER / name).stat().st_size for name in files(STARTER, *DATA)
    }


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_licence_is_allowed_and_its_text_is_there(row: list[str]) -> None:
    package, licence = row[2], row[4]
    assert ALLOWED.match(licence), f"{row[0]} is under {licence}"
    assert (STARTER / "LICENCES" / f"{package.removeprefix('@stdlib/')}.txt").stat().st_size > 100


def test_sample_is_small() -> None:
    assert sum(path.stat().st_size for path in STARTER.rglob("*") if path.is_file()) <= 10_000_000


def test_sample_shows_what_it_promises() -> None:
    names, languages = files(STARTER, *DATA), {lang for row in rows() if row[0][:3] != "cod" for lang in row[5].split()}
    assert len(languages) >= 5
    for ending in (
        ".warc.gz",
        ".warc",
        ".epub",
        ".txt",
        ".parquet",
        ".jsonl.gz",
        ".tar.gz",
        ".tgz",
        ".tar.bz2",
        ".zip",
    ):
        assert any(name.endswith(ending) for name in names), f"nothing ends in {ending}"
    assert {name.split("/")[0] for name in names if "/broken-" in name} == set(DATA)


def content(path: Path) -> object:
    """What a file holds, apart from how this machine's zlib packs it."""
    if path.suffix in (".zip", ".epub"):
        with zipfile.ZipFile(path) as archive:
            return [(info.filename, info.date_time, archive.read(info)) for info in archive.infolist()]
    if path.name.endswith(".jsonl.gz"):
        return gzip.decompress(path.read_bytes())
    if path.name == "README.md":  # sizes aside
        return re.sub(r"\| \d+ \|", "|", path.read_text(encoding="utf-8"))
    return path.read_bytes()


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the packages' files are not beside this checkout")
def test_script_makes_the_same_files_again(tmp_path: Path) -> None:
    build = [sys.executable, "-B", str(STARTER / "build.py"), str(CORPUS), str(tmp_path)]
    subprocess.run(build, check=True, timeout=1200)
    names = [*files(STARTER, *DATA, "LICENCES"), "README.md"]
    assert [*files(tmp_path, *DATA, "LICENCES"), "README.md"] == names
    assert [name for name in names if content(tmp_path / name) != content(STARTER / name)] == []
