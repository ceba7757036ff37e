"""The plan: which parts of which stage are done, why others are to be done, and what that will cost.

The cost comes from a sample: about a megabyte of every source's input files is taken through the stages that read raw
bytes and text, here and now, in memory; its rates are laid over what is to be done.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from corpus.errors import GateError
from corpus.recipe import Recipe
from corpus.stage import Entry, Part, Stage, changed, in_order, pending
from corpus.store import Store
from flows import path
from processors.dedupe.sign import SIGN, sign_settings
from processors.filters.chain import number_identity
from processors.filters.stages import SCORE
from report.console import table
from sources.apart import spent
from sources.ingest import INGEST
from sources.plan import sample_of, stored_bytes
from tokenizer.cost import training_cost
from tokenizer.lock import read_lock, told

SAMPLE_BYTES = 1 << 20


class Unknown(Exception):  # noqa: N818 - not a fault: the plan can see no further
    """Parts of this stage are missing, so what follows cannot be planned yet."""


@dataclass
class PlanRun:
    """A runner that runs nothing (see `corpus.stage.Run`): it notes what is done, and stops at what is missing."""

    store: Store
    rows: list[tuple[str, int, int, str]] = field(default_factory=list)  # stage, done, parts, why
    missing: list[Part] = field(default_factory=list)

    def __call__(self, stage: Stage, parts: Sequence[Part]) -> list[Entry]:
        """The entries of a stage that is done. Raises Unknown where parts are missing."""
        todo = pending(self.store, stage, parts)
        first = next((part for batch in todo.batches for part in batch.parts), None)
        why = f"{first.name}: {changed(self.store, stage, first)}" if first else ""
        self.rows.append((stage.name, len(todo.done), len(parts), why))
        if first:
            self.missing = [part for batch in todo.batches for part in batch.parts]
            raise Unknown(stage.name)
        return in_order(parts, todo.done, [])


STAGES = (
    "ingest", "score", "benchmarks", "overlaps", "phrases", "contamination",
    "sign", "bands", "links", "components", "candidates", "pairs", "judge", "decide", "select",
    "probe", "lines", "repeats", "cut", "bound", "bucket", "sample", "tokenizer", "encode", "pieces", "order",
    "place", "shard",
)  # fmt: skip


def look(checked: path.Checked, store: Store) -> tuple[PlanRun, bool, str]:
    """What is done, whether that is all, and what the gate says to a build that accepts nothing."""
    run, gate = PlanRun(store), ""
    try:
        path.stages(checked, store, run)
    except GateError as error:
        run, gate = PlanRun(store), str(error)
        try:
            path.stages(checked, store, run, list(checked.domains))
        except Unknown:
            return run, False, gate
    except Unknown:
        return run, False, gate
    return run, True, gate


def show_plan(console: Console, recipe: Recipe, store: Store) -> None:
    """Print what is done and what is to be done, stage by stage, and the forecast for what is to be done."""
    checked = path.check(recipe)
    run, done, gate = look(checked, store)
    rows = [(stage, str(have), str(of - have), escape(why)) for stage, have, of, why in run.rows]
    locked = read_lock(store, recipe.tokenizer, recipe.folder) is not None
    given = bool(recipe.tokenizer.model)
    if not done:
        seen = [row[0] for row in run.rows]
        never = {*seen, *(("sample", "tokenizer") if locked else ())}
        never |= set() if recipe.dedupe.repeats else {"lines", "repeats", "cut"}
        never |= set() if checked.mixture.bucket else {"bound", "bucket"}
        looked = recipe.contamination.benchmarks
        never |= set() if looked else {"benchmarks", "overlaps", "contamination"}
        never |= set() if looked and recipe.contamination.common else {"phrases"}
        later = [stage for stage in STAGES if stage not in never]
        rows += [(stage, "", "?", f"known once {seen[-1]} is done") for stage in later]
    console.print(table("", ("stage", "parts done", "to do", "why"), rows))
    console.print(f"\nTokenizer: {told(store, recipe.tokenizer, recipe.folder)}.", soft_wrap=True, highlight=False)
    if not locked and not given:
        memory, seconds = training_cost(recipe.tokenizer, recipe.tokenizer.sample_bytes)
        cost = f"{_size(memory)} of memory and {seconds:,.0f} core-seconds for {_size(recipe.tokenizer.sample_bytes)}"
        console.print(f"Training it takes at most about {cost} of sampled text.", soft_wrap=True, highlight=False)
    console.print(f"Duplicates: {recipe.dedupe.told}.", soft_wrap=True, highlight=False)
    if recipe.contamination.benchmarks:
        console.print(f"Contamination: {recipe.contamination.told}.", soft_wrap=True, highlight=False)
    if gate:
        console.print(f"\nA build stops at the gate: {gate}", soft_wrap=True, highlight=False, markup=False)
    elif done:
        console.print(f"\nNothing to do: {store.url} is what the recipe asks for.", soft_wrap=True)
    elif run.rows[-1][0] == "ingest":
        console.print(forecast(checked, run.missing))


@dataclass(frozen=True)
class Rate:
    """Measured on a sample of one source: seconds and bytes, for the stages that read input or text."""

    stored: int
    text: int
    written: int
    seconds: float


def forecast(checked: path.Checked, missing: Sequence[Part]) -> Table:
    """A row a source: what there is to read, and the text, disk and core-seconds that the sample foretells."""
    rows = []
    for source in dict.fromkeys(part.source for part in missing):
        parts = [part for part in missing if part.source == source]
        stored, exact = stored_bytes(parts)
        rate = measure(checked, parts[0])
        if stored is None or (stored and not rate.stored):  # sizes that nobody tells, or nothing there to sample
            rows.append((source, "not known", "", "", ""))
            continue
        scale = stored / rate.stored if rate.stored else 0.0
        sizes = (("" if exact else "about ") + _size(stored), _size(rate.text * scale), _size(rate.written * scale))
        rows.append((source, *sizes, f"{rate.seconds * scale:,.1f}"))
    header = ("source", "input", "text", "disk", "core-seconds to ingest, score and sign")
    return table("\nForecast from a sample of each source", header, rows)


def measure(checked: path.Checked, part: Part) -> Rate:
    """Take a sample of a part's files through ingest, score and sign, in memory."""
    with sample_of(part, SAMPLE_BYTES) as (sample, stored):
        return _measured(checked, sample, stored)


def _measured(checked: path.Checked, part: Part, stored: int) -> Rate:
    store = Store(f"memory://forecast-{time.monotonic_ns()}")
    for warm in (True, False):  # compilation and model loading are paid once, not per byte
        start = time.process_time() + spent()
        output = INGEST.work(store, replace(part, inputs=part.inputs[:1]) if warm else part)
        written = list(output.files)
        chain = checked.chains[part.source]
        for file in [file for file in output.files if file.folder == "documents"]:
            written += SCORE.work(
                store, Part(file.part, (file,), number_identity(chain), part.source, aside=chain)
            ).files
            written += SIGN.work(store, Part(file.part, (file,), sign_settings(checked.recipe.dedupe))).files
        seconds = time.process_time() + spent() - start
    text = sum(count.bytes or 0 for count in output.counts)
    return Rate(stored, text, sum(file.bytes for file in written), seconds)


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"
