"""What a page may cost, counted before and while it is parsed."""

from dataclasses import dataclass

from corpus.errors import InputError


class PageError(InputError):
    """A page beyond a counted limit; `reason` is its name in snake_case."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class HtmlLimits:
    """What a page may cost: UTF-8 bytes, elements within elements, tags."""

    max_bytes: int = 16 * 2**20
    max_depth: int = 512
    max_tags: int = 250_000
