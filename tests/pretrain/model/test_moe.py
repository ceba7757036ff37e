import json
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.shard import open_corpus
from pretrain.config import ModelConfig, MoeConfig, ParallelConfig, TrainConfig, load_config

torch = pytest.importorskip("torch")

from torch import Tensor, multiprocessing, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from pretrain.checkpoint import load_model  # noqa: E402
from pretrain.flops import matrix_parameters  # noqa: E402
from pretrain.model.decoder import Block, LanguageModel  # noqa: E402
from pretrain.model.layers import FeedForward  # noqa: E402
from pretrain.model.moe import Experts, MoE, balance, layers, load, one_by_one  # noqa: E402
from pretrain.optim import build_optimizers  # noqa: E402
from pretrain.parallel import build_placed  # noqa: E402
from pretrain.ranks import Ranks, leave, open_ranks  # noqa: E402
from pretrain.run import open_run  # noqa: E402
from pretrain.step import one_step  # noqa: E402
from pretrain.train import train  # noqa: E402

Changed = Callable[..., TrainConfig]  # fixture of conftest.py

ALONE = Ranks(torch.device("cpu"))
EXPERTS = MoeConfig(experts=6, top_k=2, hidden=16, shared_hidden=8, balance_rate=0.01)


def quiet(_: str) -> None:
    pass


def drawn(module: nn.Module, seed: int = 0) -> Any:
    """A module with all its weights drawn: those that start at zero hide what is wrong behind them."""
    torch.manual_seed(seed)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module


def everywhere(moe: MoE, x: Tensor) -> Tensor:
    """The oracle: every token through every expert, with the weight 0 where it was not chosen."""
    scores = torch.sigmoid(x @ moe.router.weight.T)
    lowest = (scores + moe.bias).topk(moe.config.top_k).values[..., -1:]
    kept = scores * (scores + moe.bias >= lowest)
    inner = functional.silu(torch.einsum("btw,ehw->bteh", x, moe.gate.weight))
    inner = inner * torch.einsum("btw,ehw->bteh", x, moe.up.weight)
    outs = torch.einsum("bteh,ewh->btew", inner, moe.down.weight)
    mixed = (outs * (kept / kept.sum(-1, keepdim=True)).unsqueeze(-1)).sum(-2)
    return mixed + moe.shared(x) if moe.shared else mixed


@pytest.mark.parametrize(
    "config",
    [
        EXPERTS,
        replace(EXPERTS, top_k=1, shared_hidden=0),
        replace(EXPERTS, top_k=6),
        MoeConfig(experts=1, top_k=1, hidden=3),
    ],
)
def test_equals_every_token_through_every_expert(config: MoeConfig) -> None:
    moe = drawn(MoE(12, config))
    moe.bias[0] = -2.0  # an expert that no token goes to, unless all go to all
    x = torch.randn(3, 7, 12, requires_grad=True)
    signal = torch.randn(3, 7, 12)
    found = moe(x), *torch.autograd.grad(moe(x), [x, *moe.parameters()], signal)
    wanted = everywhere(moe, x), *torch.autograd.grad(everywhere(moe, x), [x, *moe.parameters()], signal)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sizes", [[5, 0, 9, 2], [0, 0, 0, 3], [4, 4, 4, 4], [1, 0, 0, 0]])
def test_grouped_products_are_those_of_the_loop(sizes: list[int]) -> None:
    grouped = drawn(Experts(4, 16, 24)).bfloat16()
    rows = torch.randn(sum(sizes), 16, dtype=torch.bfloat16, requires_grad=True)
    ends = torch.tensor(sizes).cumsum(0).int()
    outs = grouped(rows, ends), one_by_one(rows, grouped.weight, ends)
    signal = torch.randn_like(outs[0])
    ours, theirs = (torch.autograd.grad(out, [rows, grouped.weight], signal) for out in outs)
    torch.testing.assert_close((outs[0], *ours), (outs[1], *theirs), rtol=0.01, atol=0.01)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 9), st.data())
def test_all_tokens_are_routed(rows: int, experts: int, data: st.DataObject) -> None:
    chosen = data.draw(st.integers(1, experts))
    moe = drawn(MoE(8, MoeConfig(experts=experts, top_k=chosen, hidden=4)), seed=rows)
    moe.bias.copy_(torch.randn(experts))
    moe(torch.randn(1, rows, 8))
    ids, weights = moe.route(torch.randn(rows, 8))
    assert moe.counts.sum() == rows * chosen
    assert all(len(set(row)) == chosen for row in ids.tolist())
    torch.testing.assert_close(weights.sum(-1), torch.ones(rows))


def test_the_bias_chooses_and_does_not_weigh() -> None:
    moe = drawn(MoE(8, MoeConfig(experts=4, top_k=2, hidden=4)))
    rows = torch.randn(50, 8)
    before, weights = moe.route(rows)
    moe.bias += 3.0
    assert torch.equal(moe.route(rows)[1], weights)
    moe.bias[2] += 3.0
    after, weights = moe.route(rows)
    scores = torch.sigmoid(rows @ moe.router.weight.T).gather(1, after)
    assert (after == 2).any(1).all()
    assert not (before == 2).any(1).all()
    torch.testing.assert_close(weights, scores / scores.sum(-1, keepdim=True))


def test_a_token_goes_its_way_whatever_is_beside_it() -> None:
    """So text can be generated a token at a time."""
    moe = drawn(MoE(8, EXPERTS))
    x = torch.randn(2, 5, 8)
    one_at_a_time = torch.cat([moe(x[:, place : place + 1]) for place in range(5)], 1)
    torch.testing.assert_close(one_at_a_time, moe(x))


def skewed(rate: float) -> tuple[float, float]:
    """The load before and after many steps on tokens that all like the same two experts of eight."""
    moe = drawn(MoE(8, MoeConfig(experts=8, top_k=2, hidden=4, balance_rate=rate)))
    liked = torch.randn(8)
    moe.router.weight.data[:2] += liked
    loads = []
    for _ in range(150):
        moe(liked + torch.randn(1, 512, 8))
        balance(moe, ALONE)
        loads.append(load(moe)["expert_load"])
    return loads[0], loads[-1]


def test_balance_evens_a_skewed_load_and_nothing_else_does() -> None:
    before, after = skewed(0.02)
    assert before > 3
    assert after < 2
    _, never = skewed(0.0)
    assert never > 3


def test_load_tells_of_the_last_step_alone() -> None:
    moe = MoE(4, MoeConfig(experts=4, top_k=1, hidden=4, balance_rate=0.5))
    moe.router.weight.data.copy_(torch.eye(4))
    for _ in range(2):
        moe.bias.zero_()
        moe(torch.eye(4)[[0, 0, 0, 1]][None])
        with torch.no_grad():
            moe(torch.eye(4)[None])  # an evaluation
        balance(moe, ALONE)
        assert moe.bias.tolist() == [-0.5, 0.0, 0.5, 0.5]
        assert load(moe) == {"expert_load": 3.0, "expert_load_worst": 3.0, "experts_unused": 0.5}
    assert load(FeedForward(4, 4)) == {}
    balance(FeedForward(4, 4), ALONE)


SHAPE = ModelConfig(layers=2, width=32, heads=4, kv_heads=2, hidden=64, moe=replace(EXPERTS, dense_layers=1))


def test_the_first_layers_stay_dense_and_active_parameters_are_those_of_the_flops() -> None:
    model = LanguageModel(SHAPE, 64, 16)
    dense, sparse = (block.feed for block in model.blocks)
    assert isinstance(dense, FeedForward)
    assert isinstance(sparse, MoE)
    sizes = {name: weight.numel() for name, weight in model.named_parameters() if weight.dim() > 1}
    del sizes["embedding.weight"]
    active = sum(size * (2 / 6 if model.get_parameter(name).dim() == 3 else 1) for name, size in sizes.items())
    assert active == matrix_parameters(SHAPE, 64)


def test_a_new_layer_adds_nothing_and_the_router_is_no_matter_for_muon() -> None:
    model = LanguageModel(SHAPE, 64, 16)
    feed = model.blocks[1].feed
    assert not feed(torch.randn(1, 4, 32)).any()
    assert feed.gate.weight.std().item() == pytest.approx(32**-0.5, rel=0.1)
    optim = load_config("tiny-moe").optim
    muon, adamw = ({id(p) for group in o.param_groups for p in group["params"]} for o in build_optimizers(model, optim))
    assert id(feed.router.weight) in adamw
    assert {id(feed.gate.weight), id(feed.down.weight), id(feed.shared.up.weight)} <= muon


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("how", ["selective", "full"])
def test_layers_computed_anew_route_and_balance_alike(
    changed: Changed, how: Literal["selective", "full"], half: bool
) -> None:
    results = []
    for parallel in (ParallelConfig(), ParallelConfig(checkpointing=how)):
        config = replace(changed(moe=EXPERTS), parallel=parallel)
        model, _ = build_placed(config, 64, ALONE)
        drawn(model)
        tokens = torch.randint(64, (4, 32), generator=torch.Generator().manual_seed(0))
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = model(tokens, targets=tokens)
        loss.backward()
        balance(model, ALONE)
        gradients = [parameter.grad for parameter in model.parameters()]
        results.append([loss, *gradients, *(t for layer in layers(model) for t in (layer.bias, layer.load))])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_compiles_as_one_graph() -> None:
    moe = drawn(MoE(16, replace(EXPERTS, experts=4))).bfloat16()
    x = torch.randn(1, 9, 16, dtype=torch.bfloat16)
    compiled: Any = torch.compile(moe, backend="eager", fullgraph=True)
    assert torch.equal(compiled(x), moe(x))
    assert moe.counts.sum() == 2 * 9 * 2


def test_interrupted_or_not_the_same_bits(corpus_root: str, tmp_path: Path, changed: Changed) -> None:
    config = changed(moe=EXPERTS, steps=6, log_every=1, micro_windows=2)
    whole = train(corpus_root, config, tmp_path / "whole", say=quiet)
    train(corpus_root, config, tmp_path / "halves", 3, say=quiet)
    halves = train(corpus_root, config, tmp_path / "halves", say=quiet)
    assert replace(halves, seconds=0) == replace(whole, seconds=0)
    ours, theirs = (load_model(tmp_path / out)[0].state_dict() for out in ("halves", "whole"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert ours["blocks.0.feed.bias"].abs().max() >= 0.01
    lines = (tmp_path / "whole" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    reported = [line for line in map(json.loads, lines) if "loss" in line]
    assert all(1 <= line["expert_load"] <= line["expert_load_worst"] <= 6 for line in reported)


def steps_of(corpus_root: str, config: TrainConfig, ranks: Ranks) -> list[Tensor]:
    """Three steps; then the experts' biases and how the last step's tokens lay."""
    run = open_run(open_corpus(corpus_root), config, ranks)
    for _ in range(3):
        one_step(run)
    return [tensor for layer in layers(run.model) for tensor in (layer.bias, layer.load)]


def ways(config: TrainConfig) -> list[TrainConfig]:
    """A model on each rank; and one cut over the ranks, six experts among them, its layers computed anew."""
    return [config, replace(config, parallel=ParallelConfig(strategy="fsdp", checkpointing="full"))]


def worker(rank: int, port: int, corpus_root: str, config: TrainConfig, out: str) -> None:
    """One of two ranks."""
    with pytest.MonkeyPatch.context() as patch:
        given = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        for name, value in given.items():
            patch.setenv(name, str(value))
        with open_ranks(config) as ranks:
            torch.save([steps_of(corpus_root, way, ranks) for way in ways(config)], f"{out}/{rank}.pt")
    leave(0)


def test_two_ranks_balance_as_one(corpus_root: str, tmp_path: Path, changed: Changed) -> None:
    config = changed(moe=EXPERTS, micro_windows=1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    multiprocessing.spawn(worker, (port, corpus_root, config, str(tmp_path)), nprocs=2)
    alone = steps_of(corpus_root, config, ALONE)
    assert alone[0].any()
    for rank in range(2):
        for found in torch.load(tmp_path / f"{rank}.pt"):
            assert all(torch.equal(one, other) for one, other in zip(found, alone, strict=True))


def test_the_settings_name_equal_active_widths() -> None:
    dense, sparse = load_config("tiny").model, load_config("tiny-moe").model
    assert sparse.moe is not None
    assert sparse.moe.top_k * sparse.moe.hidden + sparse.moe.shared_hidden == dense.hidden
    assert isinstance(Block(sparse).feed, MoE)
