"""A recipe, checked: every room reads its part of it before any work is done."""

from dataclasses import dataclass, replace
from pathlib import Path

from corpus.dedupe import Dedupe
from corpus.errors import RecipeError
from corpus.own import code_of, is_own
from corpus.recipe import Recipe, Source
from corpus.strict import Text, must, parse, read_toml, unknown
from mixtures.plan import Mixture, load_mixture
from processors.contamination.benchmarks import benchmark_files
from processors.dedupe.simplified import check_installed
from processors.filters.chain import number_identity, number_names
from processors.filters.load import CHAINS, load_chain, named_chain
from processors.filters.rule import Filter
from sources.read import READERS, ReadSettings


@dataclass(frozen=True)
class Checked:
    """A recipe whose tables have been read by the rooms they belong to: nothing in it can fail for its wording."""

    recipe: Recipe
    readings: tuple[ReadSettings, ...]  # one a source entry
    chains: dict[str, tuple[Filter, ...]]  # by source name
    mixture: Mixture
    domains: dict[str, str]  # source name → domain
    preferred: frozenset[str] = frozenset()  # sources whose chain gives the score that [dedupe] prefers


def check(recipe: Recipe) -> Checked:
    """Let every room read its part of the recipe.

    Raises RecipeError, or InputError for a package that is missing, before any work is done.
    """
    text = Text(recipe.path, read_toml(recipe.path)[0])
    sources = [(source, text.inside("source", n)) for n, source in enumerate(recipe.source)]
    readings = tuple(_reading(source, recipe.folder, inside) for source, inside in sources)
    own = {}
    for name, tables in recipe.chain.items():
        inside = text.inside(f"chain.{name}")
        good = isinstance(tables, list) and all(isinstance(table, dict) for table in tables)
        must(good, inside, "name", tables, f"tables: [[chain.{name}]], one a filter")
        own[name] = load_chain(tables, inside)
    chains = {source.name: _chain(source, own, inside) for source, inside in sources}
    for chain in chains.values():
        number_identity(chain)  # a model or a list that is not there is told now, not after hours
    benchmark_files(recipe.contamination.benchmarks, recipe.folder)
    preferred = _preferred(recipe.dedupe, chains, text.inside("dedupe"))
    if recipe.dedupe.unit == "simplified":
        check_installed()
    domains = {source.name: source.domain or source.name for source in recipe.source}
    if not recipe.mixture:
        names = ", ".join(sorted(set(domains.values())))
        raise RecipeError(f"{recipe.path}: no [mixture]; add one with a [[mixture.domain]] for each of {names}")
    mixture = load_mixture(recipe.mixture, recipe.folder, text.inside("mixture"))
    _check_buckets(mixture, chains, domains, text.inside("mixture"))
    return Checked(recipe, readings, chains, mixture, domains, preferred)


def _reading(source: Source, folder: Path, text: Text) -> ReadSettings:
    must("kind" not in source.options, text, "options", source.options, "without `kind`, which is a key of its own")
    if source.kind not in READERS and not is_own(source.kind):
        raise unknown(text.line("kind"), "kind of source", source.kind, list(READERS))
    reading = parse(ReadSettings, {"kind": source.kind, **source.options}, text)
    return replace(reading, reader=code_of(source.kind, folder)) if is_own(source.kind) else reading


def _chain(source: Source, own: dict[str, tuple[Filter, ...]], text: Text) -> tuple[Filter, ...]:
    """The recipe's own chain of that name, else the bundled one; by default that of the source's kind, or `text`."""
    name = source.chain or (source.kind if source.kind in CHAINS else "text")
    return own[name] if name in own else named_chain(name, text.line("chain"), tuple(own))


def _check_buckets(
    mixture: Mixture, chains: dict[str, tuple[Filter, ...]], domains: dict[str, str], text: Text
) -> None:
    """Every domain that is cut is that of a source, whose chain gives the score."""
    for n, buckets in enumerate(mixture.bucket):
        inside = text.inside("bucket", n)
        known = ", ".join(sorted({*domains.values()}))
        must(buckets.domain in domains.values(), inside, "domain", buckets.domain, f"a source's domain: {known}")
        for source in (source for source, domain in domains.items() if domain == buckets.domain):
            names = number_names(chains[source])
            given = f"a score of {source}'s chain: {', '.join(sorted(names)) or 'it gives none'}"
            must(buckets.score in names, inside, "score", buckets.score, given)


def _preferred(dedupe: Dedupe, chains: dict[str, tuple[Filter, ...]], text: Text) -> frozenset[str]:
    """The sources whose chain gives the score that decides between alike documents; none where none does."""
    if not dedupe.prefer:
        return frozenset()
    scores = {source: number_names(chain) for source, chain in chains.items()}
    found = frozenset(source for source, names in scores.items() if dedupe.prefer in names)
    known = ", ".join(sorted({name for names in scores.values() for name in names})) or "none, for no chain gives one"
    must(bool(found), text, "prefer", dedupe.prefer, f"a score of one of the chains: {known}")
    return found
