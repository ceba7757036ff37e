"""docs/filters.md, written from the code: ``python -m processors.filters.document > docs/filters.md``.

In: the filters of `load.FILTERS` and the bundled chains. Out: for each filter what its module says of it, every score
with its type, every setting with its default, every rule with its bound for each variant, and where those stand.
"""

import inspect
import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import MISSING, Field, fields
from textwrap import dedent
from typing import Any

import pyarrow as pa

from corpus.errors import InputError, RecipeError
from processors.filters.load import CHAINS, FILTERS, named_chain
from processors.filters.measure import Measures
from processors.filters.rule import SPANS, Filter, Rule

_HEAD = """\
# Filters

<!-- Written by `python -m processors.filters.document > docs/filters.md`; change the code, not this page. -->

A filter gives **scores**, numbers beside the text, and **rules**, which say of a score what is too low or too high.
Every filter of a chain scores every document; a rule's bound can be changed later without opening a text
(`gristmill replay`). A score is null where there is nothing to judge, and a null score drops nothing; a bound passes
itself. Filters that give **spans** cut or mask: the text stays, its spans are taken out when tokens are written.

Where publications disagree a filter has variants, chosen by name; any setting beside it stands in place of the
variant's. A bound of `inf` or `-inf` is off:

```toml
[[chain.mine]]
name = "gopher_quality"
min_words = 20

[[chain.mine]]
name = "refinedweb_lines"
variant = "paper"
```

MassiveText (Gopher, 2112.11446) is `gopher_repetition` and `gopher_quality`; RefinedWeb (2306.01116) and DCLM add
`refinedweb_lines`, C4 (JMLR 21/140) is `c4`, FineWeb (2406.17557) all but `refinedweb_lines`.

A filter of your own is a file beside the recipe, named `"own_filter.py:Vowels"`: see
[examples/own_filter.py](../examples/own_filter.py).
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [_HEAD, *_overview(), *_chains()]
    for name, kind in FILTERS.items():
        parts += _section(name, kind)
    return "\n".join(parts).rstrip() + "\n"


def _overview() -> Iterator[str]:
    rows = [(f"[`{name}`](#{name})", _first_sentence(_module_text(kind))) for name, kind in FILTERS.items()]
    yield from _table(("filter", "what it is"), rows)


def _chains() -> Iterator[str]:
    yield "## Bundled chains\n"
    yield "A source's `chain` names one of these, or one of the recipe's own; without it the source's kind does.\n"
    rows = []
    for name in CHAINS:
        chain = named_chain(name)
        rows.append((f"`{name}`", " → ".join(f"[`{each.name}`](#{each.name})" for each in chain)))
    yield from _table(("chain", "filters in order"), rows)
    for name in CHAINS:
        yield f"The rules of `{name}`:\n"
        rules = [(each, rule) for each in named_chain(name) for rule in each.rules()]
        yield from _table(("rule", "drops"), [(f"`{each.name}.{rule.name}`", _condition(rule)) for each, rule in rules])


def _section(name: str, kind: Any) -> Iterator[str]:
    yield f"## {name}\n"
    yield _prose(_module_text(kind)) + "\n"
    variants = list(getattr(kind, "VARIANTS", {}))
    made = [kind(variant=variant) for variant in variants] or [kind()]
    scores = _scores(made[0])
    told = _first_paragraph(inspect.getdoc(kind) or "")
    yield f"**Scores.** {_escaped(re.sub('^Scores?(:| are) ', '', told))}\n"
    yield from _table(("score", "type"), [(f"`{name}.{score}`", kind) for score, kind in scores.items()])
    yield from _rules(name, variants, made)
    yield from _settings(kind, made, variants)
    sources = getattr(kind, "SOURCES", {})
    if sources:
        yield "**Sources.**\n\n" + "\n".join(f"- `{variant}`: {source}" for variant, source in sources.items()) + "\n"
    columns = getattr(kind, "columns", ())
    if columns:
        yield f"Reads the document's {_listed(columns)}.\n"


def _rules(name: str, variants: Sequence[str], made: Sequence[Filter]) -> Iterator[str]:
    """A row for each rule that is in force in some variant; a column for each variant."""
    by_variant = [{rule.name: rule for rule in each.rules()} for each in made]
    names = list(dict.fromkeys(rule for rules in by_variant for rule in rules))
    if not names:
        yield "No rule is in force unless a setting gives it a bound.\n"
        return
    yield "**Rules.** A document is dropped when\n"
    bounds = [[_condition(rules[rule]) if rule in rules else "" for rules in by_variant] for rule in names]
    rows = [(f"`{name}.{rule}`", *each) for rule, each in zip(names, bounds, strict=True)]
    yield from _table(("rule", *([f"`{variant}`" for variant in variants] or ["bound"])), rows)


def _settings(kind: Any, made: Sequence[Filter], variants: Sequence[str]) -> Iterator[str]:
    told = _attributes(inspect.getdoc(kind) or "")
    rows = []
    for each in fields(kind):
        values = [_value(getattr(one, each.name)) for one in made] if _is_by_variant(each) else [_value(_default(each))]
        pairs = zip(values, variants or [""], strict=False)
        default = values[0] if len(set(values)) == 1 else ", ".join(f"{value} (`{name}`)" for value, name in pairs)
        rows.append((f"`{each.name}`", default, told.get(each.name, "")))
    if rows:
        yield "**Settings.**\n"
        yield from _table(("setting", "default", ""), rows)


def _scores(each: Filter) -> dict[str, str]:
    """The type of each score, from a batch without rows; of a filter that needs a file, those that its rules read."""
    columns = {name: pa.array([], pa.string()) for name in ("id", *getattr(each, "columns", ()))}
    batch = pa.RecordBatch.from_pydict(columns | {"text": pa.array([], pa.large_string())})
    try:
        found = each.scores(batch, Measures(batch.column("text")))
    except (InputError, RecipeError):
        return {rule.score: "double" for rule in each.rules()}
    return {name: "spans" if name == SPANS else str(column.type) for name, column in found.items()}


def _condition(rule: Rule) -> str:
    """When a rule fires; one of a kind of its own says so in `told`, or in its docstring."""
    if hasattr(rule, "told"):
        return str(rule.told)
    bounds = []
    if rule.below is not None and math.isfinite(rule.below):
        bounds.append(f"`{rule.score}` < {_value(rule.below)}")
    if rule.above is not None and math.isfinite(rule.above):
        bounds.append(f"`{rule.score}` > {_value(rule.above)}")
    if rule.not_in is not None:
        bounds.append(f"`{rule.score}` is none of {_listed(rule.not_in)}")
    if rule.among is not None:
        bounds.append(f"`{rule.score}` is {_listed(rule.among)}" if rule.among else "never")
    said = _first_paragraph(inspect.getdoc(type(rule)) or "").removeprefix("Fires ").rstrip(".")
    return " or ".join(bounds) or f"`{rule.score}`: {said}"


def _is_by_variant(each: "Field[Any]") -> bool:
    default = _default(each)
    return isinstance(default, float) and math.isnan(default)


def _default(each: "Field[Any]") -> object:
    if each.default is not MISSING:
        return each.default
    return each.default_factory() if each.default_factory is not MISSING else None


def _value(value: object) -> str:
    """A setting as TOML has it, infinite bounds as off."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and math.isinf(value):
        return "off"
    if isinstance(value, int | float):
        return f"{value:,}" if abs(value) >= 10_000 and value == int(value) else f"{value:g}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + "}"
    return f'"{value}"'


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def _module_text(kind: Any) -> str:
    return inspect.cleandoc(sys.modules[kind.__module__].__doc__ or "")


def _first_sentence(text: str) -> str:
    return _first_paragraph(text).split(": ")[0].rstrip(".")


def _first_paragraph(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def _prose(text: str) -> str:
    """Docstring text as Markdown: indented stretches become blocks of their own."""
    pieces = []
    for indented, lines in _stretches(text.split("\n")):
        block = "\n".join(lines).strip("\n")
        pieces.append(f"```text\n{dedent(block)}\n```" if indented else _escaped(block))
    return "\n\n".join(piece for piece in pieces if piece.strip())


def _stretches(lines: Sequence[str]) -> list[tuple[bool, list[str]]]:
    """Lines by whether they are indented; blank lines belong to what comes before."""
    stretches: list[tuple[bool, list[str]]] = []
    for line in lines:
        indented = line.startswith("    ")
        if stretches and (not line.strip() or stretches[-1][0] == indented):
            stretches[-1][1].append(line)
        else:
            stretches.append((indented, [line]))
    return stretches


def _escaped(text: str) -> str:
    """Stars, dollars and angle brackets outside of code stand for themselves."""
    pieces = enumerate(re.split("(`[^`]*`)", text))
    return "".join(piece if place % 2 else re.sub(r"([*<])", r"\\\1", piece) for place, piece in pieces)


def _attributes(text: str) -> dict[str, str]:
    """What the `Attributes` section of a class's docstring says of each name."""
    _, _, section = text.partition("Attributes:\n")
    told: dict[str, str] = {}
    for entry in re.split(r"\n(?=    \w)", "\n" + section):
        names, colon, words = " ".join(entry.split()).partition(": ")
        if colon:
            told |= {name.strip(): words.rstrip(".") for name in names.split(",")}
    return told


if __name__ == "__main__":
    sys.stdout.write(page())
