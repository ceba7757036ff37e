"""Only the first stage as a Prefect flow: `python -m flows.ingest recipes/starter.toml`, or the deployment `ingest`.

In: a recipe. Out: its sources read into documents and quarantine, which the next build finds done. Scheduled more often
than the build, it spreads the reading of what arrives.
"""

from prefect import flow

from corpus import publish
from corpus.recipe import load_recipe
from corpus.store import Store
from flows import path, steps
from flows.command import command


@flow(name="ingest", flow_run_name="ingest {recipe}")
def ingest(recipe: str, store: str = "", workers: int = 0) -> int:
    """Read a recipe's sources into documents, and give the number of parts.

    Args:
        recipe: Path of the recipe's TOML file.
        store: Where the corpus lies, a folder or a URL; by default where the recipe says.
        workers: Worker processes; 0: one a core.
    """
    wanted = load_recipe(recipe)
    corpus = Store(store or wanted.store_url)
    plan = path.check(wanted)
    publish.claim(corpus, wanted.name)
    with steps.task_runs(corpus, workers) as run:
        entries = path.ingest(plan, run)
    return len(entries)


if __name__ == "__main__":
    command(ingest)
