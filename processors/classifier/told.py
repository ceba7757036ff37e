"""What is told of a trained classifier: lines for the console, and the same facts as JSON beside the model."""

import json
from dataclasses import asdict
from pathlib import Path

from corpus.errors import StoreError
from processors.classifier.train import Point, Trained

_POOR = 0.7  # of F1, where keeping all gives 2/3


def told(trained: Trained) -> str:
    """Counts, precision and recall by threshold, and the lines for a recipe."""
    label, other = trained.settings["label"], trained.settings["other"]
    lines = [
        f"{trained.model}   sha256 {trained.sha256}",
        f"labels `{label}` and `{other}`; {trained.counts['trained on']:,} examples trained on, "
        f"{trained.counts['held out']:,} held out, as many of the one as of the other",
    ]
    lines += [f"  {what:<24} {count:>12,}" for what, count in trained.counts.items() if ":" in what or "both" in what]
    lines += [f"  {file}: {count:,} lines without an example" for file, count in trained.unread.items()]
    lines += [
        "",
        f"held-out examples kept where P({label}) is at least",
        "  threshold  precision  recall     F1   kept",
    ]
    lines += [_row(point) for point in trained.points]
    lines += [f"{_row(trained.best)}   the highest F1"]
    if trained.best.f1 < _POOR:
        lines += ["  hardly better than keeping all (0.667): the two sets look alike, or are too small"]
    if trained.threshold is not None and trained.achieved is not None:
        asked = trained.settings["keep"]
        lines += ["", f"{trained.threshold:g} keeps {trained.achieved:.2%} of {', '.join(trained.settings['on'])}"]
        if abs(trained.achieved - asked) > 0.1 * asked:
            lines += [f"  ({asked:.2%} were asked for: many texts share that score)"]
    return "\n".join([*lines, "", recipe(trained)])


def recipe(trained: Trained) -> str:
    """The lines that put the classifier into a recipe."""
    below = trained.best.threshold if trained.threshold is None else trained.threshold
    window = trained.settings["window"]
    lines = [
        "[[chain.web]]",
        'name = "classifier"',
        f"model = {json.dumps(str(Path(trained.model).absolute()))}",
        f"label = {json.dumps(trained.settings['label'])}",
        f"below = {float(below)}",
        *([f"window = {window}"] if window else []),
    ]
    return "\n".join(lines)


def write_facts(trained: Trained) -> Path:
    """Write all of it as JSON beside the model; returns where."""
    place = Path(trained.model).with_suffix(".json")
    try:
        place.write_text(json.dumps({**asdict(trained), "recipe": recipe(trained)}, indent=1) + "\n")
    except OSError as error:
        raise StoreError(f"{place}: cannot be written: {error.strerror}") from error
    return place


def _row(point: Point) -> str:
    shares = f"{point.precision:>9.3f} {point.recall:>8.3f} {point.f1:>6.3f} {point.kept:>6.1%}"
    return f"  {point.threshold:>9.4f}  {shares}"
