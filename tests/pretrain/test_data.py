import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import InputError, RecipeError
from corpus.shard import TokenStream

torch = pytest.importorskip("torch")

from pretrain.data import read_windows, share, to_batch  # noqa: E402
from pretrain.model import IGNORED  # noqa: E402


def stream(*sizes: int) -> TokenStream:
    ids = np.arange(sum(sizes), dtype=np.uint16)
    cuts = np.cumsum(sizes)[:-1]
    return TokenStream(np.split(ids, cuts), vocab_size=1 << 16, eos_id=1, pad_id=2)


@given(st.lists(st.integers(1, 90), min_size=1, max_size=4), st.integers(0, 300), st.integers(1, 9))
def test_any_number_of_ranks_reads_the_same_global_batches(sizes: list[int], step: int, length: int) -> None:
    tokens, batch = stream(*sizes, length + 1), 4
    whole = read_windows(tokens, *share(step * batch, batch), length)
    for world_size in (2, 4):
        parts = [
            read_windows(tokens, *share(step * batch, batch, rank, world_size), length) for rank in range(world_size)
        ]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_windows_follow_each_other_and_start_again_at_the_end() -> None:
    windows = read_windows(stream(5, 5), 0, 4, 4)
    assert windows.tolist() == [[0, 1, 2, 3, 4], [4, 5, 6, 7, 8], [0, 1, 2, 3, 4], [4, 5, 6, 7, 8]]


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(InputError, match="holds 4 tokens"):
        read_windows(stream(4), 0, 1, 4)
    with pytest.raises(RecipeError, match="6 cannot be shared by 4 ranks"):
        share(0, 6, 0, 4)


def test_targets_follow_tokens_and_pad_bears_no_loss() -> None:
    batch = to_batch(np.array([[7, 8, 1, 2, 9]], np.int32), eos_id=1, pad_id=2, device=torch.device("cpu"))
    assert batch.tokens.tolist() == [[7, 8, 1, 2]]
    assert batch.targets.tolist() == [[8, 1, IGNORED, 9]]
    assert batch.documents.tolist() == [[0, 0, 1, 1]]
    assert batch.num_targets() == 3
