import json
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import DataError, InputError, RecipeError, StoreError
from pretrain.config import MoeConfig, TrainConfig

torch = pytest.importorskip("torch")

from pretrain import checkpoint  # noqa: E402
from pretrain.checkpoint import Meta, Saver, check, keys, latest, load, load_model, read_meta, verify  # noqa: E402
from pretrain.ranks import Ranks  # noqa: E402
from pretrain.train import train  # noqa: E402

ALONE = Ranks(torch.device("cpu"))
Changed = Callable[..., TrainConfig]  # the fixture of conftest.py


@pytest.fixture
def meta(config: TrainConfig) -> Meta:
    return Meta(3, 12, "00", 1, "a" * 64, "b" * 64, 64, json.loads(json.dumps(asdict(config))))


def save(folder: Path, meta: Meta, state: dict[str, Any], keep: int = 1) -> None:
    saver = Saver(folder, ALONE, keep)
    saver.save(meta, state)
    saver.wait()


def loaded(folder: Path) -> tuple[Meta, float]:
    name = latest(folder)
    assert name is not None
    state = {"x": torch.zeros(2)}
    load(folder / name, state)
    return read_meta(folder / name), state["x"][0].item()


def test_what_was_saved_comes_back_and_only_the_newest_stay(tmp_path: Path, meta: Meta) -> None:
    assert latest(tmp_path) is None
    for step in (1, 2, 3, 3):
        save(tmp_path, replace(meta, step=step), {"x": torch.full((2,), float(step))}, keep=2)
    assert loaded(tmp_path) == (meta, 3.0)
    assert keys(tmp_path / "step-00000003") == {"x"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "step-00000002", "step-00000003"]


def test_what_changes_while_it_is_written_is_not_written(tmp_path: Path, meta: Meta) -> None:
    saver, weight = Saver(tmp_path, ALONE, keep=1), torch.ones(1_000_000)
    saver.save(meta, {"x": weight})
    weight.zero_()
    saver.wait()
    state = {"x": torch.zeros(1_000_000)}
    load(tmp_path / "step-00000003", state)
    assert state["x"].min() == 1


def test_a_failure_at_any_moment_leaves_one_that_loads(
    tmp_path: Path, meta: Meta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call that changes the folder is made to fail once, as the last thing that was done."""
    save(tmp_path, meta, {"x": torch.full((2,), 3.0)})
    calls = [(os, "fsync"), (Path, "rename"), (Path, "replace"), (Path, "mkdir"), (shutil, "rmtree")]
    failed, step = 0, meta.step
    for owner, name in calls:
        for survived in range(3):
            before, step = loaded(tmp_path)[0].step, step + 1
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, fails_after(survived, getattr(owner, name)))
                try:
                    save(tmp_path, replace(meta, step=step), {"x": torch.full((2,), float(step))})
                except (OSError, StoreError):
                    failed += 1
            found, value = loaded(tmp_path)
            assert found.step in {before, step}
            assert value == found.step
    assert failed >= len(calls)


def fails_after(survived: int, real: Any) -> Any:
    left: Iterator[int] = iter(range(survived))

    def call(*args: Any, **kwargs: Any) -> Any:
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        return real(*args, **kwargs)

    return call


def test_a_full_disk_is_told_in_a_line(tmp_path: Path, meta: Meta, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", fails_after(0, os.fsync))
    with pytest.raises(StoreError, match=r"could not be written .*No space left on device.*make room"):
        save(tmp_path, meta, {"x": torch.ones(2)})


def test_a_failure_of_one_rank_ends_all(tmp_path: Path, meta: Meta) -> None:
    class Second(Ranks):
        def total(self, *values: torch.Tensor) -> list[torch.Tensor]:
            return [value + 1 for value in values]  # what the first adds: it could not write

    saver = Saver(tmp_path, Second(ALONE.device), keep=1)
    saver.save(meta, {"x": torch.ones(2)})
    with pytest.raises(StoreError, match="rank 0 says why"):
        saver.wait()


def test_a_folder_that_cannot_be_made_is_told_in_a_line(tmp_path: Path, meta: Meta) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"could not be written .*file.*make room"):
        save(tmp_path / "file" / "checkpoints", meta, {"x": torch.ones(2)})


@pytest.mark.parametrize("name", ["__0_0.distcp", ".metadata", "meta.json"])
@pytest.mark.parametrize("content", [b"not a checkpoint", b"", b"cno.such\nmodule\n.", b"\x80\x05K\x01."])
def test_a_broken_checkpoint_is_named(tmp_path: Path, meta: Meta, name: str, content: bytes) -> None:
    save(tmp_path, meta, {"x": torch.ones(2)})
    (tmp_path / "step-00000003" / name).write_bytes(content)
    with pytest.raises(DataError, match="step-00000003 cannot be read"):
        loaded(tmp_path)
    if name == ".metadata":
        with pytest.raises(DataError, match="step-00000003 cannot be read"):
            keys(tmp_path / "step-00000003")


@pytest.mark.parametrize(("key", "value"), [("step", "six"), ("stream", "zz"), ("settings", []), ("files", None)])
def test_what_a_checkpoint_says_of_itself_is_looked_at(tmp_path: Path, meta: Meta, key: str, value: object) -> None:
    save(tmp_path, meta, {"x": torch.ones(2)})
    path = tmp_path / "step-00000003" / "meta.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value, "seal": ""}))
    with pytest.raises(DataError, match="step-00000003 cannot be read"):
        loaded(tmp_path)


def test_a_lost_file_is_told_in_a_line_only(tmp_path: Path, meta: Meta, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path, meta, {"x": torch.ones(2)})
    (tmp_path / "step-00000003" / ".metadata").unlink()
    with pytest.raises(DataError, match=r"step-00000003 cannot be read .*\.metadata"):
        load(tmp_path / "step-00000003", {"x": torch.ones(2)})
    assert "Traceback" not in caplog.text


def test_no_byte_of_a_checkpoint_may_change(tmp_path: Path, meta: Meta) -> None:
    save(tmp_path, meta, {"x": torch.ones(2)})
    folder = tmp_path / "step-00000003"
    verify(folder, read_meta(folder), ALONE)
    path = folder / "__0_0.distcp"
    content = bytearray(path.read_bytes())
    for at in (0, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(DataError, match=r"__0_0\.distcp is not what was written"):
            verify(folder, read_meta(folder), ALONE)
    path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        verify(folder, read_meta(folder), ALONE)


def test_each_rank_looks_at_its_share_and_all_refuse(tmp_path: Path, meta: Meta) -> None:
    @dataclass(frozen=True)
    class Two(Ranks):
        failed_elsewhere: int = 0

        def total(self, *values: torch.Tensor) -> list[torch.Tensor]:
            return [value + self.failed_elsewhere for value in values]

    save(tmp_path, meta, {"x": torch.ones(2)})
    folder = tmp_path / "step-00000003"
    (folder / ".metadata").write_bytes(b"x")
    first, second = (Two(torch.device("cpu"), rank, 2) for rank in (0, 1))
    with pytest.raises(DataError, match=r"\.metadata is not what was written"):
        verify(folder, read_meta(folder), first)
    verify(folder, read_meta(folder), second)
    with pytest.raises(DataError, match="another rank says why"):
        verify(folder, read_meta(folder), replace(second, failed_elsewhere=1))


def test_no_byte_of_what_it_says_may_change(tmp_path: Path, meta: Meta) -> None:
    """Another position would be read on from without a word."""
    save(tmp_path, meta, {"x": torch.ones(2)})
    folder = tmp_path / "step-00000003"
    content = (folder / "meta.json").read_bytes()
    for at in range(len(content)):
        (folder / "meta.json").write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(DataError, match="step-00000003 cannot be read"):
            read_meta(folder)


def test_a_folder_of_ones_own_is_left_alone(tmp_path: Path, meta: Meta) -> None:
    save(tmp_path, meta, {"x": torch.ones(2)})
    shutil.copytree(tmp_path / "step-00000003", tmp_path / "step-best")
    save(tmp_path, replace(meta, step=4), {"x": torch.ones(2)})
    (tmp_path / "latest").unlink()
    assert latest(tmp_path) == "step-00000004" and (tmp_path / "step-best").is_dir()


def test_latest_may_be_written_by_hand(tmp_path: Path, meta: Meta) -> None:
    save(tmp_path, meta, {"x": torch.ones(2)})
    (tmp_path / "latest").write_text("step-00000003\n", encoding="utf-8")
    assert loaded(tmp_path) == (meta, 1.0)
    (tmp_path / "latest").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="cannot be read"):
        loaded(tmp_path)
    (tmp_path / "latest").write_bytes(b"")
    with pytest.raises(DataError, match="latest is empty"):
        loaded(tmp_path)
    assert latest(tmp_path / "latest" / "of a file") is None


def test_other_data_or_settings_are_refused(tmp_path: Path, meta: Meta, changed: Changed) -> None:
    check(meta, replace(meta, step=0, position=0, settings=asdict(changed(log_every=7, device="cpu"))), tmp_path)
    with pytest.raises(DataError, match="trained with tokenizer aaaaaaaaaaaa, this corpus holds cccccccccccc"):
        check(meta, replace(meta, tokenizer_sha256="c" * 64), tmp_path)
    with pytest.raises(DataError, match="token order"):
        check(meta, replace(meta, order_sha256="c" * 64), tmp_path)
    with pytest.raises(RecipeError, match="seed = 0, the settings now say 1"):
        check(meta, replace(meta, settings=asdict(changed(seed=1))), tmp_path)
    with pytest.raises(RecipeError, match=r"began with model\.hidden = 64, the settings now say 96"):
        check(meta, replace(meta, settings=asdict(changed(hidden=96))), tmp_path)
    experts = asdict(changed(moe=MoeConfig(experts=4, top_k=2, hidden=8)))
    with pytest.raises(RecipeError, match=r"began with model\.moe\.experts = None, the settings now say 4"):
        check(meta, replace(meta, settings=experts), tmp_path)
    with pytest.raises(RecipeError, match=r"began with model\.moe\.experts = 4, the settings now say None"):
        check(replace(meta, settings=experts), meta, tmp_path)
    with pytest.raises(DataError, match="reads by order 0 of the loader"):
        check(replace(meta, loader_order=0), meta, tmp_path)


def test_a_model_is_read_from_a_run_or_a_step(tmp_path: Path, corpus_root: str, config: TrainConfig) -> None:
    config = replace(config, steps=4, save_every=2)
    train(corpus_root, config, tmp_path, say=lambda _: None)
    model, meta = load_model(tmp_path)
    early, before = load_model(tmp_path / checkpoint.FOLDER / "step-00000002")
    assert (before.step, meta.step, meta.vocab_size) == (2, 4, 64)
    assert not torch.equal(model.embedding.weight, early.embedding.weight)
    with pytest.raises(InputError, match="holds no checkpoint"):
        load_model(tmp_path / "none")


def save_on_and_on(folder: Path, meta: Meta, first: int) -> None:
    saver, state = Saver(folder, ALONE, keep=2), {"x": torch.zeros(200_000)}
    for step in range(first, first + 10_000):
        state["x"].fill_(step)
        saver.save(replace(meta, step=step), state)


def test_twenty_kills_while_saving(tmp_path: Path, meta: Meta) -> None:
    """A SIGKILL at a moment of its own each time, in whatever the saving process is at."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["pretrain.checkpoint"])
    moments, reached = random.Random(0), 0
    for _ in range(20):
        process = context.Process(target=save_on_and_on, args=(tmp_path, meta, reached + 1))
        process.start()
        while latest(tmp_path) in (None, f"step-{reached:08d}"):
            assert process.is_alive()
            time.sleep(0.002)
        time.sleep(moments.random() * 0.05)
        process.kill()
        process.join()
        state = {"x": torch.zeros(200_000)}
        name = latest(tmp_path)
        assert name is not None
        load(tmp_path / name, state)
        found = read_meta(tmp_path / name).step
        assert found > reached
        assert (state["x"] == found).all()
        reached = found
    assert len([*tmp_path.glob("step-*")]) <= 4
