from copy import deepcopy
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch import multiprocessing, nn  # noqa: E402

from pretrain import muon  # noqa: E402
from pretrain.muon import Muon, newton_schulz  # noqa: E402

STEPS = 3


def trained(parameters: list[nn.Parameter], optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    """The parameters after a few steps against gradients that follow from their numbers."""
    for step in range(STEPS):
        for place, parameter in enumerate(parameters):
            generator = torch.Generator().manual_seed(100 * step + place)
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()
    return [parameter.detach().clone() for parameter in parameters]


def parameters(*shapes: tuple[int, ...]) -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(shape)) for shape in shapes]


@pytest.mark.parametrize("shape", [(8, 24), (24, 8), (16, 16)])
def test_agrees_with_the_muon_of_torch(shape: tuple[int, int]) -> None:
    ours, theirs = parameters(shape), parameters(shape)
    after = trained(ours, Muon(ours, lr=0.1, weight_decay=0.1))[0]
    expected = trained(theirs, torch.optim.Muon(theirs, lr=0.1, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"))[0]
    moved = (expected - parameters(shape)[0]).norm()
    assert (after - expected).norm() < 0.02 * moved  # torch's iterates in bfloat16


@pytest.mark.parametrize("shape", [(5, 12), (12, 5)])
def test_every_direction_gets_the_same_strength(shape: tuple[int, int]) -> None:
    torch.manual_seed(1)
    matrix = torch.randn(3, *shape)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    out = newton_schulz(matrix)
    strengths = (left.mT @ out @ right.mT).diagonal(dim1=1, dim2=2)
    assert out.shape == matrix.shape
    assert strengths.min() > 0.6
    assert strengths.max() < 1.3


def test_matrices_do_not_see_their_neighbours() -> None:
    shapes = [(6, 10), (6, 10), (10, 6), (6, 10), (3, 6, 10)]
    together, alone = parameters(*shapes), parameters(*shapes)
    after = trained(together, Muon(together, lr=0.1))
    apart = [Muon([parameter], lr=0.1) for parameter in alone]
    for step in range(STEPS):
        for place, parameter in enumerate(alone):
            generator = torch.Generator().manual_seed(100 * step + place)
            parameter.grad = torch.randn(parameter.shape, generator=generator)
            apart[place].step()
    torch.testing.assert_close(after, [parameter.detach() for parameter in alone])


def test_a_stack_of_experts_is_that_many_matrices() -> None:
    gradient = torch.randn(4, 6, 10, generator=torch.Generator().manual_seed(0))
    stack = nn.Parameter(torch.zeros(4, 6, 10))
    experts = [nn.Parameter(torch.zeros(6, 10)) for _ in range(4)]
    stack.grad = gradient
    for expert, part in zip(experts, gradient, strict=True):
        expert.grad = part.clone()
    Muon([stack], lr=0.1).step()
    Muon(experts, lr=0.1).step()
    torch.testing.assert_close(stack.detach(), torch.stack([expert.detach() for expert in experts]))


def test_zero_gradients_and_no_rate_change_no_bit() -> None:
    """What torch.distributed.checkpoint does to find out what an optimizer's state looks like."""
    held = parameters((6, 10), (2, 6, 10))
    optimizer = Muon(held, lr=0.0)
    for parameter in held:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    torch.testing.assert_close([p.detach() for p in held], parameters((6, 10), (2, 6, 10)), rtol=0, atol=0)
    assert all(state["momentum_buffer"].shape == parameter.shape for parameter, state in optimizer.state.items())


def test_refuses_a_vector() -> None:
    with pytest.raises(ValueError, match=r"not a parameter \(6,\)"):
        Muon([nn.Parameter(torch.zeros(6))], lr=0.1)


class Shards(nn.Module):
    """Matrices whose rows two ranks share unevenly, one whose rows one rank holds alone, and experts."""

    def __init__(self) -> None:
        super().__init__()
        shapes = [(7, 12), (7, 12), (7, 12), (1, 4), (12, 6), (3, 5, 8)]
        self.held = nn.ParameterList(parameters(*shapes))


def train_shards(optimizer: Muon, module: nn.Module) -> None:
    """Steps with gradients laid out as the parameters are."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    for step in range(STEPS):
        for place, parameter in enumerate(module.parameters()):
            generator = torch.Generator().manual_seed(100 * step + place)
            gradient = torch.randn(parameter.shape, generator=generator)
            if isinstance(parameter, DTensor):
                gradient = distribute_tensor(gradient, parameter.device_mesh, parameter.placements)
            parameter.grad = gradient
        optimizer.step()


def worker(rank: int, out: str) -> None:
    """One of two ranks: the sharded matrices, then the same ones dealt out, then a state that comes back."""
    from torch import distributed
    from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{out}/meeting", rank=rank, world_size=2)
    module = Shards()
    fully_shard(module, mesh=init_device_mesh("cpu", (2,)))
    optimizer = Muon(module.parameters(), lr=0.1)
    train_shards(optimizer, module)
    weights, state = deepcopy(get_state_dict(module, optimizer))
    sharded = [parameter.full_tensor().detach() for parameter in module.parameters()]

    again = Shards()
    fully_shard(again, mesh=init_device_mesh("cpu", (2,)))
    continued = Muon(again.parameters(), lr=0.3)
    set_state_dict(again, continued, model_state_dict=weights, optim_state_dict=state)
    train_shards(optimizer, module)
    train_shards(continued, again)
    pairs = zip(module.parameters(), again.parameters(), strict=True)
    same = all(torch.equal(one.to_local(), other.to_local()) for one, other in pairs)

    muon.WORTH_DEALING = 0
    plain = Shards()
    train_shards(Muon(plain.parameters(), lr=0.1), plain)
    dealt = [parameter.detach() for parameter in plain.parameters()]
    torch.save({"sharded": sharded, "dealt": dealt, "same": same}, Path(out) / f"{rank}.pt")
    distributed.destroy_process_group()


def test_two_ranks_step_as_one_process_does(tmp_path: Path) -> None:
    multiprocessing.spawn(worker, (str(tmp_path),), nprocs=2)
    single = Shards()
    train_shards(Muon(single.parameters(), lr=0.1), single)
    expected = [parameter.detach() for parameter in single.parameters()]
    ranks = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for rank in ranks:
        assert rank["same"]  # a restored optimizer goes on as the one that was saved
        torch.testing.assert_close(rank["sharded"], expected)
        torch.testing.assert_close(rank["dealt"], expected)
        for way in ("sharded", "dealt"):
            torch.testing.assert_close(rank[way], ranks[0][way], rtol=0, atol=0)
