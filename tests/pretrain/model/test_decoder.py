from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

import pytest

from pretrain.config import MoeConfig, TrainConfig

torch = pytest.importorskip("torch")

from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: E402

from pretrain.model.build import build_model  # noqa: E402
from pretrain.model.decoder import LanguageModel  # noqa: E402
from pretrain.model.layers import Embedding, Norm  # noqa: E402
from pretrain.model.loss import token_losses  # noqa: E402

VOCAB, EOS = 64, 1
Changed = Callable[..., TrainConfig]  # the fixture of conftest.py
TOKENS = torch.tensor([[5, 6, 7, EOS, 9, 10, 11, EOS, 13, 14]])
DOCUMENTS = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 2, 2, 2]])
POSITIONS = ["rotary", "sinusoidal", "relative"]


@pytest.fixture
def empty_is_nan(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What nothing was written into holds no number."""
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    former = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(former)


def scrambled(config: TrainConfig) -> LanguageModel:
    """A model whose every weight matters: what starts at zero would hide what it sees."""
    torch.manual_seed(0)
    model = LanguageModel(config.model, VOCAB, config.sequence_length)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model


def seen_from(model: LanguageModel, place: int) -> torch.Tensor:
    """How strongly the loss at `place` depends on each input's embedding: [T]."""
    embedded = model.embedding(TOKENS).detach().requires_grad_()
    logits = model.head(model.hidden(embedded, DOCUMENTS))
    token_losses(logits, TOKENS.roll(-1, dims=1))[0, place].backward()
    return embedded.grad[0].abs().sum(dim=1)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_half_precision_stays_so_from_layer_to_layer(device: str) -> None:
    """Autocast leaves an embedding as it is and makes norms float32 on a GPU, where attention wants all three alike."""
    with torch.device("meta"):
        embedding, norm = Embedding(8, 4), Norm(4)
    try:
        torch.set_autocast_enabled(device, True)  # torch.autocast looks for a GPU
        torch.set_autocast_dtype(device, torch.bfloat16)
        with FakeTensorMode(), torch.no_grad():
            for module in (embedding, norm):
                module.weight = torch.nn.Parameter(torch.empty(module.weight.shape, device=device))
            x = embedding(torch.empty(2, 3, dtype=torch.int32, device=device))
            assert (x.device.type, x.dtype, norm(x).dtype) == (device, torch.bfloat16, torch.bfloat16)
            assert norm(x.float()).dtype == torch.float32
    finally:
        torch.set_autocast_enabled(device, False)


@pytest.mark.parametrize("positions", POSITIONS)
def test_no_document_sees_another(changed: Changed, positions: str) -> None:
    model = scrambled(changed(document_mask=True, positions=positions))
    for place, first in [(2, 0), (3, 3), (6, 3), (7, 7), (9, 7)]:
        seen = seen_from(model, place)
        assert (seen[first : place + 1] > 0).all()
        assert (seen[:first] == 0).all()
        assert (seen[place + 1 :] == 0).all()


@pytest.mark.parametrize("positions", POSITIONS)
def test_without_a_mask_everything_before_is_seen_and_nothing_after(changed: Changed, positions: str) -> None:
    seen = seen_from(scrambled(changed(document_mask=False, positions=positions)), 6)
    assert (seen[:7] > 0).all()
    assert (seen[7:] == 0).all()


@pytest.mark.parametrize("positions", POSITIONS)
def test_a_document_is_read_the_same_wherever_it_stands(changed: Changed, positions: str) -> None:
    model = scrambled(changed(positions=positions))
    together = model(TOKENS, DOCUMENTS)[0, 3:7]
    alone = model(TOKENS[:, 3:7], torch.zeros(1, 4, dtype=torch.int64))[0]
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_the_summed_loss_is_that_of_the_logits(changed: Changed) -> None:
    model, targets = scrambled(changed()), TOKENS.roll(-1, dims=1)
    summed = model(TOKENS, DOCUMENTS, targets=targets)
    torch.testing.assert_close(summed, token_losses(model(TOKENS, DOCUMENTS), targets).sum())


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("qk_norm", [False, True])
def test_a_new_model_finds_every_token_about_equally_likely(changed: Changed, tied: bool, qk_norm: bool) -> None:
    model = build_model(changed(tied=tied, qk_norm=qk_norm).model, VOCAB, 32)
    assert (model.head.weight is model.embedding.weight) == tied
    assert any("query_norm" in name for name, _ in model.named_parameters()) == qk_norm
    loss = token_losses(model(TOKENS), TOKENS.roll(1)).mean().item()
    assert loss == pytest.approx(torch.tensor(float(VOCAB)).log().item(), abs=0.15)


@pytest.mark.usefixtures("empty_is_nan")
@pytest.mark.parametrize("kind", ["decoder", "encoder", "encoder-decoder"])
@pytest.mark.parametrize("tied", [False, True])
def test_every_parameter_is_drawn_as_documented(
    config: TrainConfig, kind: Literal["decoder", "encoder", "encoder-decoder"], tied: bool
) -> None:
    """Torch draws none of the matrices: one that `initialise` leaves out would be whatever lay in memory."""
    torch.manual_seed(0)
    experts = MoeConfig(experts=4, top_k=2, hidden=48, shared_hidden=24, dense_layers=1)
    model = build_model(replace(config.model, kind=kind, tied=tied, positions="relative", moe=experts), 500, 8)
    assert all(buffer.isfinite().all() for buffer in model.buffers())
    for name, weight in model.named_parameters():
        if weight.dim() == 1:
            assert (weight == 1).all(), name
        elif name.endswith(("out.weight", "down.weight", "head.weight")):
            assert (weight == 0).all(), name
        else:
            embedded = 0.02 if tied else 1.0
            std = embedded if name.startswith("embedding") else weight.shape[-1] ** -0.5
            assert weight.std().item() == pytest.approx(std, rel=4 * (2 * weight.numel()) ** -0.5), name


def test_sixteen_bits_change_little(changed: Changed) -> None:
    model = scrambled(changed())
    exact = model(TOKENS, DOCUMENTS, targets=TOKENS.roll(-1, dims=1))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model(TOKENS, DOCUMENTS, targets=TOKENS.roll(-1, dims=1))
    assert rounded.dtype == torch.float32
    assert 0 < abs(rounded - exact) < 0.05 * exact
