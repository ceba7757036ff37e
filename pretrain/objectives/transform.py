"""Training objectives as deterministic transforms of windows: ids in, `Rows` out. NumPy only.

    windows of ids → next: as they are · fim: middles behind suffixes · mlm: masks · span: source and target rows

What is drawn for a part of a document depends on the run's seed and the part's key alone (`corpus.windows.Segments`):
the same at any batch size and world size, another in the next epoch. Nothing moves from one document to another.
"""

from collections.abc import Callable

import numpy as np

from corpus.seeds import below, mix
from corpus.windows import Segments
from pretrain.config import ObjectiveConfig
from pretrain.objectives.parts import Parts, drawn, runs
from pretrain.objectives.rows import Rows, Special, check
from pretrain.objectives.spans import corrupt

FIM_RATE = 0.5  # StarCoder (Li et al. 2023, arXiv:2305.06161); Bavarian et al.: up to 0.9 costs nothing left to right
MLM_RATE, MASKED, RANDOM = 0.15, 0.8, 0.1  # BERT (Devlin et al. 2018, arXiv:1810.04805), section 3.1


def apply(
    objective: ObjectiveConfig,
    ids: np.ndarray,
    starts: np.ndarray,
    segments: Callable[[], Segments],
    special: Special,
    seed: int,
) -> Rows:
    """What the model reads of windows int32 [n, T + 1]; `starts` is where documents open in their inputs, as in `Rows`.

    For `next` these are views. `segments` is called by the others only. Raises RecipeError where the tokenizer lacks a
    mark that the objective writes.
    """
    if objective.name == "next":
        return Rows(ids[:, :-1], ids[:, 1:], starts)
    check(objective, special)
    parts = Parts.of(ids, starts, segments(), special.eos, special.pad, seed)
    if objective.name == "fim":
        return _fim(objective, ids, starts, parts, special)
    if objective.name == "mlm":
        return _mlm(objective, ids, starts, parts, special)
    return corrupt(objective, ids, parts, special)


def _fim(objective: ObjectiveConfig, ids: np.ndarray, starts: np.ndarray, parts: Parts, special: Special) -> Rows:
    """Fill-in-the-middle (Bavarian et al. 2022, arXiv:2207.14255), on what a window shows of a document.

    Two cut points, each place as likely, give prefix, middle and suffix. The part becomes <prefix> prefix <suffix>
    suffix <middle> middle or, in `spm_rate` of the cases, <prefix> <suffix> suffix <middle> prefix middle (the paper's
    PSM and its second form of SPM). As in StarCoder's training (bigcode-project/Megatron-LM, gpt_dataset.py) it keeps
    its length: the suffix loses its last three ids to the three marks, a suffix of three or fewer leaves the part as it
    is, and every id is a target, marks too. The EOS that opens a document stays in front, the one that ends it follows
    the middle. Cuts fall between ids, not inside them; the paper cuts between characters.
    """
    begin = parts.start + parts.opened
    size = parts.start + parts.length + parts.goes_on - begin  # the last label is text, too
    cuts = np.sort([drawn(parts.key, k) % (size + 1).astype(np.uint64) for k in (1, 2)], axis=0).astype(np.int64)
    chosen = below(drawn(parts.key, 3), objective.rate or FIM_RATE) & ~parts.empty & (size - cuts[1] > 3)
    if objective.domains:
        known = [number for number, name in enumerate(parts.domains) if name in objective.domains]
        chosen &= np.isin(parts.domain, known)
    low, high, size, row = cuts[0, chosen], cuts[1, chosen], size[chosen], parts.row[chosen]
    base = row * ids.shape[1] + begin[chosen]
    one, middle, suffix = np.ones_like(low), high - low, size - high - 3
    prefix_mark, suffix_mark, middle_mark = (np.full_like(low, ids.size + k) for k in range(3))
    psm = (prefix_mark, base, suffix_mark, base + high, middle_mark, base + low), (one, low, one, suffix, one, middle)
    spm = (prefix_mark, suffix_mark, base + high, middle_mark, base, base + low), (one, one, suffix, one, low, middle)
    swapped = below(drawn(parts.key[chosen], 4), objective.spm_rate)
    begins, sizes = (np.where(swapped, b, a).T.ravel() for a, b in zip(psm, spm, strict=True))
    marks = np.array([special.fim_prefix, special.fim_suffix, special.fim_middle], ids.dtype)
    written = ids.copy()
    written.reshape(-1)[runs(base, size)] = np.concatenate([ids.ravel(), marks])[runs(begins, sizes)]
    return Rows(written[:, :-1], written[:, 1:], starts, left_out=3 * np.bincount(row, minlength=len(ids)))


def _mlm(objective: ObjectiveConfig, ids: np.ndarray, starts: np.ndarray, parts: Parts, special: Special) -> Rows:
    """Masked tokens (BERT): each id but EOS and PAD is a target with probability `rate`, and is then replaced by the
    mask (80 %), by any id of text (10 %), or by nothing (10 %). All other targets are PAD.
    """
    tokens = ids[:, :-1].copy()
    flat, rate = tokens.reshape(-1), objective.rate or MLM_RATE
    number = mix(np.repeat(parts.key, parts.length) + runs(np.zeros_like(parts.length), parts.length).astype(np.uint64))
    chosen = np.flatnonzero(below(number, rate) & (flat != special.eos) & (flat != special.pad))
    targets = np.full_like(tokens, special.pad)
    targets.reshape(-1)[chosen] = flat[chosen]
    number = number[chosen]  # below `rate`, and as likely anywhere below it
    masked = below(number, rate * MASKED)
    random = below(number, rate * (MASKED + RANDOM)) & ~masked
    flat[chosen[masked]] = special.mask
    flat[chosen[random]] = special.ordinary[drawn(number[random], 1) % np.uint64(len(special.ordinary))]
    return Rows(tokens, targets, starts)
