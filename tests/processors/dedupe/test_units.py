"""Units by themselves: who holds one first, and what many short ones cost."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from processors.dedupe.units import LINES, SENTENCES, repeated
from processors.filters.measure import buffers

NONE = np.zeros(0, np.uint64)
STATUS = Path("/proc/self/status")


def texts(*several: str) -> tuple[np.ndarray, np.ndarray]:
    return buffers(pa.array(several, pa.large_string()))


def test_each_unit_is_given_once_with_its_first_holder() -> None:
    hashes, holders, stretches, left = repeated(*texts("a\nb", "", "b\nc", "c\na"), LINES, "exact", 1, 0, NONE)
    assert holders.tolist() == [0, 0, 2] and len(set(hashes.tolist())) == 3
    assert stretches.tolist() == [[2, 0, 2], [3, 0, 3]]
    assert left.tolist() == [True, True, True, False]


def test_what_is_lost_is_cut_and_not_given_again() -> None:
    hashes, _, _, _ = repeated(*texts("a\nb\nc"), LINES, "exact", 1, 0, NONE)
    others, _, stretches, left = repeated(*texts("b\nd", "c"), LINES, "exact", 1, 0, hashes)
    assert len(others) == 1 and others[0] not in hashes
    assert stretches.tolist() == [[0, 0, 2], [1, 0, 1]]
    assert left.tolist() == [True, False]


def test_many_different_units_are_told_apart() -> None:
    lines = [f"{number:x}" for number in range(20_000)]
    given = texts("\n".join(lines), "\n".join(reversed(lines)))
    hashes, holders, stretches, left = repeated(*given, LINES, "exact", 1, 0, NONE)
    assert len(np.unique(hashes)) == len(hashes) == 20_000 and not holders.any()
    assert stretches.tolist() == [[1, 0, len("\n".join(lines))]] and left.tolist() == [True, False]


@pytest.mark.skipif(not STATUS.exists(), reason="the system does not tell")
@pytest.mark.parametrize(("kind", "text", "span"), [(LINES, "a\nb\n", 1), (SENTENCES, "a. B. ", 3)])
def test_lines_of_one_character_cost_little(kind: int, text: str, span: int) -> None:
    given = texts(*[text * 4_000] * 1_000)
    repeated(*texts(text), kind, "lower", span, 0, NONE)  # compiled before memory is looked at
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak()
    repeated(*given, kind, "lower", span, 0, NONE)
    assert _peak() - before < 20_000_000


def _peak() -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
