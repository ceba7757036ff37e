"""Which files a source has, in which units: by globs and by lists, and what changes their identity."""

import gzip
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import GristmillError, InputError
from corpus.recipe import Parts, Source, load_recipe
from corpus.stage import Part, Stamp, fingerprint, identity
from sources.ingest import INGEST
from sources.places import Folder, _matches
from sources.plan import plan_ingest
from sources.settings import ReadSettings


def plan(folder: Path, parts: Parts | None = None, block_hosts: str = "", **keys: object) -> list[Part]:
    source = Source(**({"name": "s", "kind": "web", "root": "in"} | keys))  # type: ignore[arg-type]
    return plan_ingest(source, ReadSettings("web", block_hosts=block_hosts), parts or Parts(), folder)


def names(parts: list[Part]) -> list[list[str]]:
    return [[stamp.name for stamp in part.inputs if isinstance(stamp, Stamp)] for part in parts]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files below ``in`` and a list of them and of one that is not there."""
    (tmp_path / "in/a").mkdir(parents=True)
    for name in ("a/1", "a/2", "b"):
        (tmp_path / "in" / name).write_bytes(b"x" * 10)
    (tmp_path / "in/list.gz").write_bytes(gzip.compress(b"b\n# a comment\n\na/2\r\nabsent\nb\na/1\n"))
    return tmp_path


def test_globs_give_names_in_order_in_units_of_a_size(folder: Path) -> None:
    assert names(plan(folder, files=("b", "a/*"))) == [["a/1", "a/2", "b"]]
    assert names(plan(folder, Parts(input_bytes=20), files=("**/[12b]",))) == [["a/1", "a/2"], ["b"]]
    assert [part.name for part in plan(folder, Parts(input_bytes=1), files=("a/*",))] == ["s/0-00000", "s/0-00001"]


def test_a_list_gives_names_in_its_order(folder: Path) -> None:
    parts = plan(folder, paths="list.gz")
    assert names(parts) == [["b", "a/2"], ["absent"], ["a/1"]]  # of unknown size, a file makes a unit
    assert parts[1].inputs == (Stamp("absent", None, None),)


def test_a_list_is_taken_in_slices(folder: Path) -> None:
    assert names(plan(folder, paths="list.gz", take=(1, 2))) == [["a/2"]]
    assert names(plan(folder, paths="list.gz", take=(3, 99))) == [["a/1"]]
    with pytest.raises(InputError, match=r"source s: `take` begins at 4, list\.gz has 4 names"):
        plan(folder, paths="list.gz", take=(4, 9))


def test_a_list_may_lie_beside_the_recipe_and_name_whole_urls(folder: Path) -> None:
    (folder / "mine.txt").write_text("s3://mill/crawl/a/1\nb\n")
    parts = plan(folder, root="s3://mill/crawl/", paths="./mine.txt")  # nothing is asked of the server
    assert names(parts) == [["a/1"], ["b"]]
    assert [part.inputs for part in parts] == [(Stamp("a/1", None, None),), (Stamp("b", None, None),)]
    assert names(plan(folder, Parts(listed_files=2), root="s3://mill/crawl", paths="./mine.txt")) == [["a/1", "b"]]


@pytest.mark.parametrize("line", ["../b", "/etc/passwd", "a//b", "https://other.example/x", "a/./b"])
def test_a_list_may_name_only_what_lies_below_the_root(folder: Path, line: str) -> None:
    (folder / "mine.txt").write_text(f"b\n{line}\n")
    with pytest.raises(InputError, match=r"source s: \./mine\.txt, line 2: .* is not the name of a file below in"):
        plan(folder, paths="./mine.txt")


def test_a_list_that_cannot_be_read_says_why(folder: Path) -> None:
    for data, says in (
        (b"\x1f\x8b\x08broken", "cannot be read"),
        (b"\xff\xfe\n", "cannot be read"),
        (b"#\n", "no file"),
    ):
        (folder / "mine.txt").write_bytes(data)
        with pytest.raises(InputError, match=says):
            plan(folder, paths="./mine.txt")
    with pytest.raises(InputError, match=r"the list none\.gz is not there \(looked at .*/in/none\.gz\); .* \./…"):
        plan(folder, paths="none.gz")


def test_identity_is_names_and_contents_never_places(folder: Path) -> None:
    (folder / "hosts.txt").write_text("bad.example\n")

    def mark(root: str = "in") -> str:
        return fingerprint(identity(INGEST, plan(folder, root=root, files=("b",), block_hosts="hosts.txt")[0]))

    first = mark()
    (folder / "in").rename(folder / "moved")
    (folder / "hosts.txt").rename(folder / "other.txt")
    (folder / "hosts.txt").write_bytes((folder / "other.txt").read_bytes())
    assert mark(root="moved") == first
    (folder / "hosts.txt").write_text("worse.example\n")
    assert mark(root="moved") != first
    (folder / "moved/b").write_bytes(b"longer than before")
    assert mark(root="moved") != first


def test_a_part_goes_to_a_worker_as_it_is(folder: Path) -> None:
    odd = b"in/\xff.warc"
    Path(folder.as_posix().encode().decode() + "/" + odd.decode("utf-8", "surrogateescape")).write_bytes(b"x")
    (part,) = plan(folder, files=("*.warc",))
    again = pickle.loads(pickle.dumps(part))
    assert again == part and names([again]) == [["\\xff.warc"]]
    with again.aside.place.opened(again.inputs[0]) as file:
        assert file and file.path.read_bytes() == b"x"


def test_a_glob_that_ends_in_a_slash_finds_git_repositories(folder: Path) -> None:
    for name, ref in (("one/.git", "a" * 40), ("two.git", "b" * 40)):
        (folder / "in" / name / "objects").mkdir(parents=True)
        (folder / "in" / name / "refs/heads").mkdir(parents=True)
        (folder / "in" / name / "HEAD").write_text("ref: refs/heads/main\n")
        (folder / "in" / name / "refs/heads/main").write_text(ref)
    (part,) = plan(folder, Parts(listed_files=2), files=("*/",))  # `a` holds no repository
    assert names([part]) == [["one", "two.git"]]
    first, _ = part.inputs
    with part.aside.place.opened(first) as file:
        assert file and file.path == folder / "in/one"
    (folder / "in/one/.git/refs/heads/main").write_text("c" * 40)
    (again,) = plan(folder, Parts(listed_files=2), files=("*/",))
    assert [old == new for old, new in zip(part.inputs, again.inputs, strict=True)] == [False, True]
    with pytest.raises(InputError, match="changed since the run was planned"):
        part.aside.place.opened(first).__enter__()


TREE = ["a", ".b", "d/a", "d/.b", "d/e/a.gz", "d/e/f/[x].gz", "dd/a.gz"]
PATTERN = st.lists(
    st.sampled_from(["**", "*", "?", "a", "d", "e", "*.gz", "[!a]*", "[d]", "."]), min_size=1, max_size=4
)


@given(PATTERN)
def test_globs_mean_the_same_on_a_server(tmp_path_factory: pytest.TempPathFactory, wanted: list[str]) -> None:
    root = tmp_path_factory.getbasetemp() / "tree"
    for name in TREE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    found = set(Folder(str(root)).find("/".join(wanted))) if set(wanted) != {"."} else set()
    plain = [each for each in wanted if each != "."]
    assert {name for name in TREE if _matches(name.split("/"), plain)} == found


MISTAKES = [
    ('root = "ftp://a.example/x"', "`root` is 'ftp://a.example/x', it must be a folder, hf://"),
    ('root = "https://me:secret@a.example/x"', "without a query or a password"),
    ('root = "https://a.example/x?y"', "without a query or a password"),
    ('root = "s3://"', "it must be a folder, hf://"),
    ('root = "https://a.example"\nfiles = ["*.gz"]', "a web server cannot be listed"),
    ('root = "in"\nfiles = ["b"]\npaths = "list.gz"', "`paths` in its place"),
    ('root = "in"', "`files` is .*given, or `paths`"),
    ('root = "in"\nfiles = ["b"]\ntake = [0, 1]', "given with `paths`"),
    ('root = "in"\npaths = "list.gz"\ntake = [3, 3]', r"`take` is \[3, 3\]"),
    ('root = "in"\npaths = "list.gz"\ntake = [3]', r"`take` is \[3\]"),
]


@pytest.mark.parametrize(("keys", "says"), MISTAKES)
def test_mistakes_in_a_source(tmp_path: Path, keys: str, says: str) -> None:
    keys = keys if "files" in keys or "paths" in keys or keys == 'root = "in"' else keys + '\nfiles = ["b"]'
    (tmp_path / "r.toml").write_text(f'name = "x"\n[[source]]\nname = "s"\nkind = "web"\n{keys}\n')
    with pytest.raises(GristmillError, match=says):
        load_recipe(tmp_path / "r.toml")
