"""A dataset in a local folder, in the layout of a repository of the hub; nothing is asked of any server."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.errors import InputError
from sources.hub import Hub, hub_of
from sources.item import Item
from sources.read import ReadSettings, read

CARD = """---
configs:
- config_name: default
  data_files:
  - {split: train, path: data/train-*}
  - {split: test, path: data/test-*}
- config_name: de
  data_files:
  - {split: train, path: de/*}
---
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    root = tmp_path / "set"
    for name, rows in {"train-0": range(5), "train-1": range(5, 300), "test-0": range(2)}.items():
        (root / "data").mkdir(parents=True, exist_ok=True)
        table = pa.table({"text": [f"text {n}" for n in rows], "meta": [{"url": f"u{n}", "n": n} for n in rows]})
        pq.write_table(table, root / "data" / f"{name}.parquet")
    (root / "de").mkdir()
    pq.write_table(pa.table({"text": ["Zeile"]}), root / "de" / "a.parquet")
    (root / "README.md").write_text(CARD)
    return tmp_path


def items(hub: Hub, pattern: str, **options: object) -> dict[str, list[Item]]:
    found = {}
    for name, stamp in hub.find(pattern).items():
        with hub.opened(stamp) as file:
            assert file
            found[name] = list(read(file.path, ReadSettings("tabular", **options)))  # type: ignore[arg-type]
    return found


def test_each_data_file_of_a_split_is_a_table(folder: Path) -> None:
    found = items(hub_of("hf://./set", folder), "train", url_column="meta.url", meta_columns=("meta.n",))
    assert {name: len(rows) for name, rows in found.items()} == {
        "default/train/data/train-0.parquet": 5, "default/train/data/train-1.parquet": 295,
    }  # fmt: skip
    last = found["default/train/data/train-1.parquet"][-1]
    assert last.document
    assert (last.start, last.unit, last.document.text, last.document.url) == (294, "row", "text 299", "u299")
    assert last.document.meta == {"meta.n": 299}


def test_splits_and_configurations_are_chosen_by_name(folder: Path) -> None:
    hub = hub_of("hf://./set", folder)
    assert list(hub.find("te*")) == ["default/test/data/test-0.parquet"]
    ((only,),) = items(hub, "de/train").values()
    assert only.document
    assert only.document.text == "Zeile"
    assert len(hub.find("*/*")) == 4
    assert hub.find("validation") == {}
    with pytest.raises(InputError, match=r"'fr' not found"):
        hub.find("fr/train")


def test_a_changed_file_has_another_stamp_and_the_others_their_own(folder: Path) -> None:
    hub = hub_of("hf://./set", folder)
    before = hub.find("train")
    pq.write_table(pa.table({"text": ["new"]}), folder / "set/data/train-0.parquet")
    after = hub.find("train")
    assert [before[name] == after[name] for name in sorted(before)] == [False, True]
    with pytest.raises(InputError, match="changed"), hub.opened(min(before.values(), key=lambda s: s.name)):
        pass


def test_two_copies_of_a_shard_are_the_same_bytes_and_a_sample_is_shorter(folder: Path) -> None:
    hub = hub_of("hf://./set", folder)
    stamp = hub.find("train")["default/train/data/train-1.parquet"]
    with hub.opened(stamp) as one, hub.opened(stamp) as two, hub.opened(stamp, 100) as part:
        assert one and two and part
        assert one.sha256 == two.sha256
        assert part.bytes < one.bytes
        path = one.path
    assert not path.exists()
    gone = hub.stamp("default/train/nothing")
    assert gone is None


def test_what_breaks_a_shard_is_told_and_costs_what_follows(folder: Path) -> None:
    lines = [json.dumps({"text": f"line {n} {'word ' * 20_000}"}) for n in range(250)]
    (folder / "lines").mkdir()
    (folder / "lines/train.jsonl").write_text("\n".join([*lines, "{broken"]))
    (rows,) = items(hub_of("hf://./lines", folder), "train").values()
    assert rows[0].document
    assert rows[-1].reason == "corrupt"
    assert "JSON" in rows[-1].detail


@pytest.mark.parametrize(
    ("root", "word"),
    [("hf://a/b", "commit"), ("hf://a/b@main", "commit"), ("hf://a b", "org/name"), ("hf://./none", "not a folder")],
)
def test_a_root_that_cannot_be_built_again_is_refused(folder: Path, root: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        hub_of(root, folder)


def test_a_hub_that_cannot_be_reached_says_what_to_do(folder: Path) -> None:
    with pytest.raises(InputError, match="HF_HUB_OFFLINE"):
        hub_of(f"hf://a/b@{'0' * 40}", folder).find("train")
