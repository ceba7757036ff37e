"""What a page asks of robots: whether it opts out of training, mining or being indexed.

The column `robots` is what ingest found in meta elements and in HTTP header fields: `noai` and `noimageai` (DeviantArt
2022), `noindex` and its like (Google's robots meta tags), `tdm-reservation: 1` (W3C community group's TDM Reservation
Protocol, 2024). A page may ask one crawler alone: `gptbot: noindex`. That counts where `crawlers` names it, since who
keeps out the crawlers of language models means a corpus for them. `none` means `noindex` and `nofollow`.

    [[chain.web]]
    name = "robots"
    respect = ["noai", "tdm-reservation: 1", "noindex"]
"""

import re
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import RecipeError
from processors.filters.lists import BETWEEN, by_value
from processors.filters.measure import Measures
from processors.filters.rule import Rule


@dataclass(frozen=True)
class Asked(Rule):
    """Fires where `token` is asked of all robots, or of one of `crawlers`."""

    token: str = ""
    crawlers: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """When it fires, for people."""
        return f"`{self.score}` has `{self.token}`, of all robots or of one of `crawlers`"

    def fires(self, scores: pa.Array) -> pa.Array:
        """Which rows it drops; a page that asks for nothing never falls."""
        return pc.fill_null(by_value(scores, self._is_asked, pa.bool_()), False)

    def _is_asked(self, asked: str) -> bool:
        names = {self.token, "none"} if self.token in ("noindex", "nofollow") else {self.token}
        wanted = names | {f"{crawler}: {name}" for crawler in self.crawlers for name in names}
        return not wanted.isdisjoint(asked.split(BETWEEN))

    def settings(self) -> dict[str, object]:
        """The rule as data for JSON."""
        return {**super().settings(), "token": self.token, "crawlers": list(self.crawlers)}


@dataclass(frozen=True)
class Robots:
    """Scores: `asks`, the document's column `robots` as it stands, null where the page asks for nothing.

    Attributes:
        respect: what drops a document; a rule is named after each, `tdm_reservation` after "tdm-reservation: 1".
        crawlers: those whose own rules count as if they were meant for us.
    """

    name: ClassVar[str] = "robots"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[str, ...]] = ("robots",)

    respect: tuple[str, ...] = ("noai", "tdm-reservation: 1")
    crawlers: tuple[str, ...] = ("ccbot", "gptbot", "google-extended", "anthropic-ai", "claudebot")

    def __post_init__(self) -> None:
        named = [_named(token) for token in self.respect]
        for token, name in zip(self.respect, named, strict=True):
            if not name or named.count(name) > 1 or token != " ".join(token.lower().split()):
                raise RecipeError(f"robots: `respect` holds {token!r}; name each token once, in lower case, like noai")

    def number_settings(self) -> dict[str, object]:
        """None: what is asked stands in the documents."""
        return {}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """What is asked."""
        return {"asks": batch.column("robots").cast(pa.string())}

    def rules(self) -> tuple[Rule, ...]:
        """One for each token."""
        return tuple(Asked(_named(token), "asks", token=token, crawlers=self.crawlers) for token in self.respect)


def _named(token: str) -> str:
    """`tdm-reservation: 1` as the name of a rule."""
    return re.sub(r"[^a-z0-9]+", "_", token.partition(":")[0]).strip("_")
