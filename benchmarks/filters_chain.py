"""The whole score stage as a worker runs it: language, every heuristic, privacy and a classifier, MB per CPU-second."""

import json

from peers import ROOT, Row, print_head, print_rows, run

TEXTS = ROOT.parent / "shared/corpus/truth/texts.parquet"
MEGABYTES = 60.0
MEMORY = 500_000_000


def main() -> None:
    """Spaced scripts, whole texts and a window; the scripts without spaces apart."""
    print_head()
    for segmented, window, bar in ((0, 0, 5.0), (0, 4000, 10.0), (1, 0, None), (1, 4000, None)):
        options = {"megabytes": MEGABYTES, "segmented": segmented, "window": window}
        found = run("gristmill", "score_gristmill", TEXTS, json.dumps(options))
        rate = found["megabytes"] / found["seconds"]
        met = None if bar is None else rate >= bar and found["peak"] <= MEMORY
        what = f"{'scripts without spaces' if segmented else 'spaced scripts'}, " + (
            f"window of {window:,} characters" if window else "whole texts"
        )
        ours = f"{rate:.1f} MB/s, peak {found['peak'] / 1e6:.0f} MB (before: {found['start']:.1f} CPU-s)"
        wanted = f"≥ {bar:g} MB/s, ≤ 500 MB" if bar else ""
        print_rows([Row(f"score stage, {what}", ours, "", wanted, met)])


if __name__ == "__main__":
    main()
