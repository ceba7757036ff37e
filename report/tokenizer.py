"""The tokenizer at a glance: tables for the terminal, and a picture of bytes per token by language and domain.

In: a published corpus, perhaps another model. Out: what `tokenizer.measure` found, printed; the picture by Altair and
vl-convert (BSD-3-Clause both), which draw without a browser.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpus.errors import DataError, InputError

if TYPE_CHECKING:  # the command's list of options needs none of it
    from rich.console import Console

    from tokenizer.measure import Line, Measured

PICTURES = (".svg", ".png", ".html")
_LONGEST = 8
_WIDTH = 120  # of the widest table


def tokenizer(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="Where the corpus lies: a folder or a store's URL.")],
    against: Annotated[Path | None, typer.Option(help="Another .model file, measured on the same texts.")] = None,
    out: Annotated[Path | None, typer.Option(help="A picture: .svg, .png or .html.")] = None,
) -> None:
    """Say what the tokenizer does to the held-out documents: bytes per token, tokens per word, what is lost."""
    from rich.console import Console

    screen = Console(width=max(Console().width, _WIDTH), highlight=False)  # a narrower one would cut digits off
    show(screen, measured(corpus, against, out), out)


def measured(corpus: str, against: Path | None = None, out: Path | None = None) -> "list[Measured]":
    """Measure a corpus' tokenizer, and another beside it, and draw the picture if one is wanted.

    Raises InputError for a place or a kind of picture that cannot be, a model that cannot be read, a missing package.
    """
    from corpus.store import Store
    from corpus.version import read_version
    from tokenizer.measure import measure

    if out:
        _check_picture(out)
    store = Store(corpus)
    what = read_version(store)
    models = {"this corpus": bytes(store.get(what["tokenizer"]["path"]))}
    if against:
        try:
            models[against.name] = against.read_bytes()
        except OSError as error:
            raise InputError(f"{against}: cannot be read: {error.strerror}") from error
    try:
        found = measure(store, models, _words)
    except DataError as error:
        if against and "not a SentencePiece model" in str(error):
            raise InputError(f"{against}: not a SentencePiece model; give a .model file") from error
        raise
    if out:
        save(picture(found), out)
    return found


def _words(texts: Any, languages: Any) -> Any:
    """Words as filters count them: those of languages without blanks are found by dictionaries."""
    from processors.filters.measure import Measures

    return Measures(texts, languages)["words"]


def show(console: "Console", found: "Sequence[Measured]", out: Path | None = None) -> None:
    """Print the tables."""
    from report.console import table

    for each in found:
        total = each.total()
        console.print(table(f"\n{_title(each)}", *rows(each)))
        _say(console, _round_trip(each, total))
        share = each.never / max(int(each.ordinary.sum()), 1)
        _say(console, f"{each.never:,} of {int(each.ordinary.sum()):,} pieces never came up ({share:.1%}).")
        longest = ", ".join(f"{piece!r} × {count:,}" for piece, count in each.longest(_LONGEST))
        _say(console, f"Longest pieces that did: {longest}.")
    if len(found) > 1:
        console.print(table("\nBeside each other, on the same texts", *comparison(found)))
    if out:
        _say(console, f"\n{out} is written.")


def _say(console: "Console", text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False, markup=False)


def _title(each: "Measured") -> str:
    return f"{each.name}: {each.model.model_type}, {len(each.model.pieces):,} ids, on the held-out documents"


def _round_trip(each: "Measured", total: "Line") -> str:
    if not each.changed:
        return f"All {total.documents:,} documents come back from their tokens as they were."
    return f"{each.changed:,} of {total.documents:,} documents do not come back; the first is {each.first}"


def rows(each: "Measured") -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and a row a domain and language, and one for each domain of several languages, and for all."""
    header = ("domain", "language", "documents", "bytes", "tokens", "bytes/token", "tokens/word", "unknown", "as bytes")
    lines: list[Line] = []
    for domain in dict.fromkeys(line.domain for line in each.lines):
        own = [line for line in each.lines if line.domain == domain]
        lines += [*own, each.total(domain)] if len(own) > 1 else own
    return header, [_row(line) for line in [*lines, each.total()]]


def _row(line: "Line") -> tuple[str, ...]:
    many = max(line.tokens, 1)
    words = f"{line.tokens_per_word:.3f}" if line.words else ""
    return (
        line.domain or "all", line.language or "all", f"{line.documents:,}", f"{line.bytes:,}", f"{line.tokens:,}",
        f"{line.bytes_per_token:.3f}", words, f"{line.unknown / many:.3%}", f"{line.byte_tokens / many:.3%}",
    )  # fmt: skip


def comparison(found: "Sequence[Measured]") -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and a row a domain and language: bytes per token of each, and how many more tokens the others take."""
    first, *others = found
    beside = [name for other in others for name in (other.name, "tokens")]
    out = []
    for line in [*first.lines, first.total()]:
        row = [line.domain or "all", line.language or "all", f"{line.bytes_per_token:.3f}"]
        for other in others:
            theirs = other.total() if not line.domain else _same(other, line)
            more = theirs.tokens / max(line.tokens, 1) - 1
            row += [f"{theirs.bytes_per_token:.3f}", f"{more:+.1%}"]
        out.append(tuple(row))
    return ("domain", "language", first.name, *beside), out


def _same(other: "Measured", line: "Line") -> "Line":
    from tokenizer.measure import Line

    return Line(line.domain, line.language, *other.sums[line.domain, line.language].tolist())


def _check_picture(out: Path) -> None:
    if out.suffix not in PICTURES:
        raise InputError(f"{out}: a picture ends in {', '.join(PICTURES)}")
    from corpus.tables import check_place

    check_place(out)
    _altair()


def _altair() -> Any:
    for name in ("altair", "vl_convert"):  # the second draws what the first describes
        if find_spec(name) is None:
            raise InputError(f"pictures need {name}; pip install -e '.[report]'")
    return import_module("altair")


def picture(found: "Sequence[Measured]") -> Any:
    """Bars of bytes per token, a row a language, beside each other by domain; a colour a tokenizer."""
    altair = _altair()
    values = [
        {"tokenizer": each.name, "domain": line.domain, "language": line.language or "?",
         "bytes per token": round(line.bytes_per_token, 3), "tokens per word": round(line.tokens_per_word, 3),
         "bytes": line.bytes, "documents": line.documents}
        for each in found
        for line in each.lines
    ]  # fmt: skip
    sort = altair.EncodingSortField("bytes", op="sum", order="descending")
    names = [each.name for each in found]
    many = len(names) > 1
    encoding = {
        "x": altair.X("bytes per token:Q"),
        "y": altair.Y("language:N", sort=sort, title=None),
        "color": altair.Color("tokenizer:N", title=None, sort=names, legend=altair.Undefined if many else None),
        "tooltip": [f"{name}:N" for name in values[0]],
    }
    if many:
        encoding["yOffset"] = altair.YOffset("tokenizer:N", sort=names)
    bars = altair.Chart(altair.Data(values=values), width=420, height={"step": 10 if many else 16})
    row = altair.Row("domain:N", title=None, header=altair.Header(labelAngle=0, labelAlign="left"))
    chart = bars.mark_bar().encode(**encoding).facet(row=row).resolve_scale(y="independent")
    return chart.properties(title="Bytes per token of held-out documents")


def save(chart: Any, out: Path) -> None:
    """Write a picture; an HTML page holds everything that it needs."""
    chart.save(str(out), **({"inline": True} if out.suffix == ".html" else {"scale_factor": 2}))
