"""Plain Python: ``contamination_python.py MADE.json MEGABYTES``; sets of 13 words, lower-cased, without punctuation."""

import json
import string
import sys
import time
from pathlib import Path

N = 13
FOLD = str.maketrans("", "", string.punctuation)


def grams(text: str) -> set[tuple[str, ...]]:
    """The n-grams of a text."""
    words = text.lower().translate(FOLD).split()
    return {tuple(words[at : at + N]) for at in range(len(words) - N + 1)}


made, most = json.loads(Path(sys.argv[1]).read_text()), float(sys.argv[2]) * 1e6
index: dict[tuple[str, ...], int] = {}
for number, item in enumerate(made["items"]):
    index |= dict.fromkeys(grams(f"{item['question']}\n{item['answer']}"), number)
planted, found, size, expected = made["planted"], 0, 0, 0
start = time.process_time()
for row, text in enumerate(made["documents"]):
    told = {index[gram] for gram in grams(text) if gram in index}
    size += len(text.encode())
    expected += str(row) in planted
    found += planted.get(str(row)) in told
    if size > most:
        break
rate = size / 1e6 / (time.process_time() - start)
print("RESULT", json.dumps({"rate": rate, "found": found, "planted": expected}))
