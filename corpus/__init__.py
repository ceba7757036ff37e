"""The spine of the house. Every room imports it first, so it also says where compiled kernels are kept.

Numba asks only a kernel's own file whether its machine code is still right, not the files of the kernels that it calls:
after an update it could run a part of the old code. So every state of the kernels' sources has a folder of its own.
"""

import hashlib
import os
from importlib.metadata import version
from pathlib import Path

_PREFIX = "kernels-"


def _folder_of_kernels() -> Path:
    root = Path(__file__).parents[1]
    state = hashlib.sha256(version("numba").encode())
    for path in sorted(
        path for room in ("corpus", "processors", "mixtures", "tokenizer") for path in (root / room).rglob("*.py")
    ):
        source = path.read_bytes()
        if b"numba" in source:
            state.update(source)
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or root / "__pycache__")
    folder = folder.parent if folder.name.startswith(_PREFIX) else folder  # this process's parent has been here
    return folder / f"{_PREFIX}{state.hexdigest()[:16]}"


KERNELS = _folder_of_kernels()
os.environ["NUMBA_CACHE_DIR"] = str(KERNELS)
