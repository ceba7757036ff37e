"""How one document and a sample of documents are shown in a terminal."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from corpus.text import Span
from processors.dedupe.clusters import Fell, line_of
from report.clusters import Overview, planted_line, planted_table, provenance, size_table
from report.console import table
from report.difference import Difference
from report.explain import Life, Place, Sampled

HEAD_CHARACTERS = 400


def show_life(console: Console, life: Life) -> None:
    """A document's record, scores, verdict and places, and how its text begins."""
    record = {key: value for key, value in life.document.items() if value not in (None, "", "{}")}
    _fields(console, "Where it comes from", {key: _plain(value) for key, value in record.items()})
    scores = {key: value for key, value in life.scores.items() if key not in ("id", "text_bytes", "spans")}
    _fields(console, "Scores", {key: _plain(value) for key, value in scores.items()})
    console.print(f"[bold]Verdict[/]  {escape(_verdict(life))}\n")
    if life.spans:
        console.print(f"[bold]Cut[/]  {escape(_told(life.spans))}\n", soft_wrap=True)
    if life.leaked:
        console.print(_leaks(life))
    if life.twin and life.difference:
        _show_twin(console, life.twin, life.difference)
    if life.fell:
        _show_fallen(console, life)
    rows = [
        (place.shard, str(place.row), str(place.piece), f"{place.tokens:,}", _position(place)) for place in life.places
    ]
    places = table("Where its tokens lie", ("shard", "row", "piece", "tokens", "place in the stream"), rows)
    nowhere = "; the mixture did not need it" if life.selection.get("kept") else ""
    console.print(places if life.places else f"[bold]In no shard[/]{nowhere}")
    console.print("\n[bold]It begins[/]")
    more = "…" if len(life.text) > HEAD_CHARACTERS else ""
    console.print(life.text[:HEAD_CHARACTERS] + more, markup=False, soft_wrap=True)


def _leaks(life: Life) -> Table:
    """Items of benchmarks in a document."""
    rows = [
        (row["benchmark"], row["item"], f"{row['share']:.0%}", str(row["grams"]),
         ", ".join(f"{s['start']:,}-{s['end']:,}" for s in row["stretches"]))
        for row in life.leaked
    ]  # fmt: skip
    return table("Benchmark items in it", ("benchmark", "item", "of the item", "n-grams", "bytes of the text"), rows)


def _position(place: Place) -> str:
    return "held out" if place.position is None else f"{place.position:,}"


def _verdict(life: Life) -> str:
    if life.rules:
        return f"dropped by {life.rules[0]}" + (f"; also fired: {', '.join(life.rules[1:])}" if life.rules[1:] else "")
    if life.twin:
        return f"dropped as a duplicate of {life.twin.twin.id}: {life.twin.why}"
    if not life.left:
        return "dropped, for others have all that it says, and the cuts leave nothing (repeats.nothing_left)"
    return f"kept, split {life.selection.get('split')}"


def _told(spans: Sequence[Span]) -> str:
    rules = ", ".join(f"{rule} {count:,}" for rule, count in Counter(span.rule for span in spans).most_common())
    return f"{sum(span.end - span.start for span in spans):,} bytes in {len(spans):,} places ({rules})"


def _show_twin(console: Console, twin: Fell, difference: Difference) -> None:
    """The kept document that stands for this one, and the passages in which they differ, marked as wdiff does."""
    console.print(f"[bold]Its twin[/]  {escape(line_of(twin.twin))}", soft_wrap=True)
    start = f" after {difference.start:,} characters that are the same" if difference.start else ""
    cut = "; only so much of the texts was compared" if difference.cut else ""
    if difference.how in ("nothing", "blanks"):
        alike = "no difference" if difference.how == "nothing" else "they differ in blanks only"
        console.print(f"  {alike}{start}{cut}\n")
        return
    what = "words" if difference.how == "words" else "words and marks, case counted: the words are the same"
    console.print(
        f"  only here {difference.left:,}, only in the twin {difference.right:,} ({what}{cut}); "
        f"{len(difference.passages)} of {difference.count:,} passages{start}, \\[-only here-] {{+only in the twin+}}:",
        soft_wrap=True,
    )
    for passage in difference.passages:
        left = f"[red]\\[-{escape(_short(passage.left))}-][/]" if passage.left else ""
        right = f"[green]{{+{escape(_short(passage.right))}+}}[/]" if passage.right else ""
        text = " ".join(filter(None, (escape(passage.before), f"{left}{right}", escape(passage.after))))
        console.print(f"  [dim]word {passage.word:,}[/]  … {text} …", soft_wrap=True)
    console.print()


def _short(text: str) -> str:
    half = HEAD_CHARACTERS // 2
    return text if len(text) <= 2 * half else f"{text[:half]} … {text[-half:]}"


def _show_fallen(console: Console, life: Life) -> None:
    """How many fell to a kept document, and the nearest of them."""
    console.print(f"[bold]It stands for[/]  {life.fell:,} that fell to it; the nearest:")
    for fell in life.nearest:
        console.print(f"  {escape(line_of(fell.document))}  ({escape(fell.why)})", soft_wrap=True)
    console.print()


def show_clusters(console: Console, seen: Overview) -> None:
    """Whose documents fell to whose, how large clusters are, the largest of them, and what the probe measured."""
    console.print(table(f"{seen.fell:,} documents fell as duplicates", *provenance(seen.flows)), "")
    console.print(table("Sizes", *size_table(seen.sizes)), "")
    for cluster in seen.largest:
        title = f"  [dim]{escape(cluster.kept.title)}[/]" if cluster.kept.title else ""
        console.print(f"[bold]{cluster.fell:,}[/] fell to {escape(line_of(cluster.kept))}{title}", soft_wrap=True)
        for fell in cluster.members:
            console.print(f"  {escape(line_of(fell.document))}  ({escape(fell.why)})", soft_wrap=True)
    if seen.planted:
        console.print("", table("Planted duplicates, made up and deduped with this recipe's numbers",
                                *planted_table(seen.planted)))  # fmt: skip
        console.print(planted_line(seen.planted), soft_wrap=True)


def show_sample(console: Console, documents: Sequence[Sampled]) -> None:
    """Each document's id, origin, rules or twin, and how it begins."""
    for document in documents:
        why = f"  twin {document.twin}" if document.twin else f"  {', '.join(document.rules)}" if document.rules else ""
        console.print(
            f"[bold]{document.id}[/]  {escape(document.source)}  {escape(document.origin)}[yellow]{escape(why)}[/]",
            soft_wrap=True,
        )
        text = " ".join(document.text[:HEAD_CHARACTERS].split())
        more = "…" if len(document.text) > HEAD_CHARACTERS else ""
        console.print(f"  {escape(text)}{more}\n", soft_wrap=True)


def _fields(console: Console, title: str, fields: dict[str, str]) -> None:
    rows = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False)
    for key, value in fields.items():
        rows.add_row(f"[dim]{escape(key)}[/]", escape(value))
    console.print(rows, "")


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
