from pathlib import Path

import pyarrow as pa
import pytest

from corpus.errors import InputError, RecipeError
from processors.filters.chain import judge, score
from processors.filters.url_category import UrlCategory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "lists"
    for category, name, text in [
        ("adult", "domains", "bad.example\nx.host.example\n"),
        ("adult", "urls", "site.example/adults\n"),
        ("chat", "domains", "host.example\nbad.example\n"),
        ("press", "urls", "www.paper.example/news/today.html\nq.example/p?id=3\n"),
    ]:
        (root / category).mkdir(parents=True, exist_ok=True)
        (root / category / name).write_text(text)
    (root / "README").write_text("Toulouse")
    return root


def categories(filter_: UrlCategory, urls: list[str | None]) -> tuple[list[str | None], list[list[str]]]:
    columns = {"id": pa.array(range(len(urls))), "text": pa.array(["x"] * len(urls), pa.large_string())}
    scores = score(pa.RecordBatch.from_pydict({**columns, "url": pa.array(urls, pa.string())}), (filter_,))
    return scores["url_category.categories"].to_pylist(), judge(scores, (filter_,)).to_pylist()


def test_hosts_below_a_domain_and_pages_below_a_url(folder: Path) -> None:
    cases = {
        "https://www.bad.example/": "adult, chat",
        "https://x.host.example/a": "adult, chat",
        "https://y.host.example/a": "chat",
        "https://notbad.example/": "",
        "http://site.example/adults/1.html?x=1": "adult",
        "http://www.site.example/adults": "adult",
        "http://site.example/adultsonly": "",
        "http://site.example/": "",
        "https://www.paper.example/news/today.html#top": "press",
        "https://q.example/p?id=3": "press",
        "https://q.example/p?id=33": "",
        "mailto:x@bad.example": "",
    }
    found, rules = categories(UrlCategory(str(folder)), [*cases, None])
    assert dict(zip(cases, found, strict=False)) == cases and found[-1] is None
    assert rules[:3] == [["url_category.adult", "url_category.chat"]] * 2 + [["url_category.chat"]]
    assert rules[8] == [] and rules[-1] == []  # press drops nothing by default
    assert categories(UrlCategory(str(folder), drop=("press",)), [*cases])[1][8] == ["url_category.press"]


def test_an_allowed_host_is_free_unless_a_longer_name_is_listed(folder: Path) -> None:
    allow = folder.parent / "allow.txt"
    allow.write_text("host.example\n")
    urls = ["https://host.example/", "https://y.host.example/", "https://x.host.example/", "https://bad.example/"]
    assert categories(UrlCategory(str(folder), str(allow)), urls)[0] == ["", "", "adult", "adult, chat"]


def test_no_folder_or_an_empty_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="`folder` is not given"):
        categories(UrlCategory(), ["https://a.example/"])
    (tmp_path / "readme").write_text("x")
    with pytest.raises(InputError, match="no category"):
        categories(UrlCategory(str(tmp_path)), ["https://a.example/"])
