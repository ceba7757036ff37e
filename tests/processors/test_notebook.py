import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.notebook import MAX_VALUES, NotebookError, notebook_to_text


def notebook(*cells: object, **rest: object) -> str:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)} | rest)


def code(source: object, **rest: object) -> dict[str, object]:
    return {"cell_type": "code", "source": source, "outputs": [{"text": "OUT"}], "execution_count": 7} | rest


def test_cells_come_in_order_without_outputs() -> None:
    text, meta = notebook_to_text(
        notebook(
            {"cell_type": "markdown", "source": ["# Flour\n", "ground *fine*"]},
            code(["import mill\n", "mill.grind()"]),
            code("  "),
            {"cell_type": "raw", "source": "\\pagebreak"},
            metadata={"kernelspec": {"language": "Python"}},
        )
    )
    assert text == "# Flour\nground *fine*\n\n```python\nimport mill\nmill.grind()\n```\n\n\\pagebreak\n"
    assert meta == {"nbformat": 4, "kernel_language": "python", "cells": {"code": 2, "markdown": 1, "raw": 1}}


def test_nbformat_3_has_sheets_inputs_and_headings() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Sifted"]},
        {"cell_type": "code", "input": ["x <- 1"], "language": "R", "outputs": [{"html": "<b>OUT</b>"}]},
    ]
    text, meta = notebook_to_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}))
    assert text == "## Sifted\n\n```r\nx <- 1\n```\n"
    assert meta["kernel_language"] == "r"


def test_lines_without_line_ends_are_lines() -> None:
    text, _ = notebook_to_text(json.dumps({"cells": [{"cell_type": "markdown", "source": ["# Flour", "", "fine"]}]}))
    assert text == "# Flour\n\nfine\n"


def test_a_fence_is_longer_than_what_it_holds() -> None:
    text, _ = notebook_to_text(notebook(code("print('''\n````\n''')")))
    assert text.startswith("`````\n")
    assert text.endswith("\n`````\n")


def test_images_in_the_text_lose_their_bytes() -> None:
    source = f"![sieve](data:image/png;base64,{'iVBO' * 40}) and ![mill](attachment:m.png)"
    text, _ = notebook_to_text(notebook({"cell_type": "markdown", "source": source, "attachments": {"m.png": {}}}))
    assert text == "![sieve]() and ![mill](attachment:m.png)\n"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[1]", "no list of cells"),
        ('{"cells": 3}', "no list of cells"),
        ('{"worksheets": [3]}', "no list of cells"),
        ('{"cells": [3]}', "a cell is a JSON int"),
        ('{"a":' * 100_000, "values within values"),
        ("[" * (MAX_VALUES + 1), "arrays and objects"),
    ],
)
def test_what_is_no_notebook_says_why(source: str, why: str) -> None:
    with pytest.raises(NotebookError, match=why):
        notebook_to_text(source)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
keys = st.sampled_from(["cell_type", "source", "input", "language", "level", "text", "code"])


@given(st.lists(st.dictionaries(keys, values, max_size=5), max_size=4), values)
def test_any_cells_are_text_or_refused(cells: list[dict[str, object]], metadata: object) -> None:
    text, meta = notebook_to_text(json.dumps({"cells": cells, "metadata": metadata}))
    assert isinstance(text, str)
    assert sum(meta["cells"].values()) == len(cells)
