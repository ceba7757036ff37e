"""A corpus' mixture as a table, and the plan of another one for the same corpus: arithmetic, nothing is run.

In: a published corpus and, to try it, a mixture: a recipe with a ``[mixture]``, a mixture file of its own, or the name
of a preset. Out: a row an entry, what the plan gives it beside what the published version holds, and why.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.errors import InputError, RecipeError
from corpus.stage import plain
from corpus.strict import Text, read_toml
from mixtures.load import PRESETS, load_mixture
from mixtures.plan import Available, Kind, Line, Mixture, Plan, Stage, refuse_empty, solve

if TYPE_CHECKING:
    from rich.console import Console

Row = tuple[str, ...]
NOBODY = "(no entry)"
_SHOWN = 3  # kinds that are named


@dataclass(frozen=True)
class Tried:
    """A mixture planned for a corpus: its plan, what the published version holds by domain, and what no entry takes."""

    mixture: Mixture
    plan: Plan
    placed: dict[str, int]
    left: dict[Kind, Available]


def show_published(console: "Console", what: Mapping[str, Any], as_json: bool) -> None:
    """The mixture of a version, asked and achieved; by stage where it has several."""
    from report.console import mixture, table

    if as_json:
        print(json.dumps({"lines": what["mixture"], "stages": what["stages"]}, indent=1))
        return
    console.print(table(f"The mixture of version {what['version']} (tokens)", *mixture(what["mixture"])))
    if len(what["stages"]) > 1:
        console.print(table("\nBy stage", *stage_table(what)))


def stage_table(what: Mapping[str, Any]) -> tuple[Row, list[Row]]:
    """Header and a row an entry, then the sum: what each stage holds."""
    placed = [stage["placed"] for stage in what["stages"]]
    names = [line["domain"] for line in what["mixture"]]
    rows: list[Row] = [(name, *(f"{of.get(name, 0):,}" for of in placed)) for name in names]
    rows.append(("in all", *(f"{sum(of.values()):,}" for of in placed)))
    return ("domain", *(stage["name"] for stage in what["stages"])), rows


def read_tried(told: str, what: Mapping[str, Any]) -> Mixture:
    """The mixture to try. Raises RecipeError for its mistakes, or for buckets that the corpus was not cut into."""
    path = Path(told)
    if not path.is_file():
        names = sorted(preset.stem for preset in PRESETS.glob("*.toml"))
        if told not in names:
            raise InputError(f"{told}: no such file, and no preset; presets are {', '.join(names)}")
        return load_mixture({"preset": told}, Path(), Text(told, ""))
    content, table = read_toml(path)
    own, text = (table["mixture"], "mixture") if isinstance(table.get("mixture"), dict) else (table, "")
    cut = what["asked"]["bucket"]
    own = own if "preset" in own else {"bucket": cut} | own  # those of the corpus, where the file has none
    mixture = load_mixture(own, path.parent, Text(str(path), content, text))
    if mixture.bucket and plain(mixture.bucket) != cut:
        raise RecipeError(
            f"{Text(str(path), content, text).line('bucket')}: [[mixture.bucket]] is not what the corpus was built "
            f"with; documents are cut into buckets by a build, so leave the tables out or as they are in its recipe"
        )
    return mixture


def try_mixture(mixture: Mixture, what: Mapping[str, Any], stock: Mapping[Kind, Available]) -> Tried:
    """Plan it. Raises RecipeError as a build would."""
    plan = solve(mixture, stock)
    left = {kind: there for kind, there in sorted(stock.items()) if kind not in plan.entry and there.documents}
    return Tried(mixture, plan, {line["domain"]: line["placed"] for line in what["mixture"]}, left)


def plan_table(tried: Tried) -> tuple[Row, list[Row]]:
    """Header and a row an entry; then what the published version has besides, what no entry takes, and the sums: of
    each group, and of all."""
    several = len(tried.plan.stages) > 1
    stages = tried.plan.stages if several else ()
    numbers = ("available", "asked", "planned", "share", "epochs", *(stage.name for stage in stages))
    header = ("domain", "group", *numbers, "published", "change", "why")
    lines = tried.plan.lines
    rows = [_row(tried, stages, line.domain, line.group, [line], line.why) for line in lines]
    none = [""] * len(stages)
    for domain in tried.placed.keys() - {line.domain for line in lines}:
        placed = tried.placed[domain]
        rows.append((domain, "", "", "", "0", "", "", *none, f"{placed:,}", f"{-placed:+,}", "not an entry of it"))
    rows[len(lines) :] = sorted(rows[len(lines) :])
    if tried.left:
        tokens = sum(there.tokens for there in tried.left.values())
        rows.append((NOBODY, "", f"{tokens:,}", "", "0", "", "", *none, "", "", _nobody(tried.left)))
    for group in tried.mixture.group:
        mine = [line for line in lines if line.group == group.name]
        rows.append(_row(tried, stages, f"{group.name} in all", "", mine, ""))
    rows.append(_row(tried, stages, "in all", "", lines, "", sum(tried.placed.values())))
    return header, rows


def _row(
    tried: Tried, stages: Sequence[Stage], name: str, group: str, lines: Sequence[Line], why: str,
    placed: int | None = None,
) -> Row:  # fmt: skip
    """The sums of some lines; `placed` where it is not that of the entries of these names."""
    total = sum(line.planned for line in tried.plan.lines)
    there, planned = sum(line.available for line in lines), sum(line.planned for line in lines)
    if placed is None:
        placed = sum(tried.placed.get(line.domain, 0) for line in lines)
    return (
        name, group, f"{there:,}", f"{sum(line.asked for line in lines):.2%}", f"{planned:,}",
        f"{planned / total if total else 0:.2%}", f"{planned / there if there else 0:.2f}",
        *(f"{sum(stage.tokens.get(line.domain, 0) for line in lines):,}" for stage in stages),
        f"{placed:,}", f"{planned - placed:+,}", why,
    )  # fmt: skip


def _nobody(left: Mapping[Kind, Available]) -> str:
    most = sorted(left, key=lambda kind: (-left[kind].tokens, kind))
    named = ", ".join(" ".join(part for part in kind if part) for kind in most[:_SHOWN])
    more = f" and {len(most) - _SHOWN} more" if len(most) > _SHOWN else ""
    return f"{sum(there.documents for there in left.values()):,} documents that no entry selects: {named}{more}"


def closing(tried: Tried) -> str:
    """What else there is to know, in a line or two."""
    total, wanted = sum(line.planned for line in tried.plan.lines), tried.mixture.length
    short = ""
    if wanted and total < wanted:
        short = f"It falls {wanted - total:,} tokens short of the {wanted:,} asked for. "
    try:
        refuse_empty(tried.mixture, {line.domain for line in tried.plan.lines if line.available})
    except RecipeError as error:
        return f"{short}Nothing was run. A build would refuse it: {error}."
    return f"{short}Nothing was run. To build it, put it in the recipe: no text is read again."


def as_data(tried: Tried) -> dict[str, Any]:
    """The plan as plain data: lines, and tokens by stage and entry."""
    return {
        "mixture": tried.mixture.name,
        "lines": plain(tried.plan.lines),
        "stages": plain(tried.plan.stages),
        "published": tried.placed,
        "no_entry": [[*kind, there.documents, there.bytes, there.tokens] for kind, there in tried.left.items()],
    }
