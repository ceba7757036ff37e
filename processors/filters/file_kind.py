"""Files of a repository that are no source code, by the kind that ingest found: `processors.code.kind`.

Ours. Sets follow it with narrower lists: The Stack v2 dropped vendored and generated files (2402.19173 section 2).
"""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from corpus.errors import RecipeError
from processors.code.kind import KINDS
from processors.filters.measure import Measures
from processors.filters.rule import Rule


@dataclass(frozen=True)
class FileKind:
    """Score: `kind`, the document's `file_kind`; null where ingest gave none, as for documents that are no code.

    Attributes:
        drop: the kinds that fall; each has a rule of its name, so the ledger counts them apart.
    """

    name: ClassVar[str] = "file_kind"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[str, ...]] = ("file_kind",)

    drop: tuple[str, ...] = ("generated", "minified", "vendored", "lock", "data")

    def __post_init__(self) -> None:
        for kind in self.drop:
            if kind not in KINDS:
                raise RecipeError(f"file_kind: `drop` names {kind!r}; there are: {', '.join(KINDS)}")

    def number_settings(self) -> dict[str, object]:
        """None: the kind stands in the documents."""
        return {}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The column as it is."""
        return {"kind": batch.column("file_kind")}

    def rules(self) -> tuple[Rule, ...]:
        """One for each kind dropped."""
        return tuple(Rule(kind, "kind", among=(kind,)) for kind in self.drop)
