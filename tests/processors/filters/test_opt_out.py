from pathlib import Path

import pyarrow as pa
import pytest

from corpus.errors import InputError, RecipeError
from processors.filters.chain import judge, score
from processors.filters.opt_out import OptOut


def judged(opt_out: OptOut, **columns: list[str | None]) -> tuple[pa.RecordBatch, list[list[str]]]:
    rows = len(next(iter(columns.values())))
    base = {"id": pa.array(range(rows)), "text": pa.array(["x"] * rows, pa.large_string())}
    batch = pa.RecordBatch.from_pydict({**base, **{k: pa.array(v, pa.string()) for k, v in columns.items()}})
    scores = score(batch, (opt_out,))
    return scores, judge(scores, (opt_out,)).to_pylist()


def listing(tmp_path: Path, text: str) -> str:
    (tmp_path / "list.txt").write_text(text, "utf-8")
    return str(tmp_path / "list.txt")


def test_a_host_takes_in_those_below_it_by_url_and_by_canonical(tmp_path: Path) -> None:
    opt_out = OptOut(hosts=listing(tmp_path, "example.org  # asked on 3 May\n"))
    urls = [
        "https://a.example.org:8080/x",
        "http://EXAMPLE.org/",
        "https://badexample.org/",
        None,
        "https://m.org/",
        None,
    ]
    canonical = [None, None, None, "https://example.org/y", "https://www.example.org/y", None]
    scores, rules = judged(opt_out, url=urls, canonical=canonical)
    listed = "example.org"
    assert scores["opt_out.host"].to_pylist() == [listed, listed, "", listed, listed, None]
    assert rules == [["opt_out.host"], ["opt_out.host"], [], ["opt_out.host"], ["opt_out.host"], []]
    assert scores["opt_out.author"].null_count == 6  # no list: nothing was judged


@pytest.mark.parametrize(
    ("entry", "repository", "hit"),
    [
        ("pallets/flask", "github.com/Pallets/Flask@" + "a" * 40, True),
        ("Pallets/Flask", "pallets/flask", True),
        ("https://github.com/pallets/flask.git", "github.com/pallets/flask", True),
        ("git@github.com:pallets/flask.git", "https://github.com/pallets/flask", True),
        ("ssh://git@git.example.org:2222/pallets/flask", "git.example.org/pallets/flask", True),
        ("github.com/pallets/flask", "pallets/flask", True),
        ("github.com/pallets/flask", "gitlab.com/pallets/flask", False),
        ("pallets/", "github.com/pallets/flask", True),
        ("pallets/*", "pallets/click", True),
        ("github.com/pallets/*", "gitlab.com/pallets/click", False),
        ("pallets", "github.com/pallets/flask", False),
        ("pallets/flask", "github.com/pallets/flask-ext", False),
        ("pallets/flask", "github.com/other/pallets", False),
        ("flask", "flask@3.0.3", True),
        ("flask", "github.com/pallets/flask", False),
        ("@angular/core", "@angular/core@17.0.0", True),
        ("group/sub/", "gitlab.com/group/sub/name", True),
        ("group/", "gitlab.com/group/sub/name", True),
    ],
)  # fmt: skip
def test_repositories_by_owner_name_and_host(tmp_path: Path, entry: str, repository: str, hit: bool) -> None:
    opt_out = OptOut(repositories=listing(tmp_path, f"{entry}\nsomebody/else\n"))
    scores, rules = judged(opt_out, repository=[repository, None, "third/one"])
    assert rules == [["opt_out.repository"] if hit else [], [], []]
    assert scores["opt_out.repository"].to_pylist()[1:] == [None, ""]
    assert bool(scores["opt_out.repository"][0].as_py()) == hit


def test_authors_by_name_and_address_in_any_case(tmp_path: Path) -> None:
    opt_out = OptOut(authors=listing(tmp_path, "Jörg  Ørsted\nj@example.org\n"))
    authors = ["jörg ørsted", "A. Other; JÖRG ØRSTED", "J. Doe <J@example.org>", "Jörg", None, ""]
    assert judged(opt_out, author=authors)[1] == [["opt_out.author"]] * 3 + [[]] * 3


def test_what_is_wrong_with_a_list_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="none of `hosts`"):
        judged(OptOut(), url=["https://a.org/"])
    with pytest.raises(InputError, match="no such file"):
        judged(OptOut(hosts=str(tmp_path / "none")), url=["https://a.org/"])
    with pytest.raises(InputError, match="no entry"):
        judged(OptOut(authors=listing(tmp_path, "# nobody\n")), author=["a"])


def test_a_changed_list_is_read_again_and_changes_the_identity(tmp_path: Path) -> None:
    opt_out = OptOut(authors=listing(tmp_path, "a\n"))
    before = opt_out.number_settings()
    assert judged(opt_out, author=["a", "longer"])[1] == [["opt_out.author"], []]
    listing(tmp_path, "longer\n")
    assert judged(opt_out, author=["a", "longer"])[1] == [[], ["opt_out.author"]]
    assert opt_out.number_settings() != before and str(tmp_path) not in str(before)
