import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import DataError, RecipeError

torch = pytest.importorskip("torch")

from pretrain.checkpoint import Meta, check, load, save  # noqa: E402

META = Meta(step=3, position=12, tokenizer_sha256="a" * 64, order_sha256="b" * 64, settings={"seed": 0})


def test_what_was_saved_comes_back_and_only_the_newest_stay(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    for step in (1, 2, 3, 3):
        save(tmp_path, replace(META, step=step), {"x": torch.full((2,), float(step))}, keep=2)
    meta, state = load(tmp_path) or pytest.fail("nothing was saved")
    assert meta == META
    assert state["x"].tolist() == [3.0, 3.0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "step-00000002", "step-00000003"]


def test_a_kill_at_any_moment_leaves_one_that_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call that changes the folder is made to fail once, as the last thing the process did."""
    save(tmp_path, META, {"x": torch.full((1,), 3.0)}, keep=1)
    calls = [(os, "fsync"), (Path, "rename"), (Path, "replace"), (Path, "mkdir"), (torch, "save")]
    killed, step = 0, META.step
    for owner, name in calls:
        for survived in range(4):
            before, step = step_of(tmp_path), step + 1
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, dies_after(survived, getattr(owner, name)))
                try:
                    save(tmp_path, replace(META, step=step), {"x": torch.full((1,), float(step))}, keep=1)
                except KeyboardInterrupt:
                    killed += 1
            assert step_of(tmp_path) in {before, step}
    assert killed >= len(calls)


def step_of(folder: Path) -> int:
    meta, state = load(folder) or pytest.fail("latest was lost")
    assert state["x"].item() == meta.step
    return meta.step


def dies_after(survived: int, real: Any) -> Any:
    left = iter(range(survived))

    def call(*args: Any, **kwargs: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    return call


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    folder = save(tmp_path, META, {}, keep=1)
    (folder / "state.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(DataError, match="step-00000003"):
        load(tmp_path)


def test_other_data_or_settings_are_refused(tmp_path: Path) -> None:
    check(META, replace(META, step=0, position=0), tmp_path)
    with pytest.raises(DataError, match="trained with tokenizer aaaaaaaaaaaa, this corpus holds cccccccccccc"):
        check(META, replace(META, tokenizer_sha256="c" * 64), tmp_path)
    with pytest.raises(DataError, match="token order"):
        check(META, replace(META, order_sha256="c" * 64), tmp_path)
    with pytest.raises(RecipeError, match="seed = 0, the settings now say 1"):
        check(META, replace(META, settings={"seed": 1}), tmp_path)
