"""What each stage is given: the files of the stages before it and the settings that decide its output."""

from collections.abc import Sequence
from hashlib import sha256

from corpus.files import File
from corpus.recipe import Recipe
from corpus.stage import Entry, Part
from flows.checked import Checked
from mixtures.order import OrderSettings
from mixtures.pieces import PieceSettings, added_up
from processors.contamination.mark import overlap_rules
from processors.filters.chain import number_identity, rule_identity
from tokenizer.shard import ShardSettings
from tokenizer.train import Locked


def files_in(entries: Sequence[Entry], folder: str) -> tuple[File, ...]:
    """The files of several parts in one top folder."""
    return tuple(file for entry in entries for file in entry.only(folder))


def source_of(file: File) -> str:
    """The name of the source that a part belongs to."""
    return file.part.split("/")[0]


def score_part(plan: Checked, file: File) -> Part:
    """Documents, to be scored with their source's chain."""
    chain = plan.chains[source_of(file)]
    return Part(file.part, (file,), number_identity(chain), source_of(file), aside=chain)


def judge_part(plan: Checked, file: File) -> Part:
    """Scores, to be judged by their source's thresholds and what contamination drops."""
    chain = (*plan.chains[source_of(file)], *overlap_rules(plan.recipe.contamination))
    return Part(file.part, (file,), rule_identity(chain), source_of(file), aside=chain)


def ranks(recipe: Recipe) -> dict[str, int]:
    """The rank of each snapshot among those of its source, by "source/snapshot", but for the first ones."""
    names = [source.name for source in recipe.source]
    ranks = {f"{source.name}/{source.snapshot}": names[:n].count(source.name) for n, source in enumerate(recipe.source)}
    return {snapshot: rank for snapshot, rank in ranks.items() if rank}


def limits(recipe: Recipe) -> dict[str, float]:
    """By source name, the share of its documents that may fall as duplicates."""
    default = recipe.dedupe.max_removed
    return {source.name: default if source.max_removed is None else source.max_removed for source in recipe.source}


def repeating(
    recipe: Recipe, documents: Sequence[File], scored: Sequence[Entry], selected: Sequence[Entry]
) -> list[tuple[File, File, File]]:
    """Documents, scores and selection of the parts whose repeats are cut."""
    where = recipe.dedupe.repeats_in or [source.name for source in recipe.source if source.kind != "code"]
    rows = zip(documents, files_in(scored, "scores"), files_in(selected, "selection"), strict=True)
    return [row for row in rows if source_of(row[0]) in where]


def encode_parts(
    model: Locked, documents: Sequence[File], scored: Sequence[Entry], selected: Sequence[Entry], cut: Sequence[Entry]
) -> list[Part]:
    """Documents with what filters and dedupe said of them, to be encoded."""
    settings = {"vocab_size": model.tokenizer.vocab_size}
    cuts = {file.part: (file,) for file in files_in(cut, "cuts")}
    rows = zip(documents, files_in(scored, "scores"), files_in(selected, "selection"), strict=True)
    return [
        Part(file.part, (file, *beside, *cuts.get(file.part, ()), model.model), settings, source_of(file))
        for file, *beside in rows
    ]


def piece_parts(
    recipe: Recipe, model: Locked, encoded: Sequence[Entry], selected: Sequence[Entry], buckets: Sequence[File]
) -> list[Part]:
    """Tokens with their split and bucket, to be cut into pieces."""
    settings = PieceSettings(recipe.shards.piece_tokens, model.continuation)
    cut = {file.part: (file,) for file in buckets}
    rows = zip(files_in(encoded, "tokens"), files_in(selected, "selection"), strict=True)
    return [
        Part(file.part, (file, beside, *cut.get(file.part, ())), settings, source_of(file)) for file, beside in rows
    ]


def order_part(plan: Checked, cut_up: Sequence[Entry]) -> Part:
    """All pieces, and how much there is of each kind of document."""
    recipe = plan.recipe
    stock = added_up([entry.info["stock"] for entry in cut_up])
    seed = recipe.seed if plan.mixture.seed is None else plan.mixture.seed
    settings = OrderSettings(plan.mixture.identity, plan.domains, stock, seed, recipe.shards.tokens)
    return Part("all", files_in(cut_up, "pieces"), settings)


def place_parts(model: Locked, ordered: Sequence[Entry], encoded: Sequence[Entry]) -> list[Part]:
    """The tokens of each part that is in the order, and the places of its pieces."""
    tokens = {file.part: file for file in files_in(encoded, "tokens")}
    places = files_in(ordered, "places")
    return [Part(file.part, (tokens[file.part], file), model.tokenizer, source_of(file)) for file in places]


def shard_parts(model: Locked, ordered: Sequence[Entry], placed: Sequence[Entry]) -> list[Part]:
    """Every shard of every stream: its rows of the order, and all that is placed, to gather from."""
    (entry,) = ordered
    orders = {file.part: file for file in entry.only("order")}
    sizes = next(file for file in model.files if file.path == model.tokenizer.token_bytes_path)
    gathered = files_in(placed, "placed")
    whole = sha256("\n".join(sorted(f"{file.part} {file.sha256}" for file in gathered)).encode()).hexdigest()
    return [
        Part(
            name,
            (orders[stream], sizes),
            ShardSettings(model.tokenizer, entry.info["order_sha256"], number, start, stop, whole),
            aside=gathered,
        )
        for number, (name, stream, start, stop) in enumerate(entry.info["shards"])
    ]
