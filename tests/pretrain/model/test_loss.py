import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from pretrain.model import loss  # noqa: E402
from pretrain.model.loss import IGNORED, linear_cross_entropy, token_losses  # noqa: E402

MANY = 100  # rows enough for two chunks once a chunk is 64


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK_LOGITS", {"cpu": 1, "cuda": 1})


def inputs(rows: int, width: int, vocab: int, dtype: torch.dtype = torch.float32, scale: float = 1.0):
    torch.manual_seed(rows)
    hidden = scale * torch.randn(rows, width, dtype=dtype)
    weight = torch.randn(vocab, width, dtype=dtype)
    return hidden.requires_grad_(), weight.requires_grad_(), torch.randint(vocab, (rows,))


def reference(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The sum of what cross_entropy says of whole logits."""
    return functional.cross_entropy((hidden @ weight.T).float(), targets, ignore_index=IGNORED, reduction="sum")


def with_gradients(function, hidden, weight, targets):
    value = function(hidden, weight, targets)
    return value, *torch.autograd.grad(3 * value, (hidden, weight))


@given(rows=st.integers(1, MANY), width=st.integers(1, 9), vocab=st.integers(1, 70), data=st.data())
@settings(deadline=None, max_examples=40)
def test_equals_cross_entropy_of_whole_logits(rows: int, width: int, vocab: int, data: st.DataObject) -> None:
    hidden, weight, targets = inputs(rows, width, vocab)
    ignored = data.draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
    targets[torch.tensor(ignored)] = IGNORED
    ours, theirs = (with_gradients(f, hidden, weight, targets) for f in (linear_cross_entropy, reference))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-4)
    assert ours[0].dtype == torch.float32


@given(rows=st.integers(1, MANY), data=st.data())
@settings(deadline=None, max_examples=20)
def test_what_a_gpu_computes_is_the_same(rows: int, data: st.DataObject) -> None:
    hidden, weight, targets = inputs(rows, 7, 30)
    targets[torch.tensor(data.draw(st.lists(st.booleans(), min_size=rows, max_size=rows)))] = IGNORED
    expected = with_gradients(reference, hidden, weight, targets)
    with torch.no_grad():
        found, by_hidden, by_weight = loss._without_waiting(hidden, weight, targets, wants_gradient=True)
    torch.testing.assert_close((found, 3 * by_hidden, 3 * by_weight), expected, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(with_gradients(loss.whole_logits, hidden, weight, targets), expected)


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    hidden, weight, targets = inputs(MANY, 3, 5, torch.float64)
    targets[::7] = IGNORED
    torch.autograd.gradcheck(lambda h, w: linear_cross_entropy(h, w, targets), (hidden, weight))


def test_nothing_to_predict_is_zero() -> None:
    hidden, weight, targets = inputs(4, 3, 5)
    for rows in (0, 4):
        value, *gradients = with_gradients(
            linear_cross_entropy, hidden[:rows], weight, torch.full_like(targets[:rows], IGNORED)
        )
        assert value == 0
        assert not any(gradient.any() for gradient in gradients)


def test_a_target_held_impossible_costs_what_it_should() -> None:
    hidden, weight, targets = inputs(8, 16, 50, scale=100.0)
    ours, theirs = (with_gradients(f, hidden, weight, targets) for f in (linear_cross_entropy, reference))
    assert ours[0] > 8 * 100  # far beyond what the logarithm of a float32 probability can say
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-3)


def test_under_autocast_the_products_alone_are_rounded() -> None:
    hidden, weight, targets = inputs(MANY, 16, 300)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = (with_gradients(f, hidden, weight, targets) for f in (linear_cross_entropy, reference))
    torch.testing.assert_close(ours[0], theirs[0], rtol=1e-6, atol=0)
    torch.testing.assert_close(ours[1:], theirs[1:], rtol=2e-2, atol=2e-2)
    assert ours[1].dtype == ours[2].dtype == torch.float32


def test_without_gradients_it_is_the_same_number() -> None:
    hidden, weight, targets = inputs(MANY, 3, 5)
    with torch.no_grad():
        value = linear_cross_entropy(hidden, weight, targets)
    assert not value.requires_grad
    assert value == linear_cross_entropy(hidden, weight, targets)


def test_losses_of_single_tokens_sum_to_it() -> None:
    hidden, weight, targets = inputs(12, 3, 5)
    targets[3] = IGNORED
    single = token_losses((hidden @ weight.T).view(3, 4, 5), targets.view(3, 4))
    assert single.shape == (3, 4)
    assert single[0, 3] == 0
    torch.testing.assert_close(single.sum(), linear_cross_entropy(hidden, weight, targets))
