"""What the filters can do, beside their peers: `python benchmarks/filters.py [SECTION …]`.

Without a section all of them run, one after the other. Corpus: ../shared/corpus beside the project where a section
reads real texts. Each peer runs in an environment of its own, made once below builds/peers. Times are CPU-seconds after
imports and compilation; ratios of two sides of one run count, single times say little on a busy machine.
"""

from sections import run_sections

SECTIONS = {
    "heuristics": "MB per CPU-second of Gopher, C4 and FineWeb rules beside datatrove's",
    "agreement": "scores and decisions beside datatrove's, the same words given to both",
    "language": "accuracy, labels and rate of language identification",
    "privacy": "recall and precision of each kind, and hostile lines",
    "classifier": "rates of classifiers, word lists and perplexity; a training done twice",
    "contamination": "planted benchmark items found, and rate",
    "chain": "the whole score stage: language, heuristics, privacy, classifier",
    "replay": "other thresholds for a million documents' scores",
}

if __name__ == "__main__":
    run_sections(__doc__, "filters", SECTIONS)
