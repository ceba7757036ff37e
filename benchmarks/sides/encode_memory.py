"""Peak memory of encoding one text of 20 MiB: `encode_memory.py MODEL text|dashes`, the process as a whole."""

import json
import sys
from pathlib import Path

import pyarrow as pa
from process import peak_bytes, reset_peak

from tokenizer.encode import Encoder

SIZE = 20 << 20
PHRASE = "the mill grinds what the farmers bring; {n} sacks of grain, 水車小屋 und мельница.\n"


def main(model: Path, kind: str) -> None:
    """Encode it once."""
    encoder = Encoder(model.read_bytes())
    encoder.encode(pa.array(["compiled before"]))
    text = "-" * SIZE if kind == "dashes" else "".join(PHRASE.format(n=n) for n in range(SIZE // 80))
    column = pa.array([text], pa.large_string())
    del text
    reset_peak()
    tokens = len(encoder.encode(column).values)
    print("RESULT " + json.dumps({"peak_bytes": peak_bytes(), "tokens": tokens}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
