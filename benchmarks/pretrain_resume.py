"""The proof of exact resume, as `gristmill prove` runs it, on the starter corpus with the tiny model."""

import tempfile
from pathlib import Path

from starter import starter


def main() -> None:
    """Print each claim with what was measured."""
    from pretrain.config import load_config
    from pretrain.prove import prove

    with tempfile.TemporaryDirectory() as folder:
        claims = prove(starter(), load_config("tiny"), Path(folder) / "proof", half=4)
    print(f"{sum(claim.holds for claim in claims)} of {len(claims)} claims hold")
