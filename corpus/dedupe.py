"""What a recipe says about duplicates, and the numbers that others published.

In: the table ``[dedupe]``. Out: `Dedupe`. A preset fills in what the table leaves open.
"""

import math
from dataclasses import dataclass
from typing import Any

from corpus.strict import Text, must, parse, with_preset

UNITS = ("words", "segmented", "characters", "simplified")
SCOPES = ("all", "domain", "source")
SNAPSHOTS = ("across", "within")
MAX_PERMUTATIONS = 10_000  # bands times rows; a document's signature has 4 bytes for each
MAX_SHINGLE = 1_000

# What others published, as far as it can be said in shingles, bands, rows and a threshold. Carried over nowhere: how
# they hash and permute (but for `fineweb`, whose signatures are equal bit by bit), and that their clusters are
# transitive. What shares a band is a duplicate there and a proposal here: real Jaccard decides, so a pair below the
# threshold stays. Where a source states no threshold, ours stands.
PRESETS: dict[str, dict[str, Any]] = {
    # huggingface/datatrove, examples/fineweb.py and MinhashConfig; "at least 75% similar" is the paper's (2406.17557)
    "fineweb": {"unit": "simplified", "shingle": 5, "bands": 14, "rows": 8, "seed": 1, "threshold": 0.75},
    # huggingface/fineweb-2, its pipeline script; not its splitters for each language, nor xxhash
    "fineweb-2": {"unit": "segmented", "shingle": 5, "bands": 14, "rows": 8, "seed": 1, "threshold": 0.75},
    # NVIDIA-NeMo/Curator, nemo_curator/stages/deduplication/fuzzy/workflow.py; the threshold is that of the check which
    # versions of 2024 had (jaccard_threshold)
    "nemo-curator": {"unit": "characters", "shingle": 24, "bands": 20, "rows": 13, "seed": 42, "threshold": 0.8},
    # data-prep-kit, transforms/universal/fdedup/dpk_fdedup/signature_calc/transform.py; it too checks Jaccard
    "data-prep-kit": {"shingle": 5, "bands": 14, "rows": 8, "seed": 42, "threshold": 0.75},
    # data_juicer/ops/deduplicator/document_minhash_deduplicator.py: 256 permutations at 0.7; 32 bands are those of the
    # published experiment (datajuicer/data-juicer, issue 546), the solver would take 25 x 10; words by blanks there
    "data-juicer": {"shingle": 5, "bands": 32, "rows": 8, "threshold": 0.7},
    # bigcode-project/bigcode-dataset, near_deduplication/minhash_deduplication.py: 256 permutations at 0.7, of which
    # its solver takes 25 x 10 (computed again); words of ASCII only, upper case kept, shorter files dropped there
    "bigcode": {"shingle": 5, "bands": 25, "rows": 10, "seed": 42, "threshold": 0.7},
    # marin-community/marin, processing/classification/deduplication/fuzzy_minhash.py; only the first 500,000 characters
    # of a text there
    "marin": {"unit": "characters", "shingle": 5, "bands": 26, "rows": 11, "seed": 42},
    # allenai/duplodocus, README.md: the default; 26 x 11 in its example; tokens of a model's tokenizer there
    "duplodocus": {"shingle": 5, "bands": 20, "rows": 5},
    # togethercomputer/RedPajama-Data, configs/rp_v2.0.conf: 128 permutations, of which its solver takes 9 x 13 at 0.8
    # (computed again; 14 x 9 at 0.7, 5 x 25 at 0.9)
    "redpajama-v2": {"shingle": 13, "bands": 9, "rows": 13, "seed": 42, "threshold": 0.8},
    # Lee et al. (2107.06499, appendix A), followed by RefinedWeb: 9,000 permutations, so 36 kB a document; b and r
    # change places between papers, and only 450 bands of 20 rows reach 0.8; not the edit similarity that checks there
    "refinedweb": {"shingle": 5, "bands": 450, "rows": 20, "threshold": 0.8},
    # our own bands, so nothing is missed, for text in languages without spaces between words
    "segmented": {"unit": "segmented"},
    # our own bands at the threshold that StarCoder took for source code (2305.06161, as bigcode above)
    "code": {"threshold": 0.7},
}
REPEATS = ("", "lines", "paragraphs", "cc_net", "c4")
WITHIN = ("source", "snapshot", "all")


@dataclass(frozen=True)
class Dedupe:
    """Near-duplicates: sets of shingles, MinHash bands x rows to propose, real Jaccard to decide.

    Bands and rows follow from the threshold unless both are given: so many that a pair at the threshold is missed
    with a probability of at most 0.02 %; 22 x 5 from 0.78 on (0.016 % at 0.8), 64 x 3 at 0.5.
    """

    preset: str = ""  # published numbers by name (`PRESETS`); what stands beside it in the table wins
    threshold: float = 0.8
    unit: str = "words"  # what a shingle is made of: see `processors.dedupe.shingles`
    shingle: int = 5  # how many of them
    bands: int | None = None
    rows: int | None = None
    seed: int = 1
    scope: str = "all"  # what is compared with what: all documents, those of one domain, those of one source
    snapshots: str = "across"  # or only those of snapshots with the same name
    prefer: str = ""  # of alike documents, the one with the higher such score, before the longer one
    urls: bool = True  # of one snapshot's documents with the same URL (`processors.urls`) one is kept
    max_removed: float = 0.5  # the share of a source's passing documents that may fall; above it the run stops
    repeats: str = ""  # what is cut where another kept document has it: see `processors.dedupe.repeats`
    repeats_within: str = "source"  # … a document of the same source, of the same snapshot of it, or of any that is in
    repeats_in: tuple[str, ...] = ()  # sources; default: all but those of kind "code", where lines repeat by nature
    repeats_least: int | None = None  # shorter ones, in bytes, are left alone; default: the preset's

    @property
    def banding(self) -> tuple[int, int]:
        """Bands and rows in force."""
        if self.bands and self.rows:
            return self.bands, self.rows
        rows = next(
            rows for rows, least in ((5, 0.78), (4, 0.65), (3, 0.45), (2, 0.25), (1, 0.0)) if self.threshold >= least
        )
        return math.ceil(math.log(2e-4) / math.log1p(-(min(self.threshold, 0.8) ** rows))), rows

    @property
    def missed(self) -> float:
        """The probability that a pair exactly at the threshold is not proposed."""
        return self.missed_at(self.threshold)

    def missed_at(self, similarity: float) -> float:
        """The probability that a pair of this Jaccard is not proposed: (1 - s^rows)^bands."""
        bands, rows = self.banding
        return float((1 - similarity**rows) ** bands)

    @property
    def told(self) -> str:
        """In words: the preset, the shingles, the bands and what they miss at the threshold and a little above it."""
        bands, rows = self.banding
        above = [s for s in (self.threshold, round(self.threshold + 0.05, 6)) if s <= 1]
        missed = ", ".join(f"{_percent(self.missed_at(s))} at {s:g}" for s in above)
        same = all(getattr(self, key) == value for key, value in PRESETS.get(self.preset, {}).items())
        name = f"preset {self.preset}{'' if same else ', changed'}: " if self.preset else ""
        unit = f"{self.unit} words" if self.unit in ("segmented", "simplified") else self.unit
        return f"{name}{bands} bands × {rows} rows of {self.shingle} {unit}; of alike pairs, {missed} are missed"


def filled(table: dict[str, Any], text: Text) -> dict[str, Any]:
    """The table with its preset's numbers where it says none. Raises RecipeError for a preset that is not known."""
    return with_preset(table, PRESETS, text)


def read_dedupe(table: dict[str, Any], text: Text) -> Dedupe:
    """What a table says, checked. Raises RecipeError."""
    dedupe = parse(Dedupe, filled(table, text), text)
    check_dedupe(dedupe, text)
    return dedupe


def check_dedupe(dedupe: Dedupe, text: Text) -> None:
    """Raise RecipeError for a number out of range or a word that is not known."""
    d = dedupe
    must(0.01 <= d.threshold <= 1, text, "threshold", d.threshold, "at least 0.01 and at most 1")
    must(1 <= d.shingle <= MAX_SHINGLE, text, "shingle", d.shingle, f"at least 1 and at most {MAX_SHINGLE:,}")
    words = {"unit": UNITS, "scope": SCOPES, "snapshots": SNAPSHOTS, "repeats": REPEATS, "repeats_within": WITHIN}
    for key, known in words.items():
        must(getattr(d, key) in known, text, key, getattr(d, key), " or ".join(f'"{name}"' for name in known))
    alone, other = ("rows", "bands") if d.bands is None else ("bands", "rows")
    must((d.bands is None) == (d.rows is None), text, alone, d.bands or d.rows, f"given with `{other}`")
    must(d.bands is None or d.bands >= 1, text, "bands", d.bands, "at least 1")
    must(d.rows is None or d.rows >= 1, text, "rows", d.rows, "at least 1")
    few = math.prod(d.banding) <= MAX_PERMUTATIONS
    must(few, text, "bands", d.bands, f"so few that bands × rows is at most {MAX_PERMUTATIONS:,}")
    must((d.repeats_least or 0) >= 0, text, "repeats_least", d.repeats_least, "at least 0")
    must(0 <= d.seed < 1 << 32, text, "seed", d.seed, "at least 0 and below 2**32")
    must(0 < d.max_removed <= 1, text, "max_removed", d.max_removed, "above 0 and at most 1")


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share >= 1e-6 or not share else "less than 0.0001 %"
