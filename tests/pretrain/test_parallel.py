"""Ranks as processes, gloo between them: whatever way the work is shared, the same is learned, to rounding."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import RecipeError
from pretrain.config import ParallelConfig, TrainConfig

torch = pytest.importorskip("torch")

from torch.utils.checkpoint import CheckpointPolicy  # noqa: E402

from corpus.shard import open_corpus  # noqa: E402
from pretrain.checkpoint import load_model  # noqa: E402
from pretrain.model.build import build_model  # noqa: E402
from pretrain.model.decoder import Block  # noqa: E402
from pretrain.parallel import COSTLY, build_placed, recompute_policy  # noqa: E402
from pretrain.ranks import Ranks, open_ranks  # noqa: E402
from pretrain.run import open_run  # noqa: E402
from pretrain.step import mean_loss, one_step  # noqa: E402
from pretrain.train import train  # noqa: E402

CPU = Ranks(torch.device("cpu"))
Changed = Callable[..., TrainConfig]  # the fixture of conftest.py


def after_steps(
    corpus_root: str, config: TrainConfig, steps: int = 3, ranks: Ranks = CPU
) -> list[tuple[float, float | None]]:
    run = open_run(open_corpus(corpus_root), config, ranks)
    return [mean_loss(run, taken) for taken in (one_step(run) for _ in range(steps)) if taken]


@pytest.mark.parametrize("checkpointing", ["selective", "full"])
def test_recomputed_activations_change_nothing(corpus_root: str, config: TrainConfig, checkpointing: str) -> None:
    how = ParallelConfig(checkpointing=checkpointing)
    assert after_steps(corpus_root, replace(config, parallel=how)) == after_steps(corpus_root, config)


def test_recomputing_keeps_less(config: TrainConfig) -> None:
    """What a backward pass finds saved: everything, what is costly, one tensor a layer."""

    def saved(checkpointing: str) -> int:
        torch.manual_seed(0)
        how = replace(config, parallel=ParallelConfig(checkpointing=checkpointing))
        (model, _), held = build_placed(how, 64, CPU), 0

        def count(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal held
            held += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            model(torch.ones(2, 32, dtype=torch.int64))
        return held

    assert saved("full") < saved("none")


def test_a_layer_is_handed_over_before_there_is_a_next_one(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a device never holds more than what was cut already, and one layer."""
    begun, drawn, make = 0, list[torch.Tensor](), Block.__init__

    def counted(*given: Any, **named: Any) -> None:
        nonlocal begun
        begun += 1
        make(*given, **named)

    def each(block: Block) -> Block:
        assert begun == len(drawn) + 1
        assert not block.attention.out.weight.any() and block.attention.query.weight.any()
        drawn.append(block.attention.query.weight.clone())
        block.attention.query.weight.data.fill_(1)
        return block

    torch.manual_seed(0)
    whole = build_model(config.model, 64, 32)
    monkeypatch.setattr(Block, "__init__", counted)
    torch.manual_seed(0)
    model = build_model(config.model, 64, 32, each)
    assert begun == config.model.layers
    assert all((block.attention.query.weight == 1).all() for block in model.blocks)  # nothing is drawn over it
    assert all(torch.equal(block.attention.query.weight, one) for block, one in zip(whole.blocks, drawn, strict=True))
    assert torch.equal(model.embedding.weight, whole.embedding.weight)


def test_selective_recomputing_keeps_every_operation_that_it_names() -> None:
    import torch.nn.attention.varlen  # registers an operation

    for name in COSTLY - {"flex_attention"}:
        space, _, short = name.rpartition(".")
        operation = getattr(getattr(torch.ops, space or "aten"), short).default
        assert recompute_policy(None, operation) == CheckpointPolicy.MUST_SAVE, name
    assert recompute_policy(None, torch.ops.higher_order.flex_attention) == CheckpointPolicy.MUST_SAVE
    assert recompute_policy(None, torch.ops.aten.mul.Tensor) == CheckpointPolicy.PREFER_RECOMPUTE


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(
    ("precision", "how"),
    [
        ("fp16", {}),
        ("fp16", {"compile": True}),
        ("bf16", {"attention": "dense"}),
        ("bf16", {"attention": "flex"}),
        ("bf16", {"attention": "varlen"}),
        ("bf16", {"compile": True}),
        ("bf16", {"compile": True, "attention": "flex"}),
        ("bf16", {"compile": True, "checkpointing": "selective"}),
        ("bf16", {"compile": True, "checkpointing": "full"}),
        ("bf16", {"compile": True, "strategy": "fsdp"}),
    ],
)
def test_a_gpu_learns_what_a_cpu_learns(
    corpus_root: str, changed: Changed, how: dict[str, object], precision: str
) -> None:
    torch._dynamo.reset()  # after eight compilations of a layer it would be left uncompiled, without a word
    config = changed(width=64)
    exact = after_steps(corpus_root, config)
    torch.use_deterministic_algorithms(False)
    config = replace(config, device="cuda", precision=precision, parallel=ParallelConfig(**how))
    with open_ranks(config) as ranks:
        found = after_steps(corpus_root, config, ranks=ranks)
    for (ours, _), (theirs, _) in zip(found, exact, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-2)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_the_same(corpus_root: str, config: TrainConfig, precision: str) -> None:
    exact = after_steps(corpus_root, config)
    found = after_steps(corpus_root, replace(config, precision=precision))
    for (ours, _), (theirs, _) in zip(found, exact, strict=True):
        assert ours == pytest.approx(theirs, rel=5e-3)
    assert found != exact


@pytest.mark.parametrize("name", ["head.weight", "blocks.0.feed.up.weight"])
@pytest.mark.parametrize("clip", [0.0, 1.0])
def test_an_overflow_changes_no_weight_of_any_optimizer(
    corpus_root: str, changed: Changed, name: str, clip: float
) -> None:
    """Muon has the layers' matrices, AdamW the rest: one gradient that is no number must spoil neither."""
    run = open_run(open_corpus(corpus_root), changed(precision="fp16", clip=clip), CPU)
    one_step(run)
    before, scale = {key: value.clone() for key, value in run.model.state_dict().items()}, run.scaler.get_scale()
    spoiled = run.model.get_parameter(name).register_hook(lambda gradient: gradient * float("nan"))
    assert one_step(run) is not None
    assert all(torch.equal(value, before[key]) for key, value in run.model.state_dict().items())
    assert (run.step, run.position, run.scaler.get_scale()) == (2, 8, scale / 2)
    spoiled.remove()
    one_step(run)
    assert all(value.isfinite().all() for value in run.model.state_dict().values())
    assert not torch.equal(run.model.state_dict()[name], before[name])


def test_one_process_may_shard_too(corpus_root: str, config: TrainConfig, tmp_path: Path) -> None:
    sharded = replace(config, steps=4, parallel=ParallelConfig(strategy="fsdp"))
    with open_ranks(sharded) as ranks:
        assert ranks.size == 1
    ours = train(corpus_root, sharded, tmp_path / "sharded", say=lambda _: None)
    theirs = train(corpus_root, replace(config, steps=4), tmp_path / "plain", say=lambda _: None)
    assert ours.stream == theirs.stream
    assert ours.heldout_bpb == pytest.approx(theirs.heldout_bpb, rel=1e-4)


def torchrun(ranks: int, corpus_root: str, config: Path, out: Path, *more: str) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=localhost"]
    command += ["--nproc-per-node", str(ranks), "-m", "pretrain.train"]
    command += [corpus_root, "--config", str(config), "--out", str(out), *more]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def toml(config: TrainConfig, path: Path) -> Path:
    """The settings as a file."""
    lines, tables = [], []
    for key, value in asdict(config).items():
        if isinstance(value, dict):
            tables.append(f"[{key}]")
            tables += [f"{k} = {json.dumps(v)}" for k, v in value.items() if v is not None]
        else:
            lines.append(f"{key} = {json.dumps(value)}")
    path.write_text("\n".join(lines + tables), encoding="utf-8")
    return path


def test_torchrun_with_sharded_ranks_goes_on_where_one_process_was(
    corpus_root: str, config: TrainConfig, tmp_path: Path
) -> None:
    """Four steps alone, four more by four ranks as two copies of two shards each, and back to one."""
    config = replace(config, steps=8, log_every=1, threads=1, batch_windows=8, profile_every=6)
    whole = train(corpus_root, config, tmp_path / "whole", say=lambda _: None)
    train(corpus_root, config, tmp_path / "moved", 4, say=lambda _: None)
    sharded = replace(config, parallel=ParallelConfig(strategy="fsdp", shard_ranks=2))
    torchrun(4, corpus_root, toml(sharded, tmp_path / "run.toml"), tmp_path / "moved", "--steps", "7")
    last = train(corpus_root, config, tmp_path / "moved", say=lambda _: None)
    assert last.stream == whole.stream
    assert last.heldout_bpb == pytest.approx(whole.heldout_bpb, rel=1e-3)
    ours, theirs = load_model(tmp_path / "moved")[0], load_model(tmp_path / "whole")[0]
    for key, weight in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[key], weight, atol=2e-3, rtol=2e-3)
    records = [json.loads(line) for line in (tmp_path / "moved" / "metrics.jsonl").read_text().splitlines()]
    measured = [record["comm_seconds"] for record in records if 5 <= record.get("step", 0) <= 7 and "batch" in record]
    assert measured[0] is None or measured[0] > 0
    assert measured[-1] > 0


def test_ranks_that_do_not_fit_are_named(config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with (
        pytest.raises(RecipeError, match='device = "cuda", and torch sees no GPU here'),
        open_ranks(replace(config, device="cuda")),
    ):
        pytest.fail("there is no GPU")
