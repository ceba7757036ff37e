"""The unit "simplified" against what datatrove 0.10.1 wrote, and against datatrove itself where it is installed."""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.dedupe import read_dedupe
from corpus.errors import InputError
from corpus.strict import Text
from processors.dedupe import simplified
from processors.dedupe.sign import sign_settings, sign_table
from processors.dedupe.simplified import (
    EMPTY,
    check_installed,
    minima,
    simplified_shingles,
    simplified_signature,
    simplified_words,
    simplify,
    word_shingles,
)

ROOT = Path(__file__).parents[3]
GOLDEN = json.loads(Path(__file__).with_name("datatrove.json").read_text())  # made by datatrove_signatures.py
DATATROVE = ROOT / "builds/peers/datatrove-minhash/bin/python"  # made by benchmarks/dedupe.py


def values(row: dict[str, str | None]) -> np.ndarray:
    signature = row["signature"]
    return np.full(112, EMPTY) if signature is None else np.frombuffer(bytes.fromhex(signature), "<u8")


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["text"][:20])
def test_words_become_the_golden_signature(row: dict[str, list[str]]) -> None:
    shingles = word_shingles(row["words"], 5)
    signature = minima(np.array([0, len(shingles)]), shingles, 112, 1)
    np.testing.assert_array_equal(signature[0], values(row))


def test_texts_become_the_golden_words_and_signatures() -> None:
    pytest.importorskip("spacy", reason="the extra `fineweb` is not installed")
    assert [simplified_words(row["text"]) for row in GOLDEN] == [row["words"] for row in GOLDEN]
    signatures = simplified_signature(row["text"] for row in GOLDEN)
    np.testing.assert_array_equal(signatures, [values(row) for row in GOLDEN])


def test_the_preset_stores_datatroves_signatures() -> None:
    pytest.importorskip("spacy", reason="the extra `fineweb` is not installed")
    ids = pa.array([n.to_bytes(16) for n in range(len(GOLDEN))], pa.binary(16))
    table = pa.table({"id": ids, "text": [row["text"] for row in GOLDEN]})
    signed = sign_table(table, sign_settings(read_dedupe({"preset": "fineweb"}, Text("", ""))))
    stored = [value and value.hex() for value in signed["signature"].to_pylist()]
    assert stored == [row["signature"] for row in GOLDEN]


def test_datatrove_writes_the_same_signatures(tmp_path: Path) -> None:
    if not DATATROVE.exists():
        pytest.skip("datatrove has no environment: python benchmarks/dedupe.py makes one")
    file = tmp_path / "texts.json"
    file.write_text(json.dumps([{"text": text} for text in wild_texts(400)]))
    script = ROOT / "benchmarks/sides/datatrove_signatures.py"
    done = subprocess.run([DATATROVE, script, file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = json.loads(file.read_text())
    assert sum(row["signature"] is None for row in rows) < 200
    for row in rows:
        shingles = word_shingles(row["words"], 5)
        np.testing.assert_array_equal(minima(np.array([0, len(shingles)]), shingles, 112, 1)[0], values(row))
    pytest.importorskip("spacy", reason="the extra `fineweb` is not installed: only signatures were compared")
    for row in rows:
        assert simplified_words(row["text"]) == row["words"], ascii(row["text"])


def wild_texts(count: int) -> list[str]:
    """Words that the splitter knows, numbers, punctuation, and characters of every kind, in all mixtures."""
    draw = random.Random(4)
    known = "I'm don't cannot y'all ‘s 3.5km £5 10°C 100mg a=b x≠y :) www.x.com/a?b 12,5 ٣٫٤ 𝟙𝟚 ½ km² İ Σας ; ﬁn ಠ︵ಠ"
    words = [*known.split(), "the", "mill", "grinds", "what", "farmers", "bring", "to", "it"]
    points = [p for p in range(0x110000) if not 0xD800 <= p < 0xE000]
    glue = [" ", " ", " ", "\n", "\t", "\xa0", ". ", ""]
    texts = []
    for _ in range(count):
        odd = draw.choice([0, 0.1, 0.5])
        pieces = [
            (chr(draw.choice(points)) if draw.random() < odd else draw.choice(words)) + draw.choice(glue)
            for _ in range(draw.randrange(40))
        ]
        texts.append("".join(pieces))
    return texts


def test_simplify_follows_the_published_order() -> None:
    pytest.importorskip("spacy", reason="the extra `fineweb` is not installed")
    assert simplify("  Ünder 1,234.5 kg — “Äpfel”!\n\n") == "under 0 0 kg apfel"  # one separator a number
    assert simplify("a≠b") == "a=b"  # marks go last, so punctuation that had one stays


@given(
    st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=5), max_size=4),
    st.integers(1, 6),
    st.integers(0, 2**32 - 1),
)
def test_minima_are_the_published_arithmetic(sets: list[list[int]], num: int, seed: int) -> None:
    offsets = np.cumsum([0, *map(len, sets)])
    got = minima(offsets, np.array([x for each in sets for x in each], np.uint64), num, seed)
    random_state = np.random.RandomState(seed)
    prime = 2**61 - 1
    a = random_state.randint(1, np.uint64(prime), dtype=np.uint64, size=(1, num))[0].tolist()
    b = random_state.randint(0, np.uint64(prime), dtype=np.uint64, size=(1, num))[0].tolist()
    wanted = [
        [min(((x * a[k] + b[k]) % 2**64 % prime for x in each), default=2**64 - 1) for k in range(num)] for each in sets
    ]
    assert got.tolist() == wanted


def test_shingles_are_laid_out_text_after_text() -> None:
    pytest.importorskip("spacy", reason="the extra `fineweb` is not installed")
    found = simplified_shingles(["a b a b a b", "a", "", "B, a b"], 2)
    assert found.words.tolist() == [6, 1, 0, 3]
    assert found.offsets.tolist() == [0, 2, 2, 2, 4]
    assert found.hashes[:2].tolist() == found.hashes[2:].tolist()
    assert found.hashes[0] < found.hashes[1]


@pytest.mark.parametrize("package", ["spacy", "regex"])
def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"{package}.*gristmill\[fineweb\]"):
        check_installed()


def test_no_word_is_split_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    simplified._english.cache_clear()
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(InputError, match="spacy"):
        simplified_words("text")
