"""What the filters can do, beside their peers: `python benchmarks/filters.py [SECTION …]`.

Without a section all of them run, one after the other. Corpus: ../shared/corpus beside the project where a section
reads real texts. Each peer runs in an environment of its own, made once below builds/peers. Times are CPU-seconds after
imports and compilation; ratios of two sides of one run count, single times say little on a busy machine.
"""

import argparse
import importlib
import sys
from pathlib import Path

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


def main() -> None:
    """Run the sections named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told = "; ".join(f"{name}: {what}" for name, what in SECTIONS.items())
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=told)
    wanted = parser.parse_args().sections or list(SECTIONS)
    for name in wanted:
        if name not in SECTIONS:
            parser.error(f"no section {name}; there are: {', '.join(SECTIONS)}")
    here = Path(__file__).parent
    sys.path[:0] = [str(here.parent), str(here)]
    for name in wanted:
        print(f"\n{name}: {SECTIONS[name]}", flush=True)
        importlib.import_module(f"filters_{name}").main()


if __name__ == "__main__":
    main()
