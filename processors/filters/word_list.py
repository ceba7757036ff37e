"""How many words and phrases of a list stand in a text: a list for each language, by path.

    [[chain.web]]
    name = "word_list"
    folder = "lists/ldnoobw"      # en, de, zh, …: files named by ISO 639 code, one word or phrase a line
    always = ["en"]               # lists that count whatever the language
    variant = "c4"

The folder is laid out as LDNOOBW ("List of Dirty, Naughty, Obscene, and Otherwise Bad Words", CC BY 4.0): `en` or
`en.txt`; `fr-CA-u-sd-caqc` adds to `fr`. Files whose name is no code (README.md, LICENSE) are passed over. A text is
judged by the list of its language and by those of `always`; where there is none of them, it is not judged.

A word counts where no letter, digit, underscore or combining mark stands beside it, in zh, ja, th, lo, my and km
anywhere; in either case; a blank in a phrase is any run of blanks. Hits do not overlap.

| variant | max_hits | max_per_thousand | what |
|---|---|---|---|
| data_juicer | | 45 | hits per thousand words: `flagged_words_filter`, max_ratio 0.045 |
| c4 | 0 | | any hit drops the page (JMLR 21/140 section 2.2; datatrove `C4BadWordsFilter`) |

C4's is known to drop what minorities write of themselves (2104.08758 section 5); the rate leaves single words alone.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import InputError, RecipeError
from processors.filters.digest import digest
from processors.filters.languages import UNSPACED
from processors.filters.lists import entries
from processors.filters.measure import Measures, buffers, divide, word_identity
from processors.filters.rule import BY_VARIANT, Rule, fill, in_force

if TYPE_CHECKING:
    from processors.filters.phrases import Tree

_ALL = float("inf")
_CODE = re.compile(r"([a-z]{2,3})(?:-[A-Za-z0-9-]+)?(?:\.txt)?")


@dataclass(frozen=True)
class WordList:
    """Scores: `hits`, int64, and `per_thousand`, hits per thousand words; null where no list is there to judge by.

    Attributes:
        folder: the folder of lists.
        always: languages whose lists count for every text.
        variant: whose thresholds, see above.
        max_hits: more drop the document.
        max_per_thousand: more of a thousand words drop it.
    """

    name: ClassVar[str] = "word_list"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    paths: ClassVar[tuple[str, ...]] = ("folder",)

    VARIANTS: ClassVar[dict[str, dict[str, float]]] = {
        "data_juicer": {"max_hits": _ALL, "max_per_thousand": 45.0},
        "c4": {"max_hits": 0.0, "max_per_thousand": _ALL},
    }
    SOURCES: ClassVar[dict[str, str]] = {
        "data_juicer": "Data-Juicer `ops/filter/flagged_words_filter.py`",
        "c4": "JMLR 21/140 section 2.2; datatrove `c4_filters.py`",
    }

    folder: str = ""
    always: tuple[str, ...] = ()
    variant: str = "data_juicer"
    max_hits: float = BY_VARIANT
    max_per_thousand: float = BY_VARIANT

    def __post_init__(self) -> None:
        fill(self)

    def number_settings(self) -> dict[str, object]:
        """The lists, by their SHA-256, and what a word is."""
        if not self.folder:
            raise RecipeError("word_list: `folder` is not given; name a folder with a list for each language")
        return {"folder": digest(self.folder), "always": sorted(self.always), **word_identity()}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """Hits by each text's own lists."""
        if not len(batch):  # asked only for names and types
            return {"hits": pa.nulls(0, pa.int64()), "per_thousand": pa.nulls(0, pa.float64())}
        lists = _lists(self.folder, str(self.number_settings()["folder"]))
        if missing := sorted(set(self.always) - lists.keys()):
            raise RecipeError(
                f"word_list: `always` names {missing[0]!r}, {self.folder} has no such list; it has {', '.join(lists)}"
            )
        texts = measures.texts
        hits, judged = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.bool_)
        for names, rows in self._rows(measures.languages, lists).items():
            for free in (False, True):
                here = tuple(name for name in names if (name in UNSPACED) == free)
                if here:
                    phrases = tuple(phrase for name in here for phrase in lists[name])
                    hits[rows] += counted(texts, rows, phrases, free)
            judged[rows] = True
        nothing = ~judged | texts.is_null().to_numpy(zero_copy_only=False)
        rate = divide(1000 * hits, measures["plain_words"], texts)
        return {
            "hits": pa.array(hits, mask=nothing),
            "per_thousand": pc.if_else(pa.array(nothing), None, rate),
        }

    def rules(self) -> tuple[Rule, ...]:
        """Too many hits, then too many for the text's length."""
        return in_force(
            Rule("hits", "hits", above=self.max_hits), Rule("rate", "per_thousand", above=self.max_per_thousand)
        )

    def _rows(self, languages: pa.Array, lists: dict[str, tuple[str, ...]]) -> dict[tuple[str, ...], np.ndarray]:
        """The rows to be judged by each set of lists."""
        coded = languages.cast(pa.string()).dictionary_encode()
        codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
        found: dict[tuple[str, ...], list[np.ndarray]] = defaultdict(list)
        for code, language in enumerate([*coded.dictionary.to_pylist(), None]):
            own = (language or "").partition("-")[0].lower()
            names = tuple(sorted({*self.always, own} & lists.keys()))
            if names:
                found[names].append(np.flatnonzero(codes == (code if language is not None else -1)))
        return {names: np.concatenate(rows) for names, rows in found.items()}


def counted(texts: pa.Array, rows: np.ndarray, phrases: tuple[str, ...], free: bool) -> np.ndarray:
    """The hits of phrases in some rows of a large_string column, int64; `free`: they may begin anywhere."""
    from processors.filters.phrases import count_hits, folding  # numba takes half a second to import

    tree = _tree(phrases)
    return count_hits(*buffers(texts), rows, tree.first, tree.keys, tree.nodes, tree.ends, *folding(), not free)


@lru_cache(maxsize=64)
def _tree(phrases: tuple[str, ...]) -> "Tree":
    from processors.filters.phrases import tree_of

    return tree_of(phrases)


@lru_cache(maxsize=4)
def _lists(folder: str, digest: str) -> dict[str, tuple[str, ...]]:
    """The phrases of each language."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(Path(folder).iterdir()) if Path(folder).is_dir() else []:
        if code := _CODE.fullmatch(path.name):
            phrases = tuple(entry for _, entry in entries(path))
            if not phrases:
                raise InputError(f"{path}: this list has no entry; fill it or take the file away")
            found[code[1]] = found.get(code[1], ()) + phrases
    if not found:
        raise InputError(f"{folder}: no list is in it; it must hold files named by language: en, de.txt, zh")
    return found
