from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import InputError
from corpus.recipe import load_recipe
from flows import path
from processors.filters.lists import Hashed, Names, by_value, covering, entries, hosts, some

LABELS = st.text("abc-", min_size=1, max_size=3).filter(lambda label: label.strip("-") == label)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(lambda labels: ".".join([*labels, "org"]))


def test_comments_and_blank_lines_are_passed_over_and_other_hashes_stay(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("\ufeff# head\n\n a b # why\nc#\n\t# x\nx.org/#top\n", "utf-8")
    assert list(entries(path)) == [(3, "a b"), (4, "c#"), (6, "x.org/#top")]


def test_a_list_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        list(entries(tmp_path / "none"))
    (tmp_path / "latin").write_bytes(b"caf\xe9\n")
    with pytest.raises(InputError, match="not UTF-8"):
        list(entries(tmp_path / "latin"))
    with pytest.raises(InputError, match="no entry"):
        some(Hashed(()), "empty.txt")


@pytest.mark.parametrize("spelled", ["Example.ORG", "*.example.org", ".example.org.", " example.org  # why"])
def test_spellings_of_one_host(tmp_path: Path, spelled: str) -> None:
    (tmp_path / "hosts").write_text(f"{spelled}\nbücher.example\n", "utf-8")
    listed = hosts(tmp_path / "hosts")
    assert "example.org" in listed and "xn--bcher-kva.example" in listed and len(listed) == 2


def test_what_is_no_host_is_refused_in_ones_own_list_and_counted_in_that_of_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "hosts").write_text("a.org\nb.org/path\nc d.org\n")
    with pytest.raises(InputError, match=r"hosts:2: `b.org/path` is not a host"):
        hosts(tmp_path / "hosts")
    assert len(hosts(tmp_path / "hosts", strict=False)) == 1
    assert "2 lines are no host" in caplog.text


@given(HOSTS, st.lists(HOSTS, max_size=5))
def test_the_longest_listed_parent_covers_a_host(host: str, listed: list[str]) -> None:
    parents = [parent for parent in listed if host == parent or host.endswith(f".{parent}")]
    assert covering(host, Hashed(listed)) == max(parents, key=len, default="")


@given(st.lists(st.none() | st.text(max_size=3)))
def test_each_value_is_judged_once_and_nulls_stay(values: list[str | None]) -> None:
    asked: list[str] = []

    def judged(value: str) -> int:
        asked.append(value)
        return len(value)

    found = by_value(pa.array(values, pa.string()), judged, pa.int64())
    assert found.to_pylist() == [None if value is None else len(value) for value in values]
    assert len(asked) == len(set(asked))


def test_a_rule_of_names_fires_on_any_of_them() -> None:
    rule = Names("bad", "categories", names=("adult", "chat"))
    assert rule.fires(pa.array(["adult", "news, chat", "adults", "", None])).to_pylist() == [True, True, *[False] * 3]
    assert rule.settings() == {"name": "bad", "score": "categories", "names": ["adult", "chat"]}


def test_a_list_that_is_not_there_is_told_before_any_work(world_at: Callable[..., Path], tmp_path: Path) -> None:
    recipe = world_at(tmp_path)
    step = '[[chain.mild]]\nname = "opt_out"\nhosts = "lists/hosts.txt"\n\n[heldout]'
    recipe.write_text(recipe.read_text().replace("[heldout]", step))
    with pytest.raises(InputError, match=r"lists/hosts.txt: there is no such file"):
        path.check(load_recipe(recipe))
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "hosts.txt").write_text("example.org\n")  # beside the recipe
    path.check(load_recipe(recipe))
