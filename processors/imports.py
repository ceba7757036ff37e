"""Which files of a repository need which, and an order in which what is needed comes first.

In: the paths and texts of a repository. Out: its paths, a README first, tests last, every file after the files that it
imports where there is no circle. The idea is DeepSeek-Coder's (arXiv:2401.14196, section 2.2, which sorts by the
number of unmet needs); here a file's needs stand right before it, by a walk in depth, so that what belongs together
stays together. Imports are found by their form alone: a wrong guess moves a file and changes no text.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping

_HEAD = 2**15  # characters in which imports are looked for
_CANDIDATES = 1000  # modules of one name among which the right one is looked for
_MOST = 64  # files of one name beyond which the name says nothing

# Each begins with a line end, which is faster to look for than the start of a line.
_PYTHON = re.compile(
    r"\n[ \t]{0,16}(?:from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]{0,2000}\)|[^\n#;(]{1,500})"
    r"|import[ \t]+([\w., \t]{1,500}))"
)
_SCRIPT = re.compile(r"""['"](\.\.?/[^'"\n]{1,200})['"]""")  # any string that is a relative path
_INCLUDE = re.compile(r"""\n[ \t]{0,16}#[ \t]{0,8}include[ \t]{0,8}["<]([^">\n]{1,200})[">]""")
_JAVA = re.compile(r"\nimport[ \t]+(?:static[ \t]+)?([\w.]+)")
_GO = re.compile(r"""\n(?:import)?[ \t]{0,16}(?:[\w.]{1,40}[ \t]+)?"([\w-]{1,60}\.[\w.-]{1,60}/[^"\s]{1,200})"(?=\n)""")
_RUST = re.compile(
    r"\n[ \t]{0,16}(?:pub(?:\([^)\n]{1,40}\))?[ \t]+)?(?:mod[ \t]+(\w+);|use[ \t]+(?:crate|self|super)::([\w:]+))"
)
_RUBY = re.compile(r"""\n[ \t]{0,16}require(_relative)?[ \t(]+['"]([^'"\n]{1,200})['"]""")
_PHP = re.compile(
    r"""\n[ \t]{0,16}(?:use[ \t]+([\w\\]+)|(?:require|include)(?:_once)?\b[^'"\n]{0,40}['"]([^'"\n]{1,200})['"])"""
)
_LUA = re.compile(r"""require[ \t(]{0,4}['"]([\w./-]{1,200})['"]""")
_PERL = re.compile(r"\n[ \t]{0,16}(?:use|require)[ \t]+([A-Z][\w:]{1,200})")
_HASKELL = re.compile(r"\nimport[ \t]+(?:qualified[ \t]+)?([A-Z][\w.]{0,200})")
_SHELL = re.compile(r"""\n[ \t]{0,16}(?:source|\.)[ \t]+["']?([\w./-]{1,200})""")

_C = (".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx", ".m", ".mm", ".cu", ".inl")
_JS = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte")
_FORMS: dict[str, tuple[str, re.Pattern[str]]] = {
    ".py": ("python", _PYTHON), ".pyi": ("python", _PYTHON), ".go": ("go", _GO), ".rs": ("rust", _RUST),
    ".rb": ("ruby", _RUBY), ".php": ("php", _PHP), ".lua": ("dotted", _LUA), ".pm": ("colons", _PERL),
    ".pl": ("colons", _PERL), ".t": ("colons", _PERL), ".hs": ("dotted", _HASKELL), ".java": ("dotted", _JAVA),
    ".kt": ("dotted", _JAVA), ".scala": ("dotted", _JAVA), ".groovy": ("dotted", _JAVA), ".sh": ("path", _SHELL),
    ".bash": ("path", _SHELL),
} | dict.fromkeys(_C, ("include", _INCLUDE)) | dict.fromkeys(_JS, ("script", _SCRIPT))  # fmt: skip
_INDEX = ("__init__", "index", "mod")  # files that stand for their folder

_TEST_FOLDERS = frozenset(
    ("test", "tests", "testing", "spec", "specs", "__tests__", "testdata", "test-data", "test_data", "fixtures")
)
_TEST = re.compile(
    r"(?:test_.*|conftest)\.py|.*[-_.](?:test|tests|spec)\.\w+|.*(?:Test|Tests|Spec)\.(?:java|kt|scala|groovy|cs|swift|hs)",
    re.DOTALL,
)
_README = re.compile(r"^readme(?:\.\w+)?$", re.IGNORECASE)


def imports_of(path: str, text: str) -> tuple[str, ...]:
    """What a file names that it needs, in the order in which it names it, each once.

    ``./a/b`` and ``../a`` are relative to the file's folder, ``a/b`` is the end of a path; none has the suffix of a
    module, and a path of C's has its own.
    """
    form, pattern = _FORMS.get(_suffix(path), ("", None))
    if pattern is None:
        return ()
    found: dict[str, None] = {}
    for match in pattern.finditer("\n" + text[:_HEAD]):
        for request in _requests(form, match):
            found.setdefault(request)
    return tuple(found)


def is_test(path: str) -> bool:
    """Whether a file's path says that it is a test or what a test reads."""
    *folders, name = path.split("/")
    return not _TEST_FOLDERS.isdisjoint(folders) or _TEST.fullmatch(name) is not None


def dependency_order(needs: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The paths of `needs` (each with what `imports_of` gave) in an order in which what is needed comes first.

    A README at the root is first, tests are last; otherwise files come by path. Of a circle the file that is met
    first, by path, comes last.
    """
    index = _index(needs)
    edges = {path: _found(path, wanted, index) for path, wanted in needs.items() if wanted}
    ordered: dict[str, None] = {}
    groups = {path: 0 if _README.match(path) else 2 if is_test(path) else 1 for path in needs}
    for path in sorted(needs, key=lambda p: (groups[p], p)):
        _walk(path, edges, ordered)
    return sorted(ordered, key=groups.__getitem__)


def _walk(start: str, edges: dict[str, list[str]], ordered: dict[str, None]) -> None:
    """Add `start` after all that it needs, without recursion."""
    if start in ordered:
        return
    opened = {start}
    stack = [(start, iter(edges.get(start, ())))]
    while stack:
        path, rest = stack[-1]
        needed = next((p for p in rest if p not in ordered and p not in opened), None)
        if needed is None:
            ordered[path] = None
            stack.pop()
        else:
            opened.add(needed)
            stack.append((needed, iter(edges.get(needed, ()))))


def _requests(form: str, match: re.Match[str]) -> list[str]:
    first = match[1] or ""
    if form == "python":
        return _python(first, match[2] or "", match[3] or "")
    if form == "script":
        return [first]
    if form == "path":
        return [first if first.startswith(".") else f"./{first}"]
    if form == "include":
        return [f"./{first}", first]
    if form == "rust":
        return [f"./{first}"] if first else _shorter(match[2].replace("::", "/"))
    if form == "ruby":
        return [f"./{match[2]}"] if first else [match[2]]
    if form == "php":
        return [first.replace("\\", "/").strip("/")] if first else [f"./{match[2].lstrip('/')}"]
    if form == "go":
        return [first]
    return _shorter(first.replace("::" if form == "colons" else ".", "/"))


def _shorter(name: str) -> list[str]:
    """The name, and the one without its last part, which may be something inside the file."""
    name = name.strip("/")
    parent = name.rpartition("/")[0]
    return [name, parent] if parent else [name]


def _python(module: str, names: str, plain: str) -> list[str]:
    if plain:
        return [name.split()[0].replace(".", "/") for name in plain.split(",") if name.split()]
    dots = len(module) - len(module.lstrip("."))
    base = module[dots:].replace(".", "/")
    if dots:
        base = ("./" + "../" * (dots - 1) + base).rstrip("/")
    inside = [word.split()[0] for word in names.strip("()").split(",") if word.split()]
    return [*(f"{base}/{name}" for name in inside if name.isidentifier()), base]


Index = dict[tuple[str, str], dict[str, list[str]]]


def _index(paths: Iterable[str]) -> Index:
    """By form and by the last part of a module's name: the whole names that end so, each with its files."""
    index: Index = {}
    for path in sorted(paths):
        form = _form(path)
        if not form:
            continue
        stem = path[: len(path) - len(_suffix(path))]
        folder, _, last = stem.rpartition("/")
        names = [path]
        if form != "include":
            names.append(folder if last in _INDEX and folder else stem)
        if form == "go" and folder and not is_test(path):
            names.append(folder)
        for name in names:
            index.setdefault((form, name.rpartition("/")[2]), {}).setdefault(name, []).append(path)
    return index


def _form(path: str) -> str:
    return _FORMS.get(_suffix(path), ("", None))[0]


def _suffix(path: str) -> str:
    dot = path.rfind(".")
    return path[dot:].lower() if dot > path.rfind("/") else ""


def _found(path: str, wanted: tuple[str, ...], index: Index) -> list[str]:
    """The files of the repository that the wanted names stand for."""
    folder, form = path.rpartition("/")[0], _form(path)
    found: dict[str, None] = {}
    for name in wanted:
        if name.startswith("."):
            whole = posixpath.normpath(posixpath.join(folder, name))
            files = index.get((form, whole.rpartition("/")[2]), {}).get(whole, [])
            if not files and (suffix := _suffix(whole)) in _JS:  # TypeScript imports b.ts as ./b.js
                stem = whole[: len(whole) - len(suffix)]
                files = index.get((form, stem.rpartition("/")[2]), {}).get(stem, [])
        else:
            files = _nearest(name, folder, index.get((form, name.rpartition("/")[2]), {}))
        found |= dict.fromkeys(file for file in files if file != path)
    return list(found)


def _nearest(name: str, folder: str, there: dict[str, list[str]]) -> list[str]:
    """Of the modules whose names end in `name` the files of the one that lies nearest to `folder`.

    A name of one part, which may as well be a library's, counts only at most one folder below the root, or in a
    folder above the importer.
    """
    if len(there) > _CANDIDATES:
        return []
    fits = [whole for whole in there if f"/{whole}".endswith(f"/{name}")]
    if not fits and "." in name.partition("/")[0]:  # Go's names begin with a host; a folder here is the end of one
        fits = sorted((whole for whole in there if f"/{name}".endswith(f"/{whole}")), key=len)[-1:]
    if "/" not in name:
        fits = [w for w in fits if w.count("/") < 2 or (folder + "/").startswith(posixpath.dirname(w) + "/")]
    if not fits or len(fits) > _MOST:
        return []
    best = min(fits, key=lambda whole: (-len(posixpath.commonprefix([whole, folder])), len(whole), whole))
    return there[best]
