"""A mixture as TOML is read back as the same mixture."""

import tomllib
from pathlib import Path

import pytest

from corpus.strict import Text
from mixtures.load import PRESETS, load_mixture
from mixtures.mixture import Mixture
from mixtures.write import to_toml

RICH = """
unit = "bytes"
budget = 1_000
name = 'a "quoted" name'
note = "Zeile\\nzwei ü"
tolerance = 1e-7
optional = ["books", "some"]
[[domain]]
name = "web.head"
weight = "rest"
select = { domain = ["web", "news"], bucket = "head" }
min_tokens = 5
[[domain]]
name = "books"
amount = 3
heldout_tokens = 7
[[domain]]
name = "de"
group = "some"
weight = 0.25
[[group]]
name = "some"
rule = "weights"
weight = 30
max_epochs = 2.5
[[stage]]
name = "first"
tokens = 1_000
weights = { "web.head" = 1, some = 2.5 }
[[bucket]]
domain = "web"
score = "perplexity.value"
quantiles = [0.1, 0.6]
"""


@pytest.mark.parametrize("text", [RICH, *(path.read_text("utf-8") for path in sorted(PRESETS.glob("*.toml")))])
def test_it_is_read_back_as_it_was(text: str) -> None:
    mixture = load(text)
    assert load(to_toml(mixture)) == mixture


def load(text: str) -> Mixture:
    return load_mixture(tomllib.loads(text), Path(), Text("page", text))
