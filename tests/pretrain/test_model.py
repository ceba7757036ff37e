from collections.abc import Callable

import pytest

from pretrain.config import TrainConfig

torch = pytest.importorskip("torch")

from pretrain.model import Decoder, attend, document_ids, rotary, rotate, token_losses  # noqa: E402

VOCAB, EOS = 64, 1
Changed = Callable[..., TrainConfig]  # the fixture of conftest.py


def scrambled(config: TrainConfig) -> Decoder:
    """A model whose every weight matters: what starts at zero would hide what it sees."""
    torch.manual_seed(0)
    model = Decoder(config.model, VOCAB, config.sequence_length)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model


def seen_from(model: Decoder, tokens: torch.Tensor, place: int) -> torch.Tensor:
    """How strongly the loss at `place` depends on each input's embedding: [T]."""
    embedded = model.embedding(tokens).detach().requires_grad_()
    logits = model.head(model.hidden(embedded, document_ids(tokens, EOS)))
    token_losses(logits, tokens.roll(-1, dims=1))[0, place].backward()
    return embedded.grad[0].abs().sum(dim=1)


TOKENS = torch.tensor([[5, 6, 7, EOS, 9, 10, 11, EOS, 13, 14]])


def test_no_document_sees_another(changed: Changed) -> None:
    model = scrambled(changed(document_mask=True))
    for place, first in [(2, 0), (3, 3), (6, 3), (7, 7), (9, 7)]:
        seen = seen_from(model, TOKENS, place)
        assert (seen[first : place + 1] > 0).all()
        assert (seen[:first] == 0).all()
        assert (seen[place + 1 :] == 0).all()


def test_without_a_mask_everything_before_is_seen_and_nothing_after(config: TrainConfig) -> None:
    seen = seen_from(scrambled(config), TOKENS, 6)
    assert (seen[:7] > 0).all()
    assert (seen[7:] == 0).all()


def test_attention_agrees_with_its_definition() -> None:
    torch.manual_seed(1)
    query, key, value = torch.randn(1, 4, 6, 8), torch.randn(1, 2, 6, 8), torch.randn(1, 2, 6, 8)
    documents = torch.tensor([[0, 0, 0, 1, 1, 1]])
    key4, value4 = (x.repeat_interleave(2, dim=1) for x in (key, value))
    scores = query @ key4.transpose(2, 3) / 8**0.5
    allowed = (documents[0][:, None] == documents[0]) & torch.ones(6, 6).tril().bool()
    expected = scores.masked_fill(~allowed, float("-inf")).softmax(dim=-1) @ value4
    torch.testing.assert_close(attend(query, key, value, documents), expected)


def test_rotation_keeps_lengths_and_depends_on_distance_alone() -> None:
    torch.manual_seed(2)
    cos, sin = rotary(16, 8, 10_000.0)
    query, key = (rotate(torch.randn(8).expand(16, 8), cos, sin) for _ in range(2))
    torch.testing.assert_close(query.norm(dim=1), query.norm(dim=1)[:1].expand(16))
    products = query @ key.T
    torch.testing.assert_close(products[5, 3], products[12, 10])
    assert abs(products[5, 3] - products[5, 4]) > 1e-3


@pytest.mark.parametrize("tied", [False, True])
def test_a_new_model_finds_every_token_about_equally_likely(changed: Changed, tied: bool) -> None:
    model = Decoder(changed(tied=tied).model, VOCAB, 32)
    assert (model.head.weight is model.embedding.weight) == tied
    loss = token_losses(model(TOKENS), TOKENS.roll(1)).mean().item()
    assert loss == pytest.approx(torch.tensor(float(VOCAB)).log().item(), abs=0.15)
