import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from corpus.errors import DataError, InputError, RecipeError, StoreError
from corpus.shard import open_corpus
from corpus.store import Store
from corpus.version import path_of, point, read_version, sealed
from pretrain.config import TrainConfig

Publish = Callable[..., str]  # fixtures of conftest.py
Changed = Callable[..., TrainConfig]

torch = pytest.importorskip("torch")

from pretrain import checkpoint  # noqa: E402
from pretrain.ranks import Ranks  # noqa: E402
from pretrain.run import open_run  # noqa: E402
from pretrain.train import PausedError, agree, cache_in, main, train  # noqa: E402

ALONE = Ranks(torch.device("cpu"))


def quiet(_: str) -> None:
    pass


def weights(out: Path) -> dict[str, torch.Tensor]:
    model, _ = checkpoint.load_model(out)
    return model.state_dict()


def losses(out: Path) -> list[tuple[int, float]]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(line["step"], line["loss"]) for line in lines if "batch" in line]


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_interrupted_or_not_the_same_bits(corpus_root: str, tmp_path: Path, changed: Changed, name: str) -> None:
    config = changed(name=name)
    whole = train(corpus_root, config, tmp_path / "whole", say=quiet)
    first = train(corpus_root, config, tmp_path / "halves", config.steps // 2, say=quiet)
    second = train(corpus_root, config, tmp_path / "halves", say=quiet)
    assert (first.steps, second.steps, whole.steps) == (10, 20, 20)
    assert replace(second, seconds=0) == replace(whole, seconds=0)
    assert losses(tmp_path / "halves") == losses(tmp_path / "whole")
    ours, theirs = weights(tmp_path / "halves"), weights(tmp_path / "whole")
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_it_learns_a_tiny_stream_by_heart(tmp_path: Path, changed: Changed, publish: Publish) -> None:
    root = publish(tmp_path / "small", train_documents=8)
    result = train(root, changed(steps=120), tmp_path / "out", say=quiet)
    assert losses(tmp_path / "out")[-1][1] < 0.1
    assert result.tokens == 120 * 4 * 32


def test_the_model_beats_frequencies_on_documents_it_never_saw(
    corpus_root: str, tmp_path: Path, changed: Changed
) -> None:
    said: list[str] = []
    result = train(corpus_root, changed(steps=150), tmp_path / "out", say=said.append)
    assert result.ratio < 0.7
    assert result.ratio == pytest.approx(result.heldout_bpb / result.unigram_bpb)
    assert set(result.per_domain) == {"web", "code"}
    assert said[-1].split()[0] == "all"
    record = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert record["ratio"] == result.ratio
    assert record["per_domain"]["web"]["bpb"] == result.per_domain["web"].bpb


def test_micro_batches_change_the_sum_only_by_rounding(corpus_root: str, tmp_path: Path, changed: Changed) -> None:
    train(corpus_root, changed(steps=5), tmp_path / "whole", say=quiet)
    train(corpus_root, changed(steps=5, micro_windows=1), tmp_path / "parts", say=quiet)
    assert losses(tmp_path / "parts")[-1][1] == pytest.approx(losses(tmp_path / "whole")[-1][1], rel=1e-3)


def test_a_corpus_with_another_tokenizer_or_order_is_refused(
    corpus_root: str, tmp_path: Path, config: TrainConfig, publish: Publish
) -> None:
    out = tmp_path / "out"
    train(corpus_root, config, out, 1, say=quiet)
    with pytest.raises(DataError, match="trained with tokenizer"):
        train(publish(tmp_path / "other", tokenizer_name="u"), config, out, say=quiet)
    with pytest.raises(DataError, match="trained with token order"):
        train(publish(tmp_path / "shuffled", order_name="p"), config, out, say=quiet)


def test_sigterm_finishes_the_step_and_saves(corpus_root: str, tmp_path: Path, changed: Changed) -> None:
    def terminate(line: str) -> None:
        if line.startswith("step  3 "):
            os.kill(os.getpid(), signal.SIGTERM)

    former = signal.getsignal(signal.SIGTERM)
    config = changed(log_every=1)
    with pytest.raises(PausedError, match="after step 3 of 20"):
        train(corpus_root, config, tmp_path / "out", say=terminate)
    assert signal.getsignal(signal.SIGTERM) is former
    assert train(corpus_root, config, tmp_path / "out", say=quiet).steps == 20
    assert [step for step, _ in losses(tmp_path / "out")] == list(range(1, 21))


def test_the_command_says_paused_by_its_exit_code(corpus_root: str, tmp_path: Path) -> None:
    settings = tmp_path / "run.toml"
    settings.write_text(
        "steps = 100_000\nsequence_length = 32\nbatch_windows = 2\n"
        "[optim]\nlr = 0.01\nembedding_lr = 0.01\nhead_lr = 0.01\n"
        "[model]\nlayers = 1\nwidth = 16\nheads = 2\nkv_heads = 1\nhidden = 32\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pretrain.train", corpus_root, "--out", str(tmp_path / "out")]
    command += ["--config", str(settings)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step"):
            process.terminate()
            break
    process.stdout.close()
    assert process.wait(timeout=300) == 75
    status = json.loads((tmp_path / "out" / "status.json").read_text(encoding="utf-8"))
    assert status["state"] == "paused"
    assert checkpoint.latest(tmp_path / "out" / checkpoint.FOLDER) == f"step-{status['step']:08d}"


def test_the_command_explains_a_missing_corpus_in_a_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pretrain.train", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: ")
    assert "Traceback" not in ran.stderr


def test_a_folder_that_cannot_be_had_is_told_in_a_line(corpus_root: str, tmp_path: Path, config: TrainConfig) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file cannot be written"):
        train(corpus_root, config, tmp_path / "file", say=quiet)
    train(corpus_root, config, tmp_path / "out", 1, say=quiet)
    (tmp_path / "out" / "metrics.jsonl").unlink()
    (tmp_path / "out" / "metrics.jsonl").mkdir()
    with pytest.raises(StoreError, match=r"metrics\.jsonl: Is a directory"):
        train(corpus_root, config, tmp_path / "out", say=quiet)


def test_two_runs_do_not_write_into_one_folder(corpus_root: str, tmp_path: Path, config: TrainConfig) -> None:
    refused = 0

    def second(line: str) -> None:
        nonlocal refused
        if line.startswith("step"):
            with pytest.raises(StoreError, match="another run writes into"):
                train(corpus_root, config, tmp_path / "out", say=quiet)
            refused += 1

    assert train(corpus_root, config, tmp_path / "out", say=second).steps == 20
    assert refused == 4
    assert train(corpus_root, config, tmp_path / "out", say=quiet).steps == 20


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("x: can't allocate memory: you tried"), MemoryError()],
)
def test_what_does_not_fit_into_memory_is_told_in_a_line(
    corpus_root: str, tmp_path: Path, config: TrainConfig, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def too_much(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("pretrain.train.one_step", too_much)
    with pytest.raises(RecipeError, match="lower `micro_windows`"):
        train(corpus_root, config, tmp_path, say=quiet)


def test_ranks_that_were_told_different_things_are_refused(
    corpus_root: str, tmp_path: Path, config: TrainConfig
) -> None:
    class Two(Ranks):
        def total(self, *values: torch.Tensor) -> list[torch.Tensor]:
            return [values[0] + 1 + values[0]]  # the other said something else

    run = replace(open_run(open_corpus(corpus_root), config, ALONE), ranks=Two(ALONE.device, 1, 2))
    with pytest.raises(RecipeError, match=r"rank 1: from the beginning to step 20, version 1.*--out"):
        agree(run, tmp_path, 20)
    agree(replace(run, ranks=ALONE), tmp_path, 20)


def test_a_rank_whose_peer_has_ended_says_so_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def cut_off(*_: object, **__: object) -> None:
        raise RuntimeError("[gloo/transport/tcp/pair.cc:537] Read error [127.0.0.1]:38836: Connection reset by peer")

    monkeypatch.setattr(sys, "argv", ["train", "corpus", "--out", "out"])
    monkeypatch.setattr("pretrain.train.train", cut_off)
    assert main() == 1
    assert (
        capsys.readouterr().err
        == "error of rank 0: another rank is gone (Connection reset by peer); run again to go on\n"
    )


def test_a_run_stops_after_a_step_or_more(corpus_root: str, tmp_path: Path, config: TrainConfig) -> None:
    with pytest.raises(RecipeError, match="after 0 steps"):
        train(corpus_root, config, tmp_path / "out", 0, say=quiet)


def test_a_cache_counts_what_it_holds_as_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    (tmp_path / "one.arrow").write_bytes(bytes(60))
    cache = cache_in(tmp_path)
    assert cache is not None
    assert cache.max_bytes == 80


def test_a_corpus_too_small_for_a_window_is_named(tmp_path: Path, changed: Changed, publish: Publish) -> None:
    root = publish(tmp_path / "small", train_documents=2)
    with pytest.raises(InputError, match="less than one window"):
        train(root, changed(sequence_length=512), tmp_path / "out", say=quiet)


def test_a_file_that_the_corpus_has_lost_is_named(corpus_root: str, tmp_path: Path, config: TrainConfig) -> None:
    (Path(corpus_root) / "tokenizer" / "t.model").unlink()
    with pytest.raises(DataError, match=r"tokenizer/t\.model is missing; restore it, or build again$"):
        train(corpus_root, config, tmp_path / "out", say=quiet)


def test_a_run_that_lost_its_latest_goes_on_from_the_newest(
    corpus_root: str, tmp_path: Path, config: TrainConfig
) -> None:
    """It would begin anew, and in the end delete what it did not look for."""
    train(corpus_root, config, tmp_path, 7, say=quiet)
    (tmp_path / "checkpoints" / "latest").unlink()
    said: list[str] = []
    train(corpus_root, config, tmp_path, 8, say=said.append)
    assert said[0].startswith(f"continuing {tmp_path} from step 7")


def test_the_room_without_torch_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; import corpus.errors, runpy\n"
        "try: import pretrain.train\n"
        "except corpus.errors.RecipeError as error: print(error)\n"
        "runpy.run_module('pretrain.train', run_name='__main__')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    message = "training needs torch, which is an extra: pip install -e '.[train]'\n"
    assert (ran.stdout, ran.stderr, ran.returncode) == (message, "error: " + message, 1)


def test_a_run_goes_on_with_the_version_it_began_with(corpus_root: str, tmp_path: Path, config: TrainConfig) -> None:
    whole = train(corpus_root, config, tmp_path / "whole", say=quiet)
    train(corpus_root, config, tmp_path / "moved", 7, say=quiet)
    store = Store(corpus_root)
    newer = {key: value for key, value in read_version(store, 1).items() if key != "seal"}
    store.put(path_of(2), sealed(newer | {"version": 2, "order": {"sha256": "f" * 64}}))
    point(store, 2)
    said: list[str] = []
    assert train(corpus_root, config, tmp_path / "moved", say=said.append).stream == whole.stream
    assert said[0].endswith(f"from step 7, version 1 of {corpus_root}")
    (Path(corpus_root) / path_of(1)).unlink()
    with pytest.raises(InputError, match=r"no version 1 of a corpus is published here; the run in .* reads it"):
        train(corpus_root, config, tmp_path / "moved", say=quiet)
