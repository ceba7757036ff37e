"""The stages of dedupe in order, as plain lines: what each is given is all that decides what it gives.

::

    sign ─ bands ─ links ─ components ─ candidates ─ pairs ─┐
                                          judge (verdicts) ─┴─ decide ─ select

Up to `pairs` nothing knows of filters; from there on nothing opens a text, but for components of many sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from corpus.dedupe import Dedupe
from corpus.files import File
from corpus.stage import Entry, Part, Run
from processors.dedupe.bands import BANDS, BandSettings
from processors.dedupe.candidates import CANDIDATES_STAGE
from processors.dedupe.components import COMPONENTS, Cut
from processors.dedupe.decide import DECIDE, DecideSettings, Heldout
from processors.dedupe.links import LINKS, stretches
from processors.dedupe.pairs import PAIRS_STAGE, PairSettings
from processors.dedupe.select import SELECT, SelectSettings
from processors.dedupe.sign import SIGN, sign_settings

DEDUPE = (SIGN, BANDS, LINKS, COMPONENTS, CANDIDATES_STAGE, PAIRS_STAGE, DECIDE, SELECT)


@dataclass(frozen=True)
class Alike:
    """What is known of a corpus before the filters have spoken."""

    signed: list[Entry]
    joined: list[Entry]
    gathered: list[Entry]
    paired: list[Entry]

    @property
    def cut(self) -> Cut:
        """Where the work is cut."""
        return Cut.of(self.joined[0].info)


def find_alike(documents: Sequence[File], dedupe: Dedupe, domains: dict[str, str], run: Run) -> Alike:
    """From documents to pairs of alike sets. `domains` gives each source's."""
    signed = run(SIGN, [Part(file.part, (file,), sign_settings(dedupe), _source(file)) for file in documents])
    signatures = _files(signed, "signatures")
    banded = run(BANDS, [Part(f.part, (f,), _banding(dedupe, f, domains), _source(f)) for f in signatures])
    keys = _files(banded, "bands")
    linked = run(LINKS, [Part(f"{each.number:05d}", keys, each) for each in stretches(keys)])
    joined = run(COMPONENTS, [Part("all", (*_files(linked, "links"), *signatures))])
    groups = {file.part: file for file in _files(joined, "groups")}
    cut = Cut.of(joined[0].info)
    beside = {file.part: file for file in signatures}
    gathered = run(
        CANDIDATES_STAGE,
        [
            Part(file.part, (file, beside[file.part], groups[file.part]), cut.read, _source(file))
            for file in documents
            if file.part in groups
        ],
    )
    texts = _files(gathered, "candidates")
    small = [piece for piece, first in enumerate(cut.read[:-1]) if first < cut.large] if texts else []
    settings = [PairSettings(dedupe.threshold, dedupe.unit, dedupe.shingle, piece) for piece in small]
    paired = run(PAIRS_STAGE, [Part(f"{each.piece:05d}", texts, each) for each in settings])
    return Alike(signed, joined, gathered, paired)


def decide_alike(
    verdicts: Sequence[File],
    scores: Sequence[File],
    alike: Alike,
    dedupe: Dedupe,
    ranks: dict[str, int],
    heldout: Heldout,
    run: Run,
) -> list[Entry]:
    """What becomes of linked documents, given which pass the filters. `ranks` as in `DecideSettings`."""
    cut = alike.cut
    base = (*verdicts, *_files(alike.gathered, "facts"), *(scores if dedupe.prefer else ()))
    pairs, texts = _files(alike.paired, "pairs"), _files(alike.gathered, "candidates")
    settings = DecideSettings(
        dedupe.threshold, dedupe.unit, dedupe.shingle, 0, 0, (), dedupe.urls, dedupe.prefer, heldout, ranks
    )
    parts = []
    for number, (first, last) in enumerate(zip(cut.decided, cut.decided[1:], strict=False)):
        pieces = [n for n, (a, b) in enumerate(zip(cut.read, cut.read[1:], strict=False)) if a < last and b > first]
        small = [n for n in pieces if cut.read[n] < cut.large]
        large = tuple(n for n in pieces if cut.read[n] >= cut.large)
        inputs = (*base, *(pairs[n] for n in small if pairs), *(texts if large else ()))
        own = replace(settings, first=first, last=last, pieces=large)
        parts.append(Part(f"{number:05d}", inputs, own))
    return run(DECIDE, parts)


def select_documents(
    verdicts: Sequence[File], alike: Alike, decided: Sequence[Entry], heldout: Heldout, run: Run
) -> list[Entry]:
    """The selection of every part."""
    signatures, decisions = _files(alike.signed, "signatures"), _files(decided, "decided")
    rows = enumerate(zip(verdicts, signatures, strict=True))
    return run(
        SELECT,
        [
            Part(verdict.part, (verdict, signed, *decisions), SelectSettings(heldout, place), _source(verdict))
            for place, (verdict, signed) in rows
        ],
    )


def _banding(dedupe: Dedupe, file: File, domains: dict[str, str]) -> BandSettings:
    """What a part's keys depend on: the documents that it is compared with have the same `scope`."""
    bands, rows = dedupe.banding
    source, snapshot = _source(file), file.part.rsplit("-", 2)[0]
    scope = {"all": "", "domain": domains.get(source, source), "source": source}[dedupe.scope]
    within = snapshot.partition("/")[2] if dedupe.snapshots == "within" else ""
    return BandSettings(bands, rows, f"{scope}/{within}", snapshot if dedupe.urls else "")


def _files(entries: Sequence[Entry], folder: str) -> tuple[File, ...]:
    return tuple(file for entry in entries for file in entry.only(folder))


def _source(file: File) -> str:
    return file.part.split("/")[0]
