"""What a build shows in a terminal: progress by stage, then the funnel, the ledger's reasons and the mixture."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from corpus.dedupe import Dedupe
from corpus.ledger import PASSED, Count
from corpus.publish import Published
from report.clusters import planted_line

Row = tuple[str, ...]


class StageBars:
    """A progress bar a stage (see `corpus.pool.Progress`)."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.description:>10}"),
            BarColumn(24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self.bars = Progress(*columns, console=console)
        self.tasks: dict[str, TaskID] = {}
        self.ran: dict[str, int] = {}

    def __call__(self, stage: str, done: int, total: int, ran: int) -> None:
        """Show that `done` of `total` parts of a stage are there, `ran` of them done by this run."""
        if stage not in self.tasks:
            self.tasks[stage] = self.bars.add_task(stage, total=total, note="")
        self.ran[stage] = ran
        note = "" if ran or done < total else "[dim]done before"
        self.bars.update(self.tasks[stage], completed=done, total=total, note=note)
        if done == total:
            self.bars.stop_task(self.tasks[stage])


def funnel(ledger: Sequence[Count]) -> tuple[Row, list[Row]]:
    """Header and a row a source: records read, documents, what fell to filters and duplicates, what was kept."""
    header = ("source", "records", "skipped", "quarantined", "documents", "filtered", "duplicates", "kept", "held out",
              "tokens")  # fmt: skip
    rows = []
    for source in dict.fromkeys(count.source for count in ledger if count.stage == "ingest"):
        mine = [count for count in ledger if count.source == source]
        records = [_sum(mine, "ingest", outcome, "records") for outcome in ("read", "skipped", "quarantined")]
        numbers = [
            sum(records), *records[1:], _sum(mine, "ingest", PASSED), _sum(mine, "judge", "dropped"),
            _sum(mine, "select", "dropped"), _sum(mine, "select", PASSED) - _sum(mine, "cut", "dropped"),
            _sum([count for count in mine if count.reason == "heldout"], "select", PASSED),
            _sum(mine, "encode", PASSED, "tokens"),
        ]  # fmt: skip
        rows.append((source, *(f"{number:,}" for number in numbers)))
    return header, rows


def _sum(counts: Sequence[Count], stage: str, outcome: str, number: str = "documents") -> int:
    return sum(getattr(c, number) or 0 for c in counts if (c.stage, c.outcome) == (stage, outcome))


def reasons(ledger: Sequence[Count]) -> tuple[Row, list[Row]]:
    """Header and a row a reason why something is not in the shards, per stage and source.

    `count` is records in ingest and documents after it; `also fired` documents on which the rule came behind another.
    """
    header = ("stage", "source", "reason", "count", "size", "also fired")
    went_on = (PASSED, "read", "repeated", "heldout")
    ends = [c for c in ledger if c.outcome not in went_on and (c.documents or c.records or c.tokens)]
    rows: list[Row] = []
    for c in ends:
        reason = f"{c.outcome}: {c.reason}" if c.stage == "ingest" else c.reason
        size = f"{c.bytes:,} B" if c.bytes else f"{c.tokens:,} tokens" if c.tokens else ""
        rows.append((c.stage, c.source, reason, _plain(c.records or c.documents), size, _plain(c.also)))
    return header, rows


def _plain(number: int | None) -> str:
    return f"{number:,}" if number else ""


def mixture(lines: Sequence[dict[str, Any]]) -> tuple[Row, list[Row]]:
    """Header and a row a domain: what was asked for and planned beside what is in the shards."""
    group = ["group"] if any(line["group"] for line in lines) else []
    header = ("domain", *group, "asked", "achieved", "available", "planned", "placed", "epochs", "why")
    rows: list[Row] = [
        (
            line["domain"], *(line[key] for key in group), f"{line['asked']:.2%}", f"{line['achieved']:.2%}",
            *(f"{line[key]:,}" for key in ("available", "planned", "placed")), f"{line['epochs']:.2f}", line["why"],
        )
        for line in lines
    ]  # fmt: skip
    return header, rows


def absent(lines: Sequence[dict[str, Any]]) -> list[str]:
    """A line for each domain that the mixture names and that has no place in the shards; why."""
    found = []
    for line in lines:
        unnamed = line["group"] and line["domain"].startswith(f"{line['group']}.")  # a value that is only held out
        if not line["placed"] and not (unnamed and not line["available"]):
            short = f"the {line['planned']:,} tokens planned are fewer than any piece of it has"
            found.append(f"{line['domain']} is not in this corpus: {short if line['planned'] else line['why']}")
    return found


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A rich table; columns of numbers to the right."""
    out = Table(title=title or None, title_justify="left", title_style="bold", header_style="dim", box=None)
    out.pad_edge = False
    for k, name in enumerate(header):
        numeric = all(row[k][:1].isdigit() or not row[k] for row in rows) and bool(rows)
        wraps = name in ("reason", "why", "shard")  # the rest would be unreadable in two lines
        out.add_column(name, justify="right" if numeric else "left", overflow="fold", no_wrap=not wraps)
    for row in rows:
        out.add_row(*row)
    return out


def show(console: Console, published: Published, url: str, dedupe: Dedupe) -> None:
    """The end of a build: funnel, reasons, mixture, how duplicates were looked for, and where the corpus lies."""
    for title, content in (
        ("\nThe funnel (documents)", funnel(published.ledger)),
        ("\nWhat is not in the shards, and why", reasons(published.ledger)),
        ("\nThe mixture (tokens)", mixture(published.mixture)),
    ):
        console.print(table(title, *content))
    for said in absent(published.mixture):
        console.print(f"\n[bold yellow]{said}[/]", soft_wrap=True, highlight=False)
    console.print(f"\nDuplicates: {dedupe.told}. {planted_line(published.planted)}", soft_wrap=True, highlight=False)
    for source, repeats in published.repeats.items():
        share = repeats["cut"] / max(repeats["bytes"], 1)
        told = f"Repeats: {repeats['cut']:,} of {repeats['bytes']:,} bytes of {source} were cut ({share:.1%})."
        console.print(told, soft_wrap=True, highlight=False)
    _say_notes(console, published)
    balanced = "The ledger balances in records, documents, bytes and tokens."
    console.print(f"\n{balanced} Version {published.version} is published in {url}", soft_wrap=True, highlight=False)


def _say_notes(console: Console, published: Published) -> None:
    for note in published.notes:
        console.print(f"Tokenizer: {note}.", soft_wrap=True, highlight=False, markup=False)


def show_unchanged(console: Console, published: Published, url: str) -> None:
    """The end of a build that found everything done."""
    _say_notes(console, published)
    said = f"Nothing to do: version {published.version} in {url} is what the recipe asks for."
    console.print(said, soft_wrap=True, highlight=False)
