"""The path from raw files to a published corpus: every stage, in order, as plain lines. Imports no Prefect.

`run` decides how a stage's missing parts get done: `gristmill build` passes a process pool, the Prefect flow passes
task runs, `gristmill plan` passes one that does nothing. What a stage is given here is all that decides what it
gives.
"""

from collections.abc import Sequence

from corpus import publish
from corpus.errors import InputError
from corpus.files import File
from corpus.publish import Built, Published
from corpus.recipe import Recipe, Source
from corpus.stage import Entry, Part, Run
from corpus.store import Store
from corpus.strict import unknown
from flows.checked import Checked, check
from flows.parts import (
    encode_parts,
    files_in,
    judge_part,
    limits,
    order_part,
    piece_parts,
    place_parts,
    ranks,
    repeating,
    score_part,
    shard_parts,
    source_of,
)
from mixtures.buckets import bucket_documents
from mixtures.order import ORDER_STAGE
from mixtures.pieces import PIECES_STAGE
from mixtures.sample import SAMPLE_STAGE, SampleSettings
from processors.contamination.stages import mark_contaminated
from processors.dedupe.cut import check_cut, cut_repeats
from processors.dedupe.decide import Heldout
from processors.dedupe.gate import check_removed
from processors.dedupe.probe import PROBE, probe_part
from processors.dedupe.stages import DEDUPE, decide_alike, find_alike, select_documents
from processors.filters.stages import JUDGE, SCORE
from sources.ingest import INGEST
from sources.plan import plan_ingest
from tokenizer.encode import ENCODE
from tokenizer.shard import PLACE, SHARD
from tokenizer.train import TRAIN, Locked, locked, read_lock, train_part, write_lock

__all__ = ["Checked", "build", "check", "ingest", "stages"]


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
    return publish.publish(store, recipe.name, built, model.tokenizer, model.files, model.notes)


def stages(plan: Checked, store: Store, run: Run, accept: Sequence[str] = ()) -> tuple[Built, Locked]:
    """Every stage in order: the entries, and the tokenizer in force."""
    recipe = plan.recipe
    ingested = ingest(plan, run)
    documents = files_in(ingested, "documents")
    scored = run(SCORE, [score_part(plan, file) for file in documents])
    scored = mark_contaminated(documents, scored, recipe.contamination, recipe.folder, run)
    alike = find_alike(documents, recipe.dedupe, plan.domains, run)
    scores = files_in(scored, "scores")
    judged = run(JUDGE, [judge_part(plan, file) for file in scores])
    verdicts = files_in(judged, "verdicts")
    preferred = [file for file in scores if source_of(file) in plan.preferred]
    heldout = Heldout(recipe.heldout.share, recipe.seed)
    decided = decide_alike(verdicts, preferred, alike, recipe.dedupe, ranks(recipe), heldout, run)
    selected = select_documents(verdicts, alike, decided, heldout, run)
    probed = run(PROBE, [probe_part(recipe.dedupe, DEDUPE)])
    check_removed(store, documents, selected, limits(recipe), accept)
    cut = cut_repeats(repeating(recipe, documents, scored, selected), recipe.dedupe, ranks(recipe), run)
    check_cut(cut, limits(recipe), accept)
    buckets = bucket_documents(plan.mixture.bucket, plan.domains, scores, files_in(selected, "selection"), run)
    model = _tokenizer(plan, store, run, documents, scored, selected, (*files_in(cut, "cuts"), *buckets))
    encoded = run(ENCODE, encode_parts(model, documents, scored, selected, cut))
    cut_up = run(PIECES_STAGE, piece_parts(recipe, model, encoded, selected, buckets))
    ordered = run(ORDER_STAGE, [order_part(plan, cut_up)])
    placed = run(PLACE, place_parts(model, ordered, encoded))
    sharded = run(SHARD, shard_parts(model, ordered, placed))
    early = (ingested, scored, judged, alike.signed, alike.paired, selected, probed)
    return Built(*early, cut, encoded, cut_up, ordered, sharded), model


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


def _tokenizer(
    plan: Checked, store: Store, run: Run, documents: Sequence[File], scored: Sequence[Entry],
    selected: Sequence[Entry], beside: Sequence[File],
) -> Locked:  # fmt: skip
    """The locked tokenizer; without one, sample the mixture and train."""
    wanted = plan.recipe.tokenizer
    if found := read_lock(store, wanted, plan.recipe.folder):
        return found
    settings = SampleSettings(plan.mixture.identity, plan.domains, wanted.sample_bytes, plan.recipe.seed)
    inputs = (*documents, *files_in(scored, "scores"), *files_in(selected, "selection"), *beside)
    sampled = run(SAMPLE_STAGE, [Part("all", inputs, settings)])
    (trained,) = run(TRAIN, [train_part(wanted, plan.recipe.folder, files_in(sampled, "sample"))])
    return locked(trained)
