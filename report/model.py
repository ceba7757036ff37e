"""`gristmill generate` and `gristmill export-model`: a trained model tried out, and given to others."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpus.errors import RecipeError

if TYPE_CHECKING:
    from pretrain.quantize import Compared


def generate(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT", help="A run's folder (its latest checkpoint), one checkpoint's, or an --int8 export."
        ),
    ],
    text: Annotated[str, typer.Argument(help="What the model is to continue; without it a document is written.")] = "",
    suffix: Annotated[
        str | None, typer.Option(help="What comes behind: the model fills the gap, where it was trained to.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=0, help="Tokens to write, at most.")] = 200,
    temperature: Annotated[float, typer.Option(min=0, help="0: always the likeliest token.")] = 0.8,
    top_p: Annotated[
        float, typer.Option(min=0, max=1, help="Draw from the likeliest tokens that have this share; above 0.")
    ] = 0.95,
    seed: Annotated[int, typer.Option(help="Another seed writes another text.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    int8: Annotated[bool, typer.Option("--int8", help="With 8-bit matrices; on the CPU.")] = False,
) -> None:
    """Let a model continue a text, printed as it comes."""
    check_installed("torch", "safetensors")
    from pretrain.opened import open_model

    model = open_model(checkpoint, device, int8)
    written = model.write(text, suffix, max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed)
    out = sys.stdout.buffer  # UTF-8, whatever the terminal's locale
    out.write(text.encode())
    for part in written:
        out.write(part.encode())
        out.flush()
    out.write((suffix or "").encode() + b"\n")
    out.flush()


def export_model(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="A run's folder (its latest checkpoint) or one checkpoint's.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder to make.")],
    dtype: Annotated[str, typer.Option(help="Of the tensors: fp32, bf16 or fp16.")] = "fp32",
    int8: Annotated[
        bool, typer.Option("--int8", help="8-bit matrices for `gristmill generate`, compared with fp32.")
    ] = False,
    corpus: Annotated[str, typer.Option(help="With --int8: held-out documents of this corpus, not of the run's.")] = "",
) -> None:
    """Write a model for Hugging Face's transformers (safetensors), or with 8-bit matrices for `gristmill generate`."""
    check_installed("torch", "safetensors")
    if int8 and dtype != "fp32":
        raise RecipeError(f"--dtype {dtype} and --int8: eight bits are a form of their own; leave one of them out")
    if corpus and not int8:
        raise RecipeError("--corpus is read to compare eight bits with: give --int8 too, or leave it out")
    if int8:
        from pretrain.export import export_int8

        _show(*export_int8(checkpoint, out, corpus))
        return
    from pretrain.export import export

    done = export(checkpoint, out, dtype=dtype)
    size = sum(done.files.values())
    print(f"{out} is for transformers' {done.architecture}: {size:,} bytes in {len(done.files)} files")
    for note in done.notes:
        print(f"  {note}")


def check_installed(*packages: str) -> None:
    """Raises RecipeError where a package of the extra `train` is not here."""
    missing = [name for name in packages if not find_spec(name)]
    if missing:
        raise RecipeError(f"models need {' and '.join(missing)}, of the extra `train`: pip install -e '.[train]'")


def _show(written: Path, found: "Compared", note: str) -> None:
    print(f"{written}: {written.stat().st_size:,} bytes; gristmill generate {written.parent} reads it")
    print("                        fp32           int8      ratio")
    rows = [("tensors, bytes", *found.num_bytes, ","), ("reads, tokens/s", *found.reads, ",.0f")]
    rows.append(("writes, tokens/s", *found.writes, ",.1f"))
    if found.bpb:
        rows.append(("bits per byte", *found.bpb, ".4f"))
    for name, before, after, form in rows:
        print(f"{name:<17} {before:>11{form}} {after:>14{form}} {after / max(before, 1e-9):>10.3f}")
    print(note)
