from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import RecipeError
from corpus.windows import openings

torch = pytest.importorskip("torch")

from pretrain.data import Batch, digest, micro_batches, share, tensors, to_batch  # noqa: E402
from pretrain.model.loss import IGNORED  # noqa: E402
from pretrain.objectives.rows import Rows  # noqa: E402

CPU, EOS, PAD = torch.device("cpu"), 1, 2


def test_what_goes_to_a_gpu_is_pinned_as_it_is_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy on the way, as one of a tensor that is not contiguous needs, would be waited for."""
    pinned: list[torch.Tensor] = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: pinned.append(tensor) or tensor)
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *_, **__: tensor)
    ids = np.arange(20, dtype=np.int32).reshape(2, 10)
    moved = tensors(Rows(ids[:, :-1], ids[:, 1:], np.array([0, 9], np.int32)), torch.device("cuda"))
    assert len(pinned) == 3
    assert all(tensor.is_contiguous() for tensor in pinned)
    assert moved.targets.tolist() == ids[:, 1:].tolist()


@given(st.integers(0, 300), st.sampled_from([1, 2, 3, 6]))
def test_the_ranks_shares_are_the_global_batch(step: int, world_size: int) -> None:
    batch = 12
    shares = [share(step * batch, batch, rank, world_size) for rank in range(world_size)]
    windows = [window for first, count in shares for window in range(first, first + count)]
    assert windows == list(range(step * batch, step * batch + batch))


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(RecipeError, match="6 cannot be shared by 4 ranks"):
        share(0, 6, 0, 4)


def rows_of(windows: list[list[int]], bounds: list[int]) -> Rows:
    ids = np.array(windows, np.int32)
    return Rows(ids[:, :-1], ids[:, 1:], openings(ids, np.array(bounds), EOS))


def batch_of(windows: list[list[int]], bounds: list[int]) -> Batch:
    return to_batch(tensors(rows_of(windows, bounds), CPU), PAD)


def test_targets_follow_tokens_and_pad_bears_no_loss() -> None:
    batch = batch_of([[7, 8, 1, 2, 9]], [0, 3])
    assert batch.tokens.tolist() == [[7, 8, 1, 2]]
    assert batch.targets.tolist() == [[8, 1, IGNORED, 9]]


def test_a_document_begins_with_the_mark_before_it_a_piece_with_itself() -> None:
    batch = batch_of([[7, 1, 8, 9, 9, 9], [6, 6, 5, 1, 1, 9]], [0, 2, 4, 5, 7, 9])
    assert batch.documents.tolist() == [[1, 2, 2, 2, 3], [1, 1, 2, 3, 4]]
    assert batch.starts.tolist() == [0, 1, 4, 5, 7, 8, 9, 10]


@given(st.data())
def test_any_split_gives_the_same_digest_and_any_change_another(data: Any) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 32)))
    windows = rng.integers(0, 9, (6, 9)).tolist()
    rows = rows_of(windows, sorted({*range(0, 48, 8), *rng.integers(0, 48, 5).tolist()}))
    cut, position = data.draw(st.integers(0, 6)), data.draw(st.integers(0, 1 << 40))
    whole = digest(rows, position)
    with np.errstate(over="ignore"):
        parts = digest(rows.part(0, cut), position) + digest(rows.part(cut, 6), position + cut)
    assert parts.tolist() == whole.tolist()
    assert digest(rows, position + 1).tolist() != whole.tolist()
    targets = rows.targets.copy()
    targets[data.draw(st.integers(0, 5)), data.draw(st.integers(0, 7))] += 1
    assert digest(replace(rows, targets=targets), position).tolist() != whole.tolist()


@given(st.integers(0, 7))
def test_micro_batches_are_the_batch(micro: int) -> None:
    rows = rows_of([[7, 1, 8, 9], [6, 6, 5, 1], [1, 1, 4, 4], [3, 3, 3, 3], [2, 2, 2, 2]], [0, 2, 3, 6, 7, 8, 9, 12])
    whole, parts = to_batch(tensors(rows, CPU), PAD), [*micro_batches(rows, micro, PAD, CPU)]
    assert torch.equal(torch.cat([part.tokens for part in parts]), whole.tokens)
    assert torch.equal(torch.cat([part.targets for part in parts]), whole.targets)
    boundaries = [torch.diff(documents, dim=1) for documents in (whole.documents, *(part.documents for part in parts))]
    assert torch.equal(torch.cat(boundaries[1:]), boundaries[0])
