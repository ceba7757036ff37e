"""Grow `processors/extract/main.json`, by which pages' main content is chosen, from labelled pages.

    python benchmarks/grow_main.py PAGES.jsonl OUT.json         # needs lightgbm, which Gristmill itself does not

PAGES holds a page a line: `html`, `content` (its main text), `site` (pages of one site are never on both sides of a
fold), `kind` (`article`, `documentation`, `manual`, `forum`, …) and `weight`. The forests that are committed were grown
in November 2026 with LightGBM 4.7 from 2,831 pages, none of which is kept here:

- web-content-extraction-benchmark (Foley 2025; Apache-2.0): 1,856 pages of 2025 with their text, articles at weight 1,
  forums, listings and collections at 0.4, products at 0.4, services at 0.5, documentation at 1;
- the tests of mozilla/readability (Apache-2.0): 129 pages at weight 2;
- the evaluation pages of adbar/trafilatura (Apache-2.0): 637 pages at weight 0.7, with Trafilatura's own text as far as
  it agrees with every passage that people marked there as wanted or unwanted;
- 209 pages of manuals (Sphinx, DocBook, AsciiDoc, …), everything but their navigation being content.

No page of scrapinghub/article-extraction-benchmark was among them. A block's label is the share of its 4-grams of
words that the page's text has; short blocks are looked for between their neighbours' places. Captions and readers'
comments of articles are labelled as no content. Five folds by site: words' scores and the first forest are always of
the other four folds when a page's numbers are made for the second forest.
"""

import argparse
import json
import math
import re
import zlib
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from processors.extract.blocks import OWNER, TOPIC, count_texts, find_blocks, flag, mark_nodes
from processors.extract.context import reconsider
from processors.extract.features import describe
from processors.extract.nodes import Nodes, parse, unescape
from processors.extract.vocabulary import CAPTION, table

FOLDS = 5
ROUNDS = 50, 160
FOREST = {
    "objective": "cross_entropy", "num_leaves": 20, "learning_rate": 0.1, "min_data_in_leaf": 40,
    "feature_fraction": 0.4, "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 5, "max_bin": 63, "verbose": -1,
    "num_threads": 1, "seed": 1, "deterministic": True, "force_row_wise": True,
}  # fmt: skip
FIRST = FOREST | {"num_leaves": 16, "learning_rate": 0.16}
LEAST_SITES = {"name": 6, "role": 6, "word": 10}  # that a word must be known from
MOST_WORDS = 1500  # of names and roles, and of words of text
MOST_BLOCKS = 300  # of a page in training; of a longer page a sample that weighs as much
LEAF = 1 << 30
ATTRIBUTE = re.compile(r'([^\s=]+)="([^"]*)"')
KINDS = {"class": "name", "id": "name", "data-testid": "name", "role": "role", "itemprop": "role", "aria-label": "role"}


class Page:
    """A labelled page: its blocks' texts, labels and tokens, and how purely content its words are."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.nodes = parse(raw["html"])
        self.fold = zlib.crc32(raw["site"].encode()) % FOLDS
        self.site, self.weight = raw["site"], float(raw["weight"])
        marks, _, of, rows = blocks(self.nodes, table({}))
        self.texts = block_texts(self.nodes, of, len(rows))
        self.tokens = np.array([len(words(text)) for text in self.texts])
        self.label = labels(self.texts, raw["content"])
        self.size = len(words(raw["content"]))
        if raw["kind"] == "article":
            flags = marks[rows[:, OWNER], 4]
            caption = (flags & (flag("figcaption") | CAPTION << TOPIC) != 0) & (self.tokens < 120)
            comment = flags & flag("comment") != 0
            if (self.tokens * self.label)[~comment].sum() < 0.3 * self.size:
                comment[:] = False  # what is named so is the article itself
            self.label = np.where(caption | comment, 0.0, self.label)
        self.purity = self._purity(rows)
        found, wanted = grams(" ".join(self.texts)), grams(raw["content"])
        self.covered = (found & wanted).total() / max(wanted.total(), 1)

    def _purity(self, rows: np.ndarray) -> dict[str, tuple[float, float]]:
        """Of each word the share of content in what it names, and that share of the page."""
        sums = np.zeros((2, len(self.nodes) + 1))
        for total, value in zip(sums, (self.tokens + 1, (self.tokens + 1) * self.label), strict=True):
            np.add.at(total, rows[:, 0] + 1, value)
        whole, good = sums.cumsum(1)
        found: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        nodes = self.nodes
        for node in np.flatnonzero((nodes.tag != 0) & (nodes.stop > nodes.start)):
            held = whole[nodes.end[node]] - whole[node]
            for name in element_names(nodes, node) if held else ():
                found[name][0] += good[nodes.end[node]] - good[node]
                found[name][1] += held
        base = good[-1] / max(whole[-1], 1)
        out = {name: (a / b, base) for name, (a, b) in found.items()}
        known: dict[str, list[float]] = defaultdict(list)
        for text, label in zip(self.texts, self.label, strict=True):
            for word in set(block_words(text)):
                known[word].append(float(label))
        mean = float(self.label.mean()) if len(self.label) else 0.0
        return out | {word: (sum(values) / len(values), mean) for word, values in known.items()}

    def describe(self, known: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Numbers of the blocks, their counts and the nodes' signs."""
        n = self.nodes
        marks, signs, of, rows = blocks(n, known)
        counts = count_texts(n.html, n.tag, n.start, n.stop, marks, of, rows, *known)
        return describe(n.tag, n.parent, n.end, n.depth, marks, signs, counts), counts, signs

    def weights(self) -> np.ndarray:
        """What each block counts in training: its share of the page's content, of a large page no more than 4."""
        weights = (self.tokens + 1.0) / max(60, min(self.size, 2500))
        return 100 * self.weight * weights * min(1.0, 4 / max(weights.sum(), 1e-9))


def blocks(n: Nodes, known: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Marks and signs of the nodes, the block of each, and the blocks."""
    marks, signs = mark_nodes(n.html, n.tag, n.parent, n.start, n.stop, *known)
    return marks, signs, *find_blocks(n.html, n.tag, n.end, n.start, n.stop, marks)


def block_texts(n: Nodes, of: np.ndarray, num: int) -> list[str]:
    """The text of each block."""
    out = [""] * num
    for i in np.flatnonzero((of >= 0) & (n.tag == 0)):
        out[of[i]] += unescape(n.source[n.start[i] : n.stop[i]]).decode()
    return out


def words(text: str) -> list[str]:
    """As the benchmark counts them."""
    return re.findall(r"\w+", text.lower())


def grams(text: str) -> Counter[tuple[str, ...]]:
    """The 4-grams of words."""
    found = words(text)
    return Counter(tuple(found[i : i + 4]) for i in range(max(1, len(found) - 3)))


def element_names(n: Nodes, node: int) -> set[str]:
    """The words of an element's names as `vocabulary.hash_word` writes them."""
    out: set[str] = set()
    for attribute, value in ATTRIBUTE.findall(n.source[n.start[node] : n.stop[node]].decode()):
        for name in re.split(r"[\x00-\x20]", value) if attribute in KINDS else ():
            last = ""
            for run in re.findall(r"[A-Za-z]+", name):
                for part in re.split(r"(?<=[a-z])(?=[A-Z])", run):
                    word = part.lower() if len(part) > 1 else ""
                    if word:
                        out |= {f"{KINDS[attribute]}:{word}"} | (
                            {f"{KINDS[attribute]}:{last}-{word}"} if last else set()
                        )
                    last = word
    return out


def block_words(text: str, most: int = 48) -> list[str]:
    """The first words of a text and its pairs of neighbours; digits are all one."""
    found = re.findall(r"[A-Za-z0-9\u0080-\U0010ffff]+", text.replace("\xa0", " "))[:most]
    found = [re.sub("[A-Z]", lambda m: m[0].lower(), re.sub("[0-9]+", "#", word)) for word in found]
    return [f"word:{word}" for word in found] + [f"word:{a}--{b}" for a, b in pairwise(found)]


def labels(texts: list[str], content: str) -> np.ndarray:
    """float64[blocks]: how much of each block is in the content."""
    truth = words(content)
    joined = f" {' '.join(truth)} "
    starts = np.cumsum([1, *(len(word) + 1 for word in truth)])
    at_gram: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i in range(len(truth) - 3):
        at_gram[tuple(truth[i : i + 4])].append(i)
    out, places, cursor = np.zeros(len(texts)), dict[int, tuple[int, int]](), 0
    for b, text in enumerate(texts):
        own = words(text)
        hits = [tuple(own[i : i + 4]) in at_gram for i in range(len(own) - 3)] if len(own) >= 8 else []
        out[b] = sum(hits) / len(hits) if hits else 0.0
        if out[b] > 0.5:
            first = hits.index(True)
            found = at_gram[tuple(own[first : first + 4])]
            cursor = min(found, key=lambda at, now=cursor: (at < now, abs(at - now)))
            places[b] = int(starts[cursor]), int(starts[min(len(truth) - 1, cursor + len(own) - 1 - first)]) + 20
    following = np.full(len(texts), len(joined))
    for b in range(len(texts) - 2, -1, -1):
        following[b] = places[b + 1][0] if b + 1 in places else following[b + 1]
    last = 0
    for b, text in enumerate(texts):
        own = words(text)
        if b in places:
            last = places[b][1]
        elif 0 < len(own) < 8:
            wanted, start = f" {' '.join(own)} ", max(0, last - 25)
            at = joined.find(wanted, start, min(int(following[b]) + 2, start + 6000))
            if at >= 0:
                out[b], last = 1.0, max(last, at + len(wanted) - 1)
    return out


def vocabulary(pages: list[Page]) -> dict[str, int]:
    """Scores of the words that tell most: hundredths of a logit, against the pages they stand on."""
    sums: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(4))
    for page in pages:
        for word, (purity, base) in page.purity.items():
            sums[word] += page.weight * purity, page.weight, page.weight * base, 1
    scored: dict[bool, list[tuple[float, str, int]]] = {True: [], False: []}
    for word, (good, num, base, seen) in sums.items():
        if seen >= LEAST_SITES[word.partition(":")[0]]:
            share, mean = (good + 3 * base / num) / (num + 3), base / num
            score = logit(min(max(share, 0.003), 0.997)) - logit(min(max(mean, 0.02), 0.98))
            scored[word.startswith("word:")].append((-abs(score) * math.sqrt(num), word, round(100 * score)))
    return {
        word: score
        for rows in scored.values()
        for _, word, score in sorted(sorted(rows)[:MOST_WORDS], key=lambda r: r[1])
    }


def logit(share: float) -> float:
    """The logarithm of the odds."""
    return math.log(share / (1 - share))


def grow(settings: dict[str, Any], rounds: int, rows: np.ndarray, label: np.ndarray, weight: np.ndarray) -> Any:
    """A forest."""
    import lightgbm

    return lightgbm.train(settings, lightgbm.Dataset(rows.astype(np.float32), label, weight=weight), rounds)


def judged(forest: Any, rows: np.ndarray) -> np.ndarray:
    """int32[blocks], thousandths."""
    return np.round(1000 / (1 + np.exp(-forest.predict(rows, raw_score=True)))).astype(np.int32)


def flat(forest: Any) -> dict[str, list[int]]:
    """A forest as `forest.judge` takes it."""
    out: dict[str, list[int]] = {name: [] for name in ("starts", "feature", "threshold", "left", "right")}
    for text in forest.model_to_string().split("\nTree=")[1:]:
        tree = dict(line.split("=", 1) for line in text.split("\n\n")[0].splitlines() if "=" in line)
        if int(tree["num_leaves"]) > 1:
            base, leaves = len(out["feature"]), [round(1000 * float(x)) - LEAF for x in tree["leaf_value"].split()]
            out["starts"].append(base)
            out["feature"] += map(int, tree["split_feature"].split())
            out["threshold"] += (math.floor(float(x)) for x in tree["threshold"].split())
            for side in ("left", "right"):
                children = map(int, tree[f"{side}_child"].split())
                out[side] += (base + child if child >= 0 else leaves[~child] for child in children)
    return out


def main() -> None:
    """Read pages, grow both forests, write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with arguments.pages.open() as file:
        pages = [page for page in map(Page, map(json.loads, file)) if page.texts and page.covered >= 0.8]
    known = [table(vocabulary([page for page in pages if page.fold != fold])) for fold in range(FOLDS)]
    seen = [page.describe(known[page.fold]) for page in pages]
    rng, use, weights = np.random.default_rng(0), [], []
    for page in pages:
        num = len(page.texts)
        some = np.sort(rng.choice(num, MOST_BLOCKS, replace=False)) if num > MOST_BLOCKS else np.arange(num)
        use.append(some)
        weights.append(page.weights()[some] * num / len(some))

    def gathered(rows: list[np.ndarray], among: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return (
            np.concatenate([rows[i][use[i]] for i in among]),
            np.concatenate([pages[i].label[use[i]] for i in among]),
            np.concatenate([weights[i] for i in among]),
        )

    every, numbers = list(range(len(pages))), [row[0] for row in seen]
    around: list[np.ndarray] = numbers.copy()
    for fold in range(FOLDS):
        others = [i for i in every if pages[i].fold != fold]
        forest = grow(FIRST, ROUNDS[0], *gathered(numbers, others))
        for i in (i for i in every if pages[i].fold == fold):
            n, (rows, counts, signs) = pages[i].nodes, seen[i]
            around[i] = np.hstack((rows, reconsider(n.tag, n.parent, n.end, signs, counts, judged(forest, rows))))
    first = grow(FIRST, ROUNDS[0], *gathered(numbers, every))
    second = grow(FOREST, ROUNDS[1], *gathered(around, every))
    model = {"made": __doc__.splitlines()[0], "words": vocabulary(pages), "first": flat(first), "second": flat(second)}
    arguments.out.write_text(json.dumps(model, separators=(",", ":")))


if __name__ == "__main__":
    main()
