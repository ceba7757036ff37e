"""A recipe: one TOML file that says what a corpus is made of.

In: a path. Out: frozen dataclasses. Tables that belong to a room (`options` of a source, `chain`, `mixture`) are kept
as they stand; the room reads them as strictly (`corpus.strict`).
"""

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpus.contamination import Contamination, check_contamination
from corpus.contamination import filled as filled_contamination
from corpus.dedupe import Dedupe, check_dedupe, filled
from corpus.strict import NAME, Text, must, parse, read_toml


@dataclass(frozen=True)
class Source:
    """Where documents come from.

    Two entries may share a `name` when their `snapshot`s differ; the earlier one ranks first.
    """

    name: str
    kind: str  # web | books | code | tabular
    root: str  # a folder relative to the recipe's, s3://bucket/prefix, http(s)://host/prefix or hf://org/name@commit;
    # moving it changes no id
    files: tuple[str, ...] = ()  # globs below the root; of a web server, which cannot be listed, names
    paths: str = ""  # in place of `files`: a list of names, one a line; below the root, or ./… beside the recipe
    take: tuple[int, ...] = ()  # [from, to): only these names of the list, counted from 0
    domain: str = ""  # what a mixture selects by; default: the source's name
    snapshot: str = "0"
    chain: str = ""  # filter chain: one of the recipe's own, or bundled: web, books, code, text
    max_removed: float | None = None  # the share of its documents that may fall as duplicates; default: [dedupe]'s
    options: dict[str, Any] = field(default_factory=dict)  # sources.read.ReadSettings


@dataclass(frozen=True)
class Parts:
    """How work is cut. Changes the bytes of parts, never what is kept, the tokenizer or the shards."""

    input_bytes: int = 256 << 20  # input files of one ingest unit
    listed_files: int = 1  # the same where a list names files without their sizes
    text_bytes: int = 64 << 20  # text of one part


@dataclass(frozen=True)
class Heldout:
    """Documents set aside for evaluation, whole components at a time."""

    share: float = 0.01


@dataclass(frozen=True)
class TokenizerSettings:
    """A SentencePiece model, trained on a sample of the mixture, or given; then locked."""

    model: str = ""  # a .model file beside the recipe, in place of training one
    lossy: bool = False  # take a given model also where its tokens do not give the text back
    vocab_size: int = 32_000
    model_type: str = "bpe"  # bpe | unigram
    sample_bytes: int = 64 << 20
    character_coverage: float = 0.9995
    split_digits: bool = True  # every digit is a piece
    split_scripts: bool = True  # no piece holds letters of two scripts, or letters and punctuation
    symbols: tuple[str, ...] = ()  # pieces of their own, found in text
    control: tuple[str, ...] = ("<fim_prefix>", "<fim_middle>", "<fim_suffix>")  # ids that text never becomes
    retrain: bool = False


@dataclass(frozen=True)
class Shards:
    """How the token stream is cut."""

    tokens: int = 1 << 26  # tokens a shard
    piece_tokens: int = 8_192  # longer documents are cut into pieces of at most so many


@dataclass(frozen=True)
class Recipe:
    """The whole recipe. `root` is where the corpus lies: a folder relative to the recipe, or a store's URL."""

    name: str
    source: tuple[Source, ...]
    seed: int = 0
    root: str = ""  # default: builds/<name> beside the recipe's folder
    parts: Parts = Parts()
    chain: dict[str, Any] = field(default_factory=dict)
    dedupe: Dedupe = field(default_factory=Dedupe)
    contamination: Contamination = field(default_factory=Contamination)
    heldout: Heldout = Heldout()
    mixture: dict[str, Any] = field(default_factory=dict)
    tokenizer: TokenizerSettings = TokenizerSettings()
    shards: Shards = Shards()
    path: str = field(default="", metadata={"key": False})  # of the recipe file; not a key

    @property
    def folder(self) -> Path:
        """Where the recipe lies."""
        return Path(self.path).parent

    @property
    def store_url(self) -> str:
        """Where the corpus lies: `root`, or ``builds/<name>`` beside the recipe's folder."""
        if "://" in self.root:
            return self.root
        return str((self.folder / (self.root or f"../builds/{self.name}")).resolve())


def load_recipe(path: str | Path) -> Recipe:
    """Read and check a recipe. Raises RecipeError for what is wrong in it, or where there is none."""
    text, table = read_toml(path)
    if isinstance(table.get("dedupe"), dict):
        table["dedupe"] = filled(table["dedupe"], Text(str(path), text, "dedupe"))
    if isinstance(table.get("contamination"), dict):
        table["contamination"] = filled_contamination(table["contamination"], Text(str(path), text, "contamination"))
    recipe = parse(Recipe, table, Text(str(path), text))
    if recipe.tokenizer.model:
        for key in table["tokenizer"]:
            of_both = key in ("model", "lossy", "sample_bytes", "retrain")
            inside = Text(str(path), text, "tokenizer")
            must(of_both, inside, key, table["tokenizer"][key], "left out: the given model says it")
    _check(recipe, Text(str(path), text))
    return dataclasses.replace(recipe, path=str(Path(path).absolute()))


def _check(recipe: Recipe, text: Text) -> None:
    named = "letters, digits, . _ -"
    must(bool(re.fullmatch(NAME, recipe.name)), text, "name", recipe.name, named)
    must(0 <= recipe.seed < 1 << 63, text, "seed", recipe.seed, "at least 0 and below 2**63")
    must(bool(recipe.source), text, "source", 0, "at least one [[source]]")
    seen = set()
    for n, source in enumerate(recipe.source):
        inside = text.inside("source", n)
        must(bool(re.fullmatch(NAME, source.name)), inside, "name", source.name, named)
        must(bool(re.fullmatch(NAME, source.snapshot)), inside, "snapshot", source.snapshot, named)
        must(bool(re.fullmatch(NAME, source.domain or "x")), inside, "domain", source.domain, named)
        most = source.max_removed
        must(most is None or 0 < most <= 1, inside, "max_removed", most, "above 0 and at most 1")
        _check_place(source, inside)
        for key in ("chain", "domain", "kind", "max_removed"):
            first = next(getattr(other, key) for other in recipe.source if other.name == source.name)
            must(
                getattr(source, key) == first,
                inside,
                key,
                getattr(source, key),
                f"{first!r}, as for the source's others",
            )
        once = (source.name, source.snapshot) not in seen
        must(once, inside, "snapshot", source.snapshot, "different for two sources of one name")
        seen.add((source.name, source.snapshot))
    _check_numbers(recipe, text)


def _check_place(source: Source, text: Text) -> None:
    root, scheme = source.root, source.root.partition("://")[0] if "://" in source.root else ""
    places = "a folder, hf://…, s3://bucket/prefix or http(s)://host/prefix, without a query or a password"
    good = scheme in ("", "hf") or (scheme in ("s3", "http", "https") and not re.search(r"[?#@]|://(/|$)", root))
    must("\0" not in root and good, text, "root", root, places)
    must(bool(source.files) != bool(source.paths), text, "files", list(source.files), "given, or `paths` in its place")
    listable = scheme not in ("http", "https")
    for pattern in source.files:
        good = bool(pattern) and not pattern.startswith("/") and "\0" not in pattern and ".." not in pattern.split("/")
        must(good, text, "files", pattern, "a glob below the root")
        must(
            listable or not re.search(r"[*?[]", pattern), text, "files", pattern,
            "a name, for a web server cannot be listed; or give a list of names as `paths`",
        )  # fmt: skip
    must("\0" not in source.paths, text, "paths", source.paths, "the name of a list")
    take = list(source.take)
    must(not take or bool(source.paths), text, "take", take, "given with `paths`")
    must(not take or (len(take) == 2 and 0 <= take[0] < take[1]), text, "take", take, "[from, to), 0 <= from < to")


def _check_numbers(recipe: Recipe, text: Text) -> None:
    check_dedupe(recipe.dedupe, text.inside("dedupe"))
    check_contamination(recipe.contamination, text.inside("contamination"))
    names = sorted({source.name for source in recipe.source})
    for name in recipe.dedupe.repeats_in:
        must(name in names, text.inside("dedupe"), "repeats_in", name, f"a source: {', '.join(names)}")
    share = recipe.heldout.share
    must(0 <= share < 1, text.inside("heldout"), "share", share, "at least 0 and below 1")
    t, inside = recipe.tokenizer, text.inside("tokenizer")
    must(t.model_type in ("bpe", "unigram"), inside, "model_type", t.model_type, '"bpe" or "unigram"')
    must(300 <= t.vocab_size <= 1 << 20, inside, "vocab_size", t.vocab_size, "between 300 and 1048576")
    must(t.sample_bytes > 0, inside, "sample_bytes", t.sample_bytes, "above 0")
    coverage = t.character_coverage
    must(0.98 <= coverage <= 1, inside, "character_coverage", coverage, "between 0.98 and 1")
    must(bool(t.model) or not t.lossy, inside, "lossy", t.lossy, "given with `model`")
    _check_symbols(t, inside)
    s, p, inside = recipe.shards, recipe.parts, text.inside("shards")
    must(0 < s.tokens <= 1 << 30, inside, "tokens", s.tokens, "above 0 and at most 2**30")
    must(16 <= s.piece_tokens <= 1 << 20, inside, "piece_tokens", s.piece_tokens, "between 16 and 2**20")
    must(p.text_bytes > 0, text.inside("parts"), "text_bytes", p.text_bytes, "above 0")
    must(p.input_bytes > 0, text.inside("parts"), "input_bytes", p.input_bytes, "above 0")
    must(p.listed_files > 0, text.inside("parts"), "listed_files", p.listed_files, "above 0")


def _check_symbols(t: TokenizerSettings, text: Text) -> None:
    taken = {"<unk>", "<s>", "</s>", "<pad>", "\n", "\n\n", "\n\n\n"}
    for key in ("symbols", "control"):
        for symbol in getattr(t, key):
            good = bool(re.fullmatch(r"[^\s\u2581\u2585\0-\x1f]+", symbol)) and not re.fullmatch("<0x..>", symbol)
            must(good, text, key, symbol, "without blanks, and not a byte as <0x0A>")
            must(symbol not in taken, text, key, symbol, "said once, and none of the marks that are there anyway")
            taken.add(symbol)
