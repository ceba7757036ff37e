"""Peak memory of one stage in a process of its own: `stage_memory.py FOLDER WHAT [MODEL_TYPE]`.

`make` writes a part of 64 MiB of text (the corpus beside the project, or made-up sentences) and trains a model on some
of it, for `encode`; `tokens` makes what `place` and `shard` are given: 128 M made-up tokens and the order of all.
"""

import json
import pickle
import sys
from pathlib import Path

from process import peak_bytes, reset_peak

sys.path.insert(0, str(Path(__file__).parents[1]))

from made_texts import VOCAB, make_model, make_part
from made_tokens import checked, locked_tokenizer, make_tokens

from corpus.stage import Part, Run, Stage
from corpus.store import Store
from flows import parts

PART = 64 << 20  # bytes of text


def make(store: Store, model_type: str) -> list[object]:
    """The inputs of encode."""
    return [*make_part(store, "web", 0, PART), make_model(store, model_type)]


def encode(store: Store, files: list[object]) -> dict[str, int]:
    """Encode the part."""
    from tokenizer.encode import encode as stage

    output = stage(store, Part("web/0-00000", tuple(files), {"vocab_size": VOCAB}, "web"))
    return {"tokens": output.counts[0].tokens or 0, "text": output.counts[0].bytes or 0}


def tokens(store: Store) -> list[list[Part]]:
    """What place and shard are given: their parts."""
    from corpus.pool import Pool, PoolRun
    from mixtures.order import ORDER_STAGE
    from mixtures.pieces import PIECES_STAGE
    from tokenizer.shard import PLACE

    run: Run = PoolRun(store, Pool(1, store))
    plan = checked({"web": 1.0, "books": 1.0, "code": 1.0, "general": 1.0}, 1.0, 1 << 26)
    made, model = make_tokens(store, 128_000_000), locked_tokenizer(store)
    encoded, selected = [each[0] for each in made], [each[1] for each in made]
    ordered = run(ORDER_STAGE, [parts.order_part(plan, run(PIECES_STAGE, parts.piece_parts(
        plan.recipe, model, encoded, selected, ())))])  # fmt: skip
    places = parts.place_parts(model, ordered, encoded)
    return [places, parts.shard_parts(model, ordered, run(PLACE, places))]


def one(store: Store, stage: Stage, part: Part) -> int:
    """Do one part; its tokens."""
    import pyarrow.compute as pc

    from corpus.files import read_table

    output = stage.work(store, part)
    if stage.name == "shard":
        return int(output.files[0].tokens)
    (places,) = (file for file in part.inputs if file.folder == "places")
    return int(pc.sum(read_table(store, places, ["length"])["length"]).as_py())


def main(folder: str, what: str, model_type: str = "") -> None:
    """Do what is asked for."""
    store, kept = Store(f"{folder}/store"), Path(folder) / f"{model_type or 'tokens'}.pickle"
    if what in ("make", "tokens"):
        kept.write_bytes(pickle.dumps(make(store, model_type) if what == "make" else tokens(store)))
        print("RESULT {}")
        return
    given = pickle.loads(kept.read_bytes())
    if what == "encode":
        reset_peak()
        found = encode(store, given)
    else:
        from flows.compile import warm_tokens
        from tokenizer.shard import PLACE, SHARD

        warm_tokens()  # kernels and what they are loaded with
        stage, (part, *_) = (PLACE, given[0]) if what == "place" else (SHARD, given[1])
        reset_peak()
        idle = peak_bytes()
        found = {"idle_bytes": idle, "tokens": one(store, stage, part)}
    print("RESULT " + json.dumps({"peak_bytes": peak_bytes(), **found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
