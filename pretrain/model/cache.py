"""Keys and values of the tokens that a model has read, so that none is read twice when text is generated."""

from torch import Tensor


class Cache:
    """Keys and values of the tokens read so far: per layer two tensors [B, capacity, kv_heads, D], made when first
    needed and never moved.

    The first pass may read any number of tokens, each later one reads one.
    """

    def __init__(self, layers: int, capacity: int) -> None:
        self.layers, self.capacity = layers, capacity
        self.length = 0
        """Tokens read by all layers; the last layer's `extend` moves it on."""
        self._held: list[tuple[Tensor, Tensor]] = []

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add one layer's keys and values of T new tokens, [B, T, kv_heads, D]; those of all tokens so far."""
        begin, end = self.length, self.length + key.shape[1]
        assert end <= self.capacity, f"{end} tokens for a cache of {self.capacity}"
        assert not begin or end == begin + 1, "tokens behind the first pass come one by one: a mask sees to no more"
        if layer == len(self._held):
            shape = key.shape[0], self.capacity, *key.shape[2:]
            self._held.append((key.new_empty(shape), value.new_empty(shape)))
        for held, new in zip(self._held[layer], (key, value), strict=True):
            held[:, begin:end] = new
        if layer == self.layers - 1:
            self.length = end
        keys, values = self._held[layer]
        return keys[:, :end], values[:, :end]
