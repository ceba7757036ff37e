"""How one document and a sample of documents are shown in a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from report.console import table
from report.explain import Life, Place, Sampled

HEAD_CHARACTERS = 400


def show_life(console: Console, life: Life) -> None:
    """A document's record, scores, verdict and places, and how its text begins."""
    record = {key: value for key, value in life.document.items() if value not in (None, "", "{}")}
    _fields(console, "Where it comes from", {key: _plain(value) for key, value in record.items()})
    scores = {key: value for key, value in life.scores.items() if key not in ("id", "text_bytes", "spans")}
    _fields(console, "Scores", {key: _plain(value) for key, value in scores.items()})
    console.print(f"[bold]Verdict[/]  {escape(_verdict(life))}\n")
    rows = [
        (place.shard, str(place.row), str(place.piece), f"{place.tokens:,}", _position(place)) for place in life.places
    ]
    places = table("Where its tokens lie", ("shard", "row", "piece", "tokens", "place in the stream"), rows)
    nowhere = "; the mixture did not need it" if life.selection.get("kept") else ""
    console.print(places if life.places else f"[bold]In no shard[/]{nowhere}")
    console.print("\n[bold]It begins[/]")
    more = "…" if len(life.text) > HEAD_CHARACTERS else ""
    console.print(life.text[:HEAD_CHARACTERS] + more, markup=False, soft_wrap=True)


def _position(place: Place) -> str:
    return "held out" if place.position is None else f"{place.position:,}"


def _verdict(life: Life) -> str:
    if life.rules:
        return f"dropped by {life.rules[0]}" + (f"; also fired: {', '.join(life.rules[1:])}" if life.rules[1:] else "")
    chosen = life.selection
    if chosen.get("by") == "url":
        return f"dropped as a duplicate of {chosen['twin'].hex()}: the same URL in the same snapshot"
    if chosen.get("twin"):
        share = chosen["both"] / chosen["either"]
        counts = f"{chosen['both']} of {chosen['either']} shingles"
        return f"dropped as a duplicate of {chosen['twin'].hex()}: Jaccard {share:.3f} ({counts})"
    return f"kept, split {chosen.get('split')}"


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
