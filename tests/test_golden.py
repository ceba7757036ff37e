"""A stage's output moves only with its version: what the small world gives is written down beside this test.

After raising a stage's `version`, write the new hashes down with ``python -m tests.test_golden``.
"""

import hashlib
import json
import tempfile
from pathlib import Path

from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.stage import Entry, Part, Stage
from corpus.store import Store
from flows import path

GOLDEN = Path(__file__).with_name("golden.json")


def outputs(recipe: Path) -> dict[str, dict[str, object]]:
    """Version and a hash over the output files of every stage."""
    wanted = load_recipe(recipe)
    store = Store(wanted.store_url)
    found: dict[str, dict[str, object]] = {}
    with Pool(1, store) as pool:
        run = PoolRun(store, pool)

        def noting(stage: Stage, parts: list[Part]) -> list[Entry]:
            entries = run(stage, parts)
            hashes = sorted(f"{file.folder}/{file.part} {file.sha256}" for entry in entries for file in entry.files)
            digest = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
            found[stage.name] = {"version": stage.version, "sha256": digest}
            return entries

        path.build(wanted, store, noting)  # type: ignore[arg-type]
    return found


def test_output_moves_only_with_its_version(world: Path) -> None:
    golden = json.loads(GOLDEN.read_text())
    moved = [
        stage
        for stage, now in outputs(world).items()
        if now != golden[stage] and now["version"] == golden[stage]["version"]
    ]
    # A stage whose input moved moves as well: only the first is to be looked at.
    assert not moved, f"{moved[0]} gives other bytes with the same version: raise it, or take the change back"


if __name__ == "__main__":
    from tests.world import make_world

    with tempfile.TemporaryDirectory() as folder:
        GOLDEN.write_text(json.dumps(outputs(make_world(Path(folder))), indent=1) + "\n")
