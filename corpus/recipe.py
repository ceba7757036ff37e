"""A recipe: one TOML file that says what a corpus is made of. Reading it is strict.

In: a path. Out: frozen dataclasses. An unknown key, a wrong type or a value out of range is a RecipeError that names
the file, the line, the key and the nearest known one. Tables that belong to a room (`options` of a source, `chain`,
`mixture`) are kept as they stand; the room reads them with the same `parse`.
"""

import dataclasses
import difflib
import re
import tomllib
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from corpus.errors import RecipeError

T = TypeVar("T")


@dataclass(frozen=True)
class Source:
    """Where documents come from.

    Two entries may share a `name` when their `snapshot`s differ; the earlier one ranks first.
    """

    name: str
    kind: str  # web | books | code | tabular
    root: str  # folder, relative to the recipe's; moving it changes no id
    files: tuple[str, ...]  # globs below the root
    domain: str = ""  # what a mixture selects by; default: the source's name
    snapshot: str = "0"
    chain: str = ""  # filter chain: one of the recipe's own, or bundled: web, books, code, text
    options: dict[str, Any] = field(default_factory=dict)  # sources.read.ReadSettings


@dataclass(frozen=True)
class Parts:
    """How work is cut. Changes the bytes of parts, never what is kept, the tokenizer or the shards."""

    input_bytes: int = 256 << 20  # input files of one ingest unit
    text_bytes: int = 64 << 20  # text of one part


@dataclass(frozen=True)
class Dedupe:
    """Near-duplicates: shingles of consecutive words, MinHash bands x rows to propose, real Jaccard to decide.

    22 x 5 at 0.8 misses a pair of Jaccard 0.8 with probability (1 - 0.8**5)**22 = 0.016 %.
    """

    threshold: float = 0.8
    shingle: int = 5
    bands: int = 22
    rows: int = 5
    seed: int = 1
    max_removed: float = 0.5  # the share of a source's passing documents that may fall; above it the run stops


@dataclass(frozen=True)
class Heldout:
    """Documents set aside for evaluation, whole components at a time."""

    share: float = 0.01


@dataclass(frozen=True)
class TokenizerSettings:
    """A SentencePiece model, trained on a sample of the mixture and then locked."""

    vocab_size: int = 32_000
    model_type: str = "bpe"  # bpe | unigram
    sample_bytes: int = 64 << 20
    character_coverage: float = 0.9995
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
    dedupe: Dedupe = Dedupe()
    heldout: Heldout = Heldout()
    mixture: dict[str, Any] = field(default_factory=dict)
    tokenizer: TokenizerSettings = TokenizerSettings()
    shards: Shards = Shards()
    path: str = ""  # of the recipe file; not a key

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
    recipe = parse(Recipe, table, Text(str(path), text))
    _check(recipe, Text(str(path), text))
    return dataclasses.replace(recipe, path=str(Path(path).absolute()))


def read_toml(path: str | Path) -> tuple[str, dict[str, Any]]:
    """The file's text and its tables. Raises RecipeError where it is missing or not TOML."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RecipeError(f"{path}: cannot be read: {said}") from error
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: not TOML: {error}") from error


@dataclass(frozen=True)
class Text:
    """The text that a table was read from, to find lines in.

    `header` is the table's path, `index` its place in an array.
    """

    path: str
    text: str
    header: str = ""
    index: int = 0

    def line(self, key: str) -> str:
        """``path:line`` of a key of this table; the path alone where it cannot be found."""
        table, seen = "", dict[str, int]()
        for number, line in enumerate(self.text.splitlines(), 1):
            if found := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
                table = found[1]
                seen[table] = seen.get(table, -1) + 1
                if f"{self.header}.{key}".lstrip(".") == table and self.index in (0, seen[table]):
                    return f"{self.path}:{number}"
            elif table == self.header and seen.get(table, 0) == self.index:
                if re.match(rf'\s*"?{re.escape(key)}"?\s*=', line):
                    return f"{self.path}:{number}"
            elif table == "" and self.header and re.match(rf"\s*{re.escape(self.header)}\s*=", line):
                return f"{self.path}:{number}"
        return self.path

    def inside(self, key: str, index: int = 0) -> "Text":
        """The text of a table inside this one."""
        return Text(self.path, self.text, f"{self.header}.{key}".lstrip("."), index)


def parse(cls: type[T], table: dict[str, Any], text: Text) -> T:
    """A frozen dataclass from a TOML table, strictly.

    Raises RecipeError with file, line, key and the nearest known key.
    """
    hints = get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls) if f.name != "path" or cls is not Recipe]  # type: ignore[arg-type]
    for key in table:
        if key not in names:
            raise unknown(text.line(key), "key", key, names)
    for f in dataclasses.fields(cls):  # type: ignore[arg-type]
        missing = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if missing and f.name not in table:
            raise RecipeError(f"{text.path}: [{text.header or 'top'}] lacks `{f.name}`; add it")
    return cls(**{key: _value(hints[key], value, key, text) for key, value in table.items()})


def unknown(where: str, what: str, name: str, known: list[str]) -> RecipeError:
    """The error for a name that is not one of the known ones."""
    near = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(sorted(known))}"
    return RecipeError(f"{where}: unknown {what} `{name}`; {hint}")


def _value(hint: Any, value: Any, key: str, text: Text) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _value(next(a for a in args if a is not type(None)), value, key, text)
    if origin is Literal:
        if value in args:
            return value
        raise unknown(text.line(key), key, str(value), [str(arg) for arg in args])
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return parse(hint, value, text.inside(key))  # type: ignore[arg-type]
    if origin is tuple and isinstance(value, list):
        inner = args[0]
        if dataclasses.is_dataclass(inner):
            return tuple(parse(inner, item, text.inside(key, n)) for n, item in enumerate(value))  # type: ignore[arg-type]
        return tuple(_value(inner, item, key, text) for item in value)
    wanted = dict if origin is dict else hint
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if wanted is Any or (isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))):
        return value
    name = "a list" if origin is tuple else getattr(wanted, "__name__", str(wanted))
    raise RecipeError(f"{text.line(key)}: `{key}` is {value!r}, it must be {name}")


def _check(recipe: Recipe, text: Text) -> None:
    def must(holds: bool, header: str, key: str, rule: str, value: Any) -> None:
        if not holds:
            raise RecipeError(
                f"{Text(text.path, text.text, header).line(key)}: `{key}` is {value!r}, it must be {rule}"
            )

    must(
        bool(re.fullmatch(r"[a-z0-9][a-z0-9._-]*", recipe.name)),
        "",
        "name",
        "lower-case letters, digits, . _ -",
        recipe.name,
    )
    must(bool(recipe.source), "", "source", "at least one [[source]]", 0)
    seen = set()
    for source in recipe.source:
        must(
            bool(re.fullmatch(r"[a-z0-9][a-z0-9._-]*", source.name)),
            "source",
            "name",
            "lower-case letters, digits, . _ -",
            source.name,
        )
        must(
            (source.name, source.snapshot) not in seen,
            "source",
            "snapshot",
            "different for two sources of one name",
            source.snapshot,
        )
        seen.add((source.name, source.snapshot))
    d, t = recipe.dedupe, recipe.tokenizer
    must(0 < d.threshold <= 1, "dedupe", "threshold", "above 0 and at most 1", d.threshold)
    must(d.shingle >= 1, "dedupe", "shingle", "at least 1", d.shingle)
    must(d.bands >= 1 and d.rows >= 1, "dedupe", "bands", "at least 1, as `rows`", d.bands)
    must(0 < d.max_removed <= 1, "dedupe", "max_removed", "above 0 and at most 1", d.max_removed)
    must(0 <= recipe.heldout.share < 1, "heldout", "share", "at least 0 and below 1", recipe.heldout.share)
    must(t.model_type in ("bpe", "unigram"), "tokenizer", "model_type", '"bpe" or "unigram"', t.model_type)
    must(300 <= t.vocab_size <= 1 << 20, "tokenizer", "vocab_size", "between 300 and 1048576", t.vocab_size)
    must(recipe.shards.tokens > 0, "shards", "tokens", "above 0", recipe.shards.tokens)
    must(recipe.shards.piece_tokens >= 16, "shards", "piece_tokens", "at least 16", recipe.shards.piece_tokens)
    must(recipe.parts.text_bytes > 0, "parts", "text_bytes", "above 0", recipe.parts.text_bytes)
    must(recipe.parts.input_bytes > 0, "parts", "input_bytes", "above 0", recipe.parts.input_bytes)
