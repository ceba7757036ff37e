"""A bounded run of libFuzzer over every reader; longer ones by hand (docs/guarantees.md)."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

READERS = Path(__file__).with_name("readers.py")
TARGETS = ["warc", "warc_gz", "html", "tar", "zip", "epub", "jsonl", "csv", "parquet", "arrow", "text"]

SMALL = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
"""Stands between: a process' peak of memory begins as its parent's, and the limit would count the tests' own."""


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this machine")
@pytest.mark.parametrize("target", TARGETS)
def test_a_reader_withstands_what_a_fuzzer_finds(target: str, tmp_path: Path) -> None:
    flags = ["-runs=600", "-seed=1", "-max_len=4096", "-timeout=180", "-rss_limit_mb=1024", "-verbosity=0"]
    command = [sys.executable, "-c", SMALL, sys.executable, str(READERS), target, str(tmp_path), *flags]
    command += [f"-artifact_prefix={tmp_path}/"]
    environment = os.environ | {"PYTHONPATH": str(READERS.parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, f"{done.stdout[-2000:]}{done.stderr[-4000:]}"
