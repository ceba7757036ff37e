import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import RecipeError

torch = pytest.importorskip("torch")

from pretrain.data import Batch, share, to_batch  # noqa: E402
from pretrain.model import IGNORED  # noqa: E402


@given(st.integers(0, 300), st.sampled_from([1, 2, 3, 6]))
def test_the_ranks_shares_are_the_global_batch(step: int, world_size: int) -> None:
    batch = 12
    shares = [share(step * batch, batch, rank, world_size) for rank in range(world_size)]
    windows = [window for first, count in shares for window in range(first, first + count)]
    assert windows == list(range(step * batch, step * batch + batch))


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(RecipeError, match="6 cannot be shared by 4 ranks"):
        share(0, 6, 0, 4)


def batch_of(windows: list[list[int]], bounds: list[int]) -> Batch:
    return to_batch(np.array(windows, np.int32), np.array(bounds), eos_id=1, pad_id=2, device=torch.device("cpu"))


def test_targets_follow_tokens_and_pad_bears_no_loss() -> None:
    batch = batch_of([[7, 8, 1, 2, 9]], [0, 3])
    assert batch.tokens.tolist() == [[7, 8, 1, 2]]
    assert batch.targets.tolist() == [[8, 1, IGNORED, 9]]
    assert batch.num_targets() == 3


def test_a_document_begins_with_the_mark_before_it_a_piece_with_itself() -> None:
    batch = batch_of([[7, 1, 8, 9, 9, 9], [6, 6, 5, 1, 1, 9]], [0, 2, 4, 5, 7, 9])
    assert batch.documents.tolist() == [[0, 1, 1, 1, 2], [0, 0, 1, 2, 3]]
