"""Documents whose licence the corpus does not take: allowed and denied licences, and what holds for weak copyleft.

The licence is the SPDX expression that ingest found (the nearest of header, licence file and package metadata). The
groups are told in `processors.code.policy`. By default only permissive and public-domain works with a known licence
pass, as in The Stack from its version 1.1 on, which dropped weak copyleft (MPL, EPL, LGPL).

    [[chain.code]]
    name = "licence"
    allow = ["permissive", "public-domain"]   # groups or SPDX identifiers
    deny = ["AGPL-3.0-only"]                  # never, even where a group allows them
    weak_copyleft = "drop"                    # or "keep"
    unknown = "drop"                          # or "keep": what to do without a licence
"""

from dataclasses import dataclass, field
from importlib.metadata import version
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import RecipeError
from processors.code.expression import named
from processors.code.policy import Policy
from processors.filters.measure import Measures
from processors.filters.rule import Rule


@dataclass(frozen=True)
class Denied(Rule):
    """Fires where an expression does not pass the policy."""

    policy: Policy = field(default_factory=Policy)

    def fires(self, scores: pa.Array) -> pa.Array:
        """Which rows it drops; a null expression never falls."""
        expressions = [each for each in pc.unique(scores).to_pylist() if each is not None]
        denied = [each for each in expressions if not self.policy.passes(each)]
        return pc.fill_null(pc.is_in(scores, value_set=pa.array(denied, pa.string())), False)

    def settings(self) -> dict[str, object]:
        """The rule, its policy and the version of the groups' table as data for JSON."""
        policy = {"allow": list(self.policy.allow), "deny": list(self.policy.deny)}
        groups = {"weak_copyleft": self.policy.weak_copyleft, "groups": version("license-expression")}
        return super().settings() | policy | groups


@dataclass(frozen=True)
class Licence:
    """Scores: `expression` (SPDX, null where none is known) and `known` (1 or 0).

    Attributes:
        allow: groups and SPDX identifiers that pass.
        deny: those that do not, even where `allow` has them.
        weak_copyleft: "keep" allows that group as well.
        unknown: "drop" or "keep" what states no licence, or none that SPDX knows.
    """

    name: ClassVar[str] = "licence"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("license-expression",)
    columns: ClassVar[tuple[str, ...]] = ("licence",)

    allow: tuple[str, ...] = ("permissive", "public-domain")
    deny: tuple[str, ...] = ()
    weak_copyleft: str = "drop"
    unknown: str = "drop"

    def __post_init__(self) -> None:
        for key, value in (("weak_copyleft", self.weak_copyleft), ("unknown", self.unknown)):
            if value not in ("keep", "drop"):
                raise RecipeError(f'licence: `{key}` is {value!r}, it must be "keep" or "drop"')
        self._policy()

    def number_settings(self) -> dict[str, object]:
        """None: the licence stands in the documents, and the policy is the rules'."""
        return {}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The expressions in SPDX's spelling."""
        stated = batch.column("licence")
        known = {each: named(each) for each in pc.unique(stated).to_pylist() if each is not None}
        expressions = pa.array([known.get(each) for each in stated.to_pylist()], pa.string())
        return {"expression": expressions, "known": pc.cast(expressions.is_valid(), pa.int64())}

    def rules(self) -> tuple[Rule, ...]:
        """What is known and does not pass, then what is not known."""
        unknown = (Rule("unknown", "known", below=1),) if self.unknown == "drop" else ()
        return (Denied("denied", "expression", policy=self._policy()), *unknown)

    def _policy(self) -> Policy:
        return Policy(self.allow, self.deny, self.weak_copyleft == "keep")
