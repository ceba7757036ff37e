"""The front door: every command on real files, mistakes as one line, help at once."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

import gristmill
from corpus.recipe import load_recipe
from corpus.store import Store

Run = Callable[..., tuple[int, str, str]]
PATIENCE = 180.0  # seconds to wait for what comes after a few on an idle machine
PROSE = "The mill stands by the river and it grinds what the farmers bring to it. The wheel turns with the water. "


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process: exit code, what it printed, what it complained of."""

    def command(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gristmill", *map(str, words)])
        monkeypatch.delenv("GRISTMILL_DEBUG", raising=False)
        try:
            gristmill.main()
            code: object = 0
        except SystemExit as stop:
            code = stop.code
        out, complaints = capsys.readouterr()
        if isinstance(code, str):  # what sys.exit prints on its way out
            code, complaints = 1, complaints + code
        return int(code or 0), out, complaints  # type: ignore[call-overload]

    return command


@pytest.fixture(scope="module")
def recipe(world_at: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = world_at(tmp_path_factory.mktemp("door"))
    subprocess.run(
        [sys.executable, "-m", "gristmill", "build", str(path), "--workers", "1"], check=True, capture_output=True
    )
    return path


def root(recipe: Path) -> str:
    return load_recipe(recipe).store_url


def test_help_answers_at_once_and_imports_no_room() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "gristmill", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "build" in done.stdout and "takedown" not in done.stdout
    for heavy in ("pyarrow", "numpy", "prefect", "torch", "numba"):
        assert f" {heavy}\n" not in done.stderr
    at_least = min(core_seconds("-c", "import typer") for _ in range(3))  # about half of it
    assert min(core_seconds("-m", "gristmill", "--help") for _ in range(3)) < 5 * at_least


def core_seconds(*words: str) -> float:
    """What a run of Python takes of a core, however many others want it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_building_again_says_that_nothing_is_to_do_and_starts_no_worker(recipe: Path, run: Run) -> None:
    code, out, _ = run("build", recipe, "--workers", 2)
    assert code == 0 and "Nothing to do: version 1" in out


def test_a_build_does_not_import_prefect_or_torch(recipe: Path) -> None:
    program = (
        "import sys, gristmill\n"
        f"sys.argv = ['gristmill', 'build', {str(recipe)!r}]\n"
        "try: gristmill.main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "print(sorted({'prefect', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_a_first_build_shows_funnel_reasons_and_mixture(world: Path, run: Run) -> None:
    code, out, _ = run("build", world, "--workers", 1)
    assert code == 0
    for words in (
        "The funnel",
        "What is not in the shards",
        "The mixture",
        "The ledger balances",
        "quarantined",
        "duplicate",
    ):
        assert words in out


def test_plan_writes_nothing_and_says_what_is_done(recipe: Path, world: Path, run: Run) -> None:
    code, out, _ = run("plan", world)
    assert code == 0 and "Forecast" in out and "not done yet" in out
    assert not (world.parent / "out").exists()
    code, out, _ = run("plan", recipe)
    assert code == 0 and "Nothing to do" in out


def test_plan_says_which_setting_changed(recipe: Path, tmp_path: Path, run: Run) -> None:
    shutil.copytree(recipe.parent, tmp_path / "copy")
    other = tmp_path / "copy/recipe.toml"
    other.write_text(other.read_text().replace("min_words = 20", "min_words = 30"))
    code, out, _ = run("plan", other)
    assert code == 0 and "judge" in out and "20" in out and "30" in out


def test_verify_says_what_it_checked_and_fails_on_damage(recipe: Path, tmp_path: Path, run: Run) -> None:
    code, out, _ = run("verify", root(recipe))
    assert code == 0 and "WRONG" not in out
    shutil.copytree(root(recipe), tmp_path / "damaged")
    (shard,) = sorted((tmp_path / "damaged/shards").glob("00000.*"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    code, out, complaints = run("verify", tmp_path / "damaged")
    assert code == 1 and "WRONG" in out and "SHA-256" in out and "checks failed" in complaints


def test_sample_and_explain_show_a_document(recipe: Path, run: Run) -> None:
    code, out, _ = run("sample", root(recipe), "--dropped", "duplicate", "-n", 1)
    assert code == 0 and "twin" in out
    code, out, _ = run("explain", root(recipe), out.split()[0])
    assert code == 0 and "dropped as a duplicate of" in out
    code, out, _ = run("sample", root(recipe), "--source", "web", "-n", 1)
    code, out, _ = run("explain", root(recipe), out.split()[0][:12])
    assert code == 0 and "kept, split" in out and "https://mill.example/" in out


def test_extract_reads_a_page_or_standard_input(tmp_path: Path, run: Run) -> None:
    page = tmp_path / "page.html"
    page.write_bytes(b"<html><body><main><h1>Mill</h1><p>" + PROSE.encode() * 3 + b"</p></main></body></html>")
    code, out, _ = run("extract", page)
    assert code == 0 and PROSE.strip() in out
    command = [sys.executable, "-m", "gristmill", "extract", "-"]
    done = subprocess.run(command, input=page.read_bytes(), capture_output=True, check=True)
    assert done.stdout.decode().strip() == out.strip()


def test_extract_prints_utf8_in_any_locale(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<meta charset=utf-8><p>水車は回る。</p>", "utf-8")
    command = [sys.executable, "-m", "gristmill", "extract", page]
    done = subprocess.run(command, capture_output=True, check=True, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.stdout.decode() == "水車は回る。\n"


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a file without an end")
def test_extract_reads_no_file_without_end(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_bytes(b"x" * (16 * 2**20 + 1))
    code, _, complaints = run("extract", page)
    assert code == 1 and "larger than 16,777,216 bytes" in complaints
    code, _, complaints = run("extract", "/dev/zero")
    assert code == 1 and "binary data" in complaints


@pytest.fixture
def table(tmp_path: Path) -> Path:
    texts = [
        PROSE * 4,
        PROSE * 4 + "And one more line.",
        "short",
        None,
        "{ curly } " * 60,
        "Quite another story. " + "word " * 80,
    ]
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"id": [f"d{n}" for n in range(len(texts))], "text": texts}), path)
    return path


def test_dedupe_names_a_kept_twin(table: Path, tmp_path: Path, run: Run) -> None:
    code, out, _ = run("dedupe", table, "--out", tmp_path / "out.parquet", "--threshold", 0.8)
    assert code == 0 and "5 of 6 documents kept" in out
    rows = {row["id"]: row for row in pq.read_table(tmp_path / "out.parquet").to_pylist()}
    assert list(rows["d0"]) == ["id", "kept", "twin", "similarity"]
    assert rows["d0"]["twin"] == "d1" and not rows["d0"]["kept"] and 0.8 <= rows["d0"]["similarity"] < 1
    assert rows["d1"]["kept"] and rows["d1"]["twin"] is None and rows["d1"]["similarity"] is None


def test_dedupe_takes_a_preset_and_tells_what_it_misses(table: Path, tmp_path: Path, run: Run) -> None:
    words = ("dedupe", table, "--out", tmp_path / "out.parquet", "--preset", "data-prep-kit")
    code, out, _ = run(*words, "--threshold", 0.8)
    assert code == 0 and "5 of 6 documents kept at Jaccard 0.8" in out
    assert "preset data-prep-kit, changed: 14 bands × 8 rows of 5 words; of alike pairs, 7.65 % at 0.8, 1.16 %" in out
    code, _, complaints = run(*words, "--preset", "data-prep")
    assert code == 1 and "did you mean `data-prep-kit`?" in complaints


def test_score_gives_rules_and_a_column_a_score(table: Path, tmp_path: Path, run: Run) -> None:
    code, _, _ = run("score", table, "--chain", "web", "--out", tmp_path / "out.parquet")
    assert code == 0
    scored = pq.read_table(tmp_path / "out.parquet")
    assert scored.schema.field("rules").type == pa.list_(pa.string())
    assert scored.schema.field("kept").type == pa.bool_()
    rows = {row["id"]: row for row in scored.to_pylist()}
    assert "gopher_quality.few_words" in rows["d2"]["rules"] and not rows["d2"]["kept"]
    assert all(row["kept"] == (not row["rules"]) for row in rows.values())
    said = [f"language.{name}" for name in ("label", "sure", "lang", "script")]
    scores = [name for name in scored.column_names if "." in name and name not in said]
    assert len(scores) > 20 and all(
        pa.types.is_floating(t) or pa.types.is_integer(t) for t in (scored.schema.field(n).type for n in scores)
    )


def test_tokenize_gives_the_models_ids(table: Path, recipe: Path, tmp_path: Path, run: Run) -> None:
    import sentencepiece

    (model,) = (Path(root(recipe)) / "tokenizer").glob("*.model")
    code, _, _ = run("tokenize", table, "--model", model, "--out", tmp_path / "out.arrow")
    assert code == 0
    with pa.ipc.open_file(str(tmp_path / "out.arrow")) as reader:
        rows = reader.read_all().to_pylist()
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    for row, text in zip(rows, pq.read_table(table)["text"].to_pylist(), strict=True):
        assert row["tokens"] == processor.encode(text or "")


def test_a_table_that_ends_badly_leaves_no_file(recipe: Path, tmp_path: Path, run: Run) -> None:
    (model,) = (Path(root(recipe)) / "tokenizer").glob("*.model")
    texts = pa.array([b"the mill"] * 999 + [b"\xff\xfe"], pa.binary())
    pq.write_table(pa.table({"id": range(1_000), "text": texts}), tmp_path / "in.parquet")
    code, _, said = run("tokenize", tmp_path / "in.parquet", "--model", model, "--out", tmp_path / "out.arrow")
    assert code == 1 and "not a Parquet file with text in `text`" in said
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["build", "nope.toml"], "nope.toml: cannot be read"),
        (["extract", "nope.html"], "nope.html: cannot be read"),
        (["dedupe", "nope.parquet", "--out", "x"], "nope.parquet: cannot be read"),
        (["score", "IN", "--chain", "wbe", "--out", "x"], "`web`"),
        (["dedupe", "IN", "--out", "x", "--threshold", "7"], "at most 1"),
        (["tokenize", "IN", "--model", "IN", "--out", "x"], "not a SentencePiece model"),
        (["dedupe", "IN", "--out", "x", "--bands", "14"], "given with `rows`"),
        (["dedupe", "IN", "--out", "/nowhere/x.parquet"], "there is no folder /nowhere"),
        (["score", "IN", "--out", "/nowhere/x.parquet"], "cannot be written"),
        (["sample", "ROOT", "--source", "wbe"], "no source `wbe`"),
        (["clusters", "ROOT", "--source", "wbe"], "there are books, code, rows, web"),
        (["verify", "nowhere"], "no corpus is published here"),
        (["build", "RECIPE", "--store", "ftp://x"], "no such kind of store"),
        (["train", "nowhere"], "no corpus is published here"),
        (["train", "ROOT", "--config", "tyni"], "tiny"),
    ],
)
def test_mistakes_are_one_line(words: list[str], says: str, table: Path, recipe: Path, run: Run) -> None:
    places = {"IN": table, "RECIPE": recipe, "ROOT": root(recipe)}
    code, _, complaints = run(*(places.get(word, word) for word in words))
    assert code == 1 and says in complaints and "Traceback" not in complaints
    assert len(complaints.strip().splitlines()) == 1


def test_debug_shows_the_trace(recipe: Path) -> None:
    command = [sys.executable, "-m", "gristmill", "--debug", "build", "nope.toml"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 1 and "Traceback" in done.stderr


def test_an_interrupted_build_says_how_to_go_on(world: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored, and so its children
    command = [sys.executable, "-m", "gristmill", "build", str(world), "--workers", "2"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for_entries(world)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and complaints.strip() == "stopped; run the same command again to go on"
    assert not left(process.pid)


def wait_for_entries(recipe: Path) -> None:
    """Until a build has committed something."""
    store, until = Store(load_recipe(recipe).store_url), time.monotonic() + PATIENCE
    while not store.list("entries"):
        assert time.monotonic() < until
        time.sleep(0.05)


def left(group: int) -> bool:
    """Whether a process of the group stays."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True


def test_a_killed_build_leaves_no_worker(world: Path) -> None:
    command = [sys.executable, "-m", "gristmill", "build", str(world), "--workers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    wait_for_entries(world)
    process.kill()
    process.wait()
    assert not left(process.pid)
