"""`gristmill export`: what was written for another trainer, and what that changed."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tokenizer.export.export import Exported


def export(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="Where the corpus lies: a folder or a store's URL.")],
    to: Annotated[str, typer.Option(help="megatron, mds, litdata, nanoset, olmo or hf.")],
    out: Annotated[str, typer.Option("--out", help="The folder to make, or s3://bucket/prefix.")],
    split: Annotated[str, typer.Option(help="train, heldout or all.")] = "train",
    sequence_length: Annotated[
        int, typer.Option(min=0, help="Tokens of a sample (mds) or block (litdata); elsewhere what is lost is counted.")
    ] = 0,
    file_tokens: Annotated[int, typer.Option(min=0, help="Most tokens a file; 0: as the format likes it.")] = 0,
    version: Annotated[int | None, typer.Option(help="A version; without it the current one.")] = None,
) -> None:
    """Write a corpus' token stream in another trainer's format, read back and compared before it is shown."""
    from corpus.store import Store
    from tokenizer.export.export import FORMATS
    from tokenizer.export.export import export as write

    write(
        Store(corpus), to, out, split=split, sequence_length=sequence_length, file_tokens=file_tokens, version=version,
        told=_tell,
    )  # fmt: skip
    print(f"{out} is for {FORMATS[to].reader}; not kept: {FORMATS[to].lost}; gristmill.json there says it all")


def _tell(done: "Exported") -> None:
    kept = done.tokens - done.left_out
    if done.files:
        print(
            f"{done.name}: {kept:,} tokens as {done.dtype}, {done.rows:,} rows in {done.files:,} files, "
            f"{done.bytes:,} bytes; read back equal to the shards (xxh3-128 {done.xxh3_128})",
            flush=True,
        )
    else:
        print(f"{done.name}: {done.tokens:,} tokens, of which none is written", flush=True)
    for note in done.notes:
        print(f"  {note}", flush=True)
