"""Model exports as transformers sees them: `models.py FOLDER …`, run by the environment that `make interop` makes.

In: folders that `gristmill export-model` wrote, and in each ``asked.json``, ids and texts to ask about. Out: one line
``RESULT [...]``, for each folder the class that read it, its logits, its greedy continuation and the texts' ids.
Nothing of this project is imported.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def look(folder: Path) -> dict[str, Any]:
    """What transformers makes of one folder."""
    asked = json.loads((folder / "asked.json").read_text())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model, told = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    ids = torch.tensor([asked["ids"]])
    with torch.inference_mode():
        logits = model(ids).logits[0]
        written = model.generate(ids[:, :4], max_new_tokens=12, do_sample=False)[0, 4:]
    return {
        "folder": str(folder),
        "class": type(model).__name__,
        "wrong": [name for key in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in told[key]],
        "logits": logits.tolist(),
        "written": written.tolist(),
        "ids": [tokenizer(text).input_ids for text in asked["texts"]],
        "texts": [tokenizer.decode(tokenizer(text).input_ids) for text in asked["texts"]],
    }


if __name__ == "__main__":
    print("RESULT " + json.dumps([look(Path(folder)) for folder in sys.argv[1:]]))
