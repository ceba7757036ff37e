"""Block lists of hosts: a blocked domain blocks what lies below it, in a reader and in a whole part."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import InputError
from corpus.recipe import Parts, Source
from corpus.store import Store
from sources import hosts
from sources.hosts import blocked, checked
from sources.ingest import INGEST
from sources.plan import plan_ingest
from sources.settings import ReadSettings


def settings(folder: Path, text: str) -> ReadSettings:
    path = folder / f"{hashlib.md5(text.encode()).hexdigest()}.txt"
    path.write_text(text)
    return ReadSettings("web", block_hosts=str(path), block_hosts_sha256=checked(path))


def test_a_domain_blocks_those_below_it(tmp_path: Path) -> None:
    some = settings(
        tmp_path, "\ufeff# bad ones\nBad.Example\n\n.ads.example # all of them\n*.tracker.example\nmüll.example\n"
    )
    for url in (
        "http://bad.example/", "https://WWW.bad.example:8080/x", "http://a.b.ads.example./", "https://tracker.example",
        "http://xn--mll-hoa.example/", "http://bad%2Eexample/",
    ):  # fmt: skip
        assert blocked(url, some), url
    for url in (
        "http://notbad.example/",
        "http://example/",
        "http://good.example/?u=http://bad.example/",
        "no url",
        "",
    ):
        assert not blocked(url, some), url
    assert not blocked(None, some)
    assert blocked("http://a.bad.example/", some) == "a.bad.example, below bad.example"
    assert not blocked("http://bad.example/", ReadSettings("web"))


HOST = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join)


@given(st.lists(HOST, max_size=6), HOST)
def test_blocked_is_being_or_ending_in_an_entry(
    tmp_path_factory: pytest.TempPathFactory, hosts: list[str], host: str
) -> None:
    some = settings(tmp_path_factory.getbasetemp(), "\n".join(hosts))
    assert bool(blocked(f"http://{host}/", some)) == any(f".{host}".endswith(f".{each}") for each in hosts)


@pytest.mark.parametrize("line", ["http://bad.example/", "0.0.0.0 bad.example", "bad.example/path", "a@b.example", "*"])
def test_a_line_that_is_no_host_is_told(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError, match=r"\.txt:2: .* is not a host; a block list has one host a line"):
        settings(tmp_path, f"good.example\n{line}\n")


def test_a_missing_list_is_told_before_anything_is_read(tmp_path: Path) -> None:
    source = Source("s", "web", ".", ("*",))
    (tmp_path / "x").touch()
    with pytest.raises(InputError, match=r"none\.txt: this list of hosts cannot be read"):
        plan_ingest(source, ReadSettings("web", block_hosts="none.txt"), Parts(), tmp_path)


def test_a_list_that_changes_under_a_run_is_refused(tmp_path: Path) -> None:
    some = settings(tmp_path, "bad.example\n")
    Path(some.block_hosts).write_text("worse.example\n")
    hosts._hosts.cache_clear()  # as in another worker
    with pytest.raises(InputError, match="changed since the run was planned"):
        blocked("http://bad.example/", some)


def test_blocked_rows_are_skipped_with_a_reason(tmp_path: Path) -> None:
    rows = (
        '{"text": "a", "u": "http://a.bad.example/"}',
        '{"text": "b", "u": "http://good.example/"}',
        '{"text": "c"}',
    )
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    (tmp_path / "hosts.txt").write_text("bad.example\n")
    reading = ReadSettings("tabular", url_column="u", block_hosts="hosts.txt")
    (part,) = plan_ingest(Source("s", "tabular", ".", ("*.jsonl",)), reading, Parts(), tmp_path)
    output = INGEST.work(Store(tmp_path / "out"), part)
    counts = {(count.outcome, count.reason): (count.records, count.documents) for count in output.counts}
    assert counts == {("passed", ""): (None, 2), ("read", ""): (2, None), ("skipped", "blocked_host"): (1, None)}
