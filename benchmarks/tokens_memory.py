"""A worker's peak memory, each stage in a process of its own, on parts and shards of the default sizes."""

import tempfile

from peers import Row, print_head, print_rows, run

MOST = 600  # MB of encode


def main() -> None:
    """Print the rows."""
    print_head()
    with tempfile.TemporaryDirectory() as folder:
        for model_type in ("bpe", "unigram"):
            run("gristmill", "stage_memory", folder, "make", model_type)
            found = run("gristmill", "stage_memory", folder, "encode", model_type)
            peak = found["peak_bytes"] / 1e6
            told = f"{peak:.0f} MB ({found['text'] / 1e6:.0f} MB of text, {found['tokens'] / 1e6:.0f} M tokens)"
            print_rows([Row(f"encode a part, {model_type}", told, "", f"≤ {MOST} MB", peak <= MOST)])
        run("gristmill", "stage_memory", folder, "tokens")
        for stage, times in (("place", 5), ("shard", 3)):
            found = run("gristmill", "stage_memory", folder, stage)
            size, idle, peak = 2 * found["tokens"] / 1e6, found["idle_bytes"] / 1e6, found["peak_bytes"] / 1e6
            what = f"{stage}: {found['tokens'] / 1e6:.0f} M tokens ({size:.0f} MB)"
            told = f"{peak:.0f} MB, {idle:.0f} of them before it begins"
            print_rows([Row(what, told, "", f"≤ {times} × its tokens", peak - idle <= times * size)])
