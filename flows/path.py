"""The path from raw files to a published corpus: every stage, in order, as plain lines. Imports no Prefect.

`run` decides how a stage's missing parts get done: `gristmill build` passes a process pool, the Prefect flow passes
task runs, `gristmill plan` passes one that does nothing. What a stage is given here is all that decides what it
gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corpus import publish
from corpus.dedupe import Dedupe
from corpus.errors import InputError, RecipeError
from corpus.files import File
from corpus.own import code_of, is_own
from corpus.publish import Built, Published
from corpus.recipe import Recipe, Source
from corpus.stage import Entry, Part, Run
from corpus.store import Store
from corpus.strict import Text, must, parse, read_toml, unknown
from mixtures.buckets import bucket_documents
from mixtures.order import ORDER_STAGE, OrderSettings, shard_rows
from mixtures.plan import Mixture, load_mixture
from mixtures.sample import SAMPLE_STAGE, SampleSettings
from processors.contamination.benchmarks import benchmark_files
from processors.contamination.mark import overlap_rules
from processors.contamination.stages import mark_contaminated
from processors.dedupe.cut import check_cut, cut_repeats
from processors.dedupe.decide import Heldout
from processors.dedupe.gate import check_removed
from processors.dedupe.probe import PROBE, probe_part
from processors.dedupe.simplified import check_installed
from processors.dedupe.stages import DEDUPE, decide_alike, find_alike, select_documents
from processors.filters.chain import number_identity, number_names, rule_identity
from processors.filters.load import CHAINS, load_chain, named_chain
from processors.filters.rule import Filter
from processors.filters.stages import JUDGE, SCORE
from sources.ingest import INGEST
from sources.plan import plan_ingest
from sources.read import READERS, ReadSettings
from tokenizer.encode import ENCODE
from tokenizer.shard import SHARD, ShardSettings
from tokenizer.train import TRAIN, Locked, locked, model_settings, read_lock, write_lock


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


def build(recipe: Recipe, store: Store, run: Run, accept: Sequence[str] = ()) -> Published:
    """Build and publish a corpus; what is done already stays.

    Args:
        recipe: the recipe.
        store: where the corpus lies.
        run: how missing parts get done.
        accept: sources whose share of duplicates was looked at and accepted, whatever the gate says.

    Raises RecipeError, InputError, StoreError or DataError with what to do about it.
    """
    plan = check(recipe)
    for name in accept:
        if name not in plan.domains:
            raise unknown("--accept", "source", name, list(plan.domains))
    publish.claim(store, recipe.name)
    built, model = stages(plan, store, run, accept)
    write_lock(store, model)
    return publish.publish(store, recipe.name, built, model.tokenizer, model.files)


def stages(plan: Checked, store: Store, run: Run, accept: Sequence[str] = ()) -> tuple[Built, Locked]:
    """Every stage in order: the entries, and the tokenizer in force."""
    recipe = plan.recipe
    ingested = ingest(plan, run)
    documents = _files(ingested, "documents")
    scored = run(SCORE, [_score(plan, file) for file in documents])
    scored = mark_contaminated(documents, scored, recipe.contamination, recipe.folder, run)
    alike = find_alike(documents, recipe.dedupe, plan.domains, run)
    scores = _files(scored, "scores")
    judged = run(JUDGE, [_judge(plan, file) for file in scores])
    verdicts = _files(judged, "verdicts")
    preferred = [file for file in scores if _source(file) in plan.preferred]
    heldout = Heldout(recipe.heldout.share, recipe.seed)
    decided = decide_alike(verdicts, preferred, alike, recipe.dedupe, _ranks(recipe), heldout, run)
    selected = select_documents(verdicts, alike, decided, heldout, run)
    probed = run(PROBE, [probe_part(recipe.dedupe, DEDUPE)])
    check_removed(store, documents, selected, _limits(recipe), accept)
    cut = cut_repeats(_repeating(recipe, documents, scored, selected), recipe.dedupe, _ranks(recipe), run)
    check_cut(cut, _limits(recipe), accept)
    buckets = bucket_documents(plan.mixture.bucket, plan.domains, scores, _files(selected, "selection"), run)
    model = _tokenizer(plan, store, run, documents, scored, selected, (*_files(cut, "cuts"), *buckets))
    encoded = run(ENCODE, _encode(model, documents, scored, selected, cut))
    ordered = run(ORDER_STAGE, [_order(plan, model, encoded, selected, buckets)])
    sharded = run(SHARD, _shards(recipe, store, model, ordered, encoded))
    early = (ingested, scored, judged, alike.signed, alike.paired, selected, probed)
    return Built(*early, cut, encoded, ordered, sharded), model


def ingest(plan: Checked, run: Run) -> list[Entry]:
    """Only the first stage. Raises InputError for a source that yields no document."""
    recipe = plan.recipe
    parts = [
        part
        for source, reading in zip(recipe.source, plan.readings, strict=True)
        for part in plan_ingest(source, reading, recipe.parts, recipe.folder)
    ]
    entries = run(INGEST, parts)
    for source in recipe.source:
        _yields(source, [entry for entry in entries if entry.source == source.name])
    return entries


def _yields(source: Source, entries: Sequence[Entry]) -> None:
    if any(entry.only("documents") for entry in entries):
        return
    reasons = sorted({count.reason for entry in entries for count in entry.counts if count.reason})
    raise InputError(
        f"source {source.name} yields no document: {', '.join(reasons) or 'its files are empty'}; see quarantine/"
    )


def _files(entries: Sequence[Entry], folder: str) -> tuple[File, ...]:
    return tuple(file for entry in entries for file in entry.only(folder))


def _source(file: File) -> str:
    return file.part.split("/")[0]


def _score(plan: Checked, file: File) -> Part:
    chain = plan.chains[_source(file)]
    return Part(file.part, (file,), number_identity(chain), _source(file), aside=chain)


def _judge(plan: Checked, file: File) -> Part:
    chain = (*plan.chains[_source(file)], *overlap_rules(plan.recipe.contamination))
    return Part(file.part, (file,), rule_identity(chain), _source(file), aside=chain)


def _ranks(recipe: Recipe) -> dict[str, int]:
    """The rank of each snapshot among those of its source, by "source/snapshot", but for the first ones."""
    names = [source.name for source in recipe.source]
    ranks = {f"{source.name}/{source.snapshot}": names[:n].count(source.name) for n, source in enumerate(recipe.source)}
    return {snapshot: rank for snapshot, rank in ranks.items() if rank}


def _limits(recipe: Recipe) -> dict[str, float]:
    """By source name, the share of its documents that may fall as duplicates."""
    default = recipe.dedupe.max_removed
    return {source.name: default if source.max_removed is None else source.max_removed for source in recipe.source}


def _repeating(
    recipe: Recipe, documents: Sequence[File], scored: Sequence[Entry], selected: Sequence[Entry]
) -> list[tuple[File, File, File]]:
    """Documents, scores and selection of the parts whose repeats are cut."""
    where = recipe.dedupe.repeats_in or [source.name for source in recipe.source if source.kind != "code"]
    rows = zip(documents, _files(scored, "scores"), _files(selected, "selection"), strict=True)
    return [row for row in rows if _source(row[0]) in where]


def _tokenizer(
    plan: Checked, store: Store, run: Run, documents: Sequence[File], scored: Sequence[Entry],
    selected: Sequence[Entry], beside: Sequence[File],
) -> Locked:  # fmt: skip
    """The locked tokenizer; without one, sample the mixture and train."""
    wanted = plan.recipe.tokenizer
    if found := read_lock(store, wanted):
        return found
    settings = SampleSettings(_numbers(plan.mixture), plan.domains, wanted.sample_bytes, plan.recipe.seed)
    inputs = (*documents, *_files(scored, "scores"), *_files(selected, "selection"), *beside)
    sampled = run(SAMPLE_STAGE, [Part("all", inputs, settings)])
    (trained,) = run(TRAIN, [Part("all", _files(sampled, "sample"), model_settings(wanted))])
    return locked(trained)


def _encode(
    model: Locked, documents: Sequence[File], scored: Sequence[Entry], selected: Sequence[Entry], cut: Sequence[Entry]
) -> list[Part]:
    settings = {"vocab_size": model.tokenizer.vocab_size}
    cuts = {file.part: (file,) for file in _files(cut, "cuts")}
    rows = zip(documents, _files(scored, "scores"), _files(selected, "selection"), strict=True)
    return [
        Part(file.part, (file, *beside, *cuts.get(file.part, ()), model.model), settings, _source(file))
        for file, *beside in rows
    ]


def _numbers(mixture: Mixture) -> Mixture:
    """A mixture without what is only said of it."""
    return replace(mixture, source="", note="")


def _order(
    plan: Checked, model: Locked, encoded: Sequence[Entry], selected: Sequence[Entry], buckets: Sequence[File]
) -> Part:
    recipe = plan.recipe
    settings = OrderSettings(
        _numbers(plan.mixture), plan.domains, recipe.shards.piece_tokens, recipe.seed, model.continuation
    )
    return Part("all", (*_files(encoded, "tokens"), *_files(selected, "selection"), *buckets), settings)


def _shards(
    recipe: Recipe, store: Store, model: Locked, ordered: Sequence[Entry], encoded: Sequence[Entry]
) -> list[Part]:
    tokens = _files(encoded, "tokens")
    orders = _files(ordered, "order")
    train = next(file for file in orders if file.part == "train")
    parts = []
    for order in orders:
        name = "" if order is train else f"{order.part}-"
        for number, (start, stop) in enumerate(shard_rows(store, order, recipe.shards.tokens)):
            settings = ShardSettings(model.tokenizer, train.sha256, start, stop)
            parts.append(Part(f"{name}{number:05d}", (order, *tokens), settings))
    return parts
