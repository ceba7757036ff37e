from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.errors import InputError, RecipeError
from corpus.text import render_column
from processors.filters.chain import judge, score
from processors.filters.classifier import Classifier
from processors.filters.load import load_chain

fasttext_new = pytest.importorskip("fasttext_new")

NICE, RUDE = "kind words make a garden grow", "you rotten filthy scoundrel knave"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model")
    lines = [f"__label__nice {NICE}", f"__label__toxic {RUDE}"] * 60
    (folder / "train.txt").write_text("\n".join(lines) + "\n")
    trained = fasttext_new.train_supervised(
        str(folder / "train.txt"), thread=1, seed=1, dim=8, lr=0.5, epoch=20, minCount=1, verbose=0
    )
    trained.save_model(folder / "model.bin")
    return str(folder / "model.bin")


def scored(texts: list[str | None], each: Classifier) -> tuple[pa.RecordBatch, list[list[str]]]:
    columns = {"id": pa.array(range(len(texts))), "text": pa.array(texts, pa.large_string())}
    scores = score(pa.RecordBatch.from_pydict(columns), (each,))
    return scores, judge(scores, (each,)).to_pylist()


def test_the_score_is_the_label_s_probability_and_serves_in_both_directions(model: str) -> None:
    texts = [NICE, RUDE, None, f"{NICE}\n{NICE}"]
    scores, rules = scored(texts, Classifier(model, label="nice", below=0.5))
    nice = scores["classifier.chance"].to_pylist()
    assert nice[0] > 0.9 > 0.1 > nice[1] and nice[2] is None and nice[3] > 0.9
    assert rules == [[], ["classifier.low"], [], []]
    toxic, rules = scored(texts, Classifier(model, label="__label__toxic", variant="dolma"))
    assert rules == [[], ["classifier.high"], [], []]
    assert toxic["classifier.chance"][1].as_py() == pytest.approx(1 - nice[1], abs=2e-4)


def test_a_window_reads_the_first_characters(model: str) -> None:
    text = [f"{NICE} " * 3 + f"{RUDE} " * 30]
    whole = scored(text, Classifier(model, label="toxic"))[0]["classifier.chance"][0].as_py()
    first = scored(text, Classifier(model, label="toxic", window=len(NICE)))[0]["classifier.chance"][0].as_py()
    assert first < 0.2 < 0.8 < whole


def test_a_document_is_as_bad_as_its_worst_paragraph_and_that_one_can_be_cut(model: str) -> None:
    texts = [f"{NICE}\n\n{RUDE}\n{NICE}", NICE, None, f"é {NICE}\n{RUDE}", RUDE, "", "\n \n"]
    toxic = {"label": "toxic", "variant": "dolma", "unit": "paragraph"}
    scores, rules = scored(texts, Classifier(model, **toxic))
    assert [bool(fired) for fired in rules] == [True, False, False, True, True, False, False]
    assert scores["classifier.chance"].null_count == 3
    cut, rules = scored(texts, Classifier(model, **toxic, cut=True))
    assert not any(rules) and cut["classifier.chance"].equals(scores["classifier.chance"])
    left = render_column(pa.array(texts, pa.large_string()), cut["spans"]).to_pylist()
    assert left == [f"{NICE}\n\n{NICE}", NICE, None, f"é {NICE}\n", "", "", "\n \n"]
    assert cut["spans"][0].as_py()[0]["rule"] == "classifier.high"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from([NICE, RUDE, "", " ", f"ü {NICE}"]), max_size=6), max_size=6))
def test_what_is_left_is_the_other_paragraphs(model: str, documents: list[list[str]]) -> None:
    texts = ["\n".join(lines) for lines in documents]
    cut, _ = scored(list(texts), Classifier(model, label="toxic", variant="dolma", unit="paragraph", cut=True))
    left = render_column(pa.array(texts, pa.large_string()), cut["spans"]).to_pylist()
    kept = ["".join(line for line in text.splitlines(keepends=True) if RUDE not in line) for text in texts]
    assert left == kept


def test_in_a_recipe_it_may_stand_twice_with_paths_beside_the_recipe(model: str) -> None:
    tables = [
        {"name": "classifier", "model": model, "label": "nice"},
        {"name": "classifier", "as": "toxicity", "model": model, "label": "toxic", "variant": "dolma"},
    ]
    chain = load_chain(tables)
    columns = {"id": pa.array([0]), "text": pa.array([RUDE], pa.large_string())}
    names = score(pa.RecordBatch.from_pydict(columns), chain).schema.names
    assert names == ["id", "classifier.chance", "toxicity.chance", "spans"]


def test_the_identity_holds_the_model_s_content_and_what_it_is_shown(model: str, tmp_path: Path) -> None:
    copy = tmp_path / "other.bin"
    copy.write_bytes(Path(model).read_bytes())
    given_ = Classifier(model, label="nice").number_settings()
    assert given_ == Classifier(str(copy), label="nice", below=0.3).number_settings()
    for other in ({"window": 9}, {"unit": "paragraph"}, {"label": "toxic"}):
        assert Classifier(model, **{"label": "nice", **other}).number_settings() != given_
    cuts = [Classifier(model, unit="paragraph", cut=True, above=above).number_settings() for above in (0.4, 0.5)]
    assert cuts[0] != cuts[1]


def test_mistakes_are_told(model: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="`model` is not given"):
        scored(["x"], Classifier())
    with pytest.raises(InputError, match="no label 'hq'"):
        scored(["x"], Classifier(model))
    with pytest.raises(RecipeError, match="unit"):
        Classifier(model, unit="sentence")
    with pytest.raises(RecipeError, match="`cut` takes paragraphs out"):
        Classifier(model, cut=True)
    with pytest.raises(RecipeError, match="variant"):
        Classifier(model, variant="fineweb")
    (tmp_path / "none.bin").write_bytes(b"no model at all, but bytes of some length")
    with pytest.raises(InputError, match="no fastText model"):
        scored(["x"], Classifier(str(tmp_path / "none.bin")))
