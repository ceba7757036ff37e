"""What people get wrong in a recipe is told in one line: the file, the line where it can be known, and the remedy."""

from pathlib import Path

import pytest

from corpus.errors import GristmillError
from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.store import Store
from flows import path

WEB = 'files = ["*.warc.gz"]'

MISTAKES = [
    (WEB, 'files = ["*.wrac.gz"]', r"`\*\.wrac\.gz` finds no file"),
    (WEB, 'files = "*.warc.gz"', r"recipe\.toml:\d+: `files` .* must be a list"),
    (WEB, 'files = ["/etc/*"]', "a glob below the root"),
    (WEB, 'files = [""]', "a glob below the root"),
    (WEB, 'files = ["**x"]', "glob|finds no file"),
    (WEB, WEB + '\nsnapshot = "../x"', "`snapshot` is '../x'"),
    (WEB, WEB + '\noptions = { kind = "code" }', "without `kind`"),
    (WEB, WEB + '\noptions = { extractr = "main" }', "did you mean `extractor`"),
    (WEB, WEB + '\noptions = { extractor = "magic" }', "magic"),
    (WEB, WEB + "\noptions = { max_members = 0 }", r"recipe\.toml:\d+: .*max_members"),
    (WEB, WEB + '\noptions = { leave_out = ["vendor"] }', "unknown leave_out `vendor`; did you mean `vendored`"),
    ('kind = "books"', 'kind = "books"\noptions = { revision = 3 }', r"recipe\.toml:[1-9]\d+: `revision` is 3"),
    ('root = "raw/web"', 'root = "raw/wbe"', "raw/wbe is not a folder"),
    ('kind = "web"', 'kind = "wbe"', r"recipe\.toml:\d+: unknown kind of source `wbe`; did you mean `web`"),
    ('name = "gopher_quality"', 'name = "gofer_quality"', r"recipe\.toml:\d+: unknown filter .* `gopher_quality`"),
    ("min_words = 20", 'min_words = "many"', r"recipe\.toml:\d+: `min_words` is 'many'"),
    ("min_words = 20", "min_wrods = 20", "did you mean `min_words`"),
    ("[[chain.mild]]", "[chain.mild]", r"`name` .* must be tables: \[\[chain\.mild\]\]"),
    ('chain = "mild"', 'chain = "mlid"', "did you mean `mild`"),
    ("budget = 30000", 'budget = 900000\nshortfall = "fail"', "would need .* raise max_epochs"),
    ("budget = 30000", "budget = 0", "`budget` is 0"),
    ("budget = 30000", 'unit = "words"', "unknown unit `words`"),
    ("budget = 30000", 'preset = "the-pyle"', "did you mean `the-pile`"),
    ("weight = 50", "weight = nan", r"recipe\.toml:\d+: `weight` is nan"),
    ("weight = 50", "weight = 500", "the others sum to 530 of 100, nothing is left"),
    ("max_epochs = 4", "max_epochs = inf", "`max_epochs` is inf"),
    ("weight = 50", "weight = 50\nselect = { lang = 'de' }", "unknown column `lang`"),
    ("weight = 50", "weight = 50\nselect = { source = 7 }", "a string or a list of strings"),
    ('name = "web"\nweight', 'name = "../web"\nweight', "`name` is '../web'"),
    ("seed = 7", "seed = -1", "`seed` is -1"),
    ("share = 0.1", "share = 1.5", "`share` is 1.5"),
    ("vocab_size = 420", "vocab_size = 60000", "lower .* vocab_size"),
    ("sample_bytes = 60000", "sample_bytes = 0", "`sample_bytes` is 0"),
    ("tokens = 8000", "tokens = 99999999999", "`tokens` is 99999999999"),
    ("piece_tokens = 64", "piece_tokens = true", "`piece_tokens` is True, it must be an integer"),
    (
        "[heldout]",
        '[dedupe]\nprefer = "words"\n[heldout]',
        r"toml:\d+: .* a score of .*: code\.alpha.* gopher_quality\.",
    ),
    ("[heldout]", '[dedupe]\nprefer = "gopher_quality.wrods"\n[heldout]', r"gopher_quality\.words"),
    ("[heldout]", "[[heldout]]", "`heldout` .* must be a table"),
    ('name = "small"', 'name = "Small corpus"', "`name` is 'Small corpus'"),
    ("mixture", "mixtures", r"recipe\.toml:\d+: unknown key `mixtures`; did you mean `mixture`"),
]


@pytest.mark.parametrize(("old", "new", "says"), MISTAKES, ids=[f"{n}" for n in range(len(MISTAKES))])
def test_mistakes_are_one_line_that_says_what_to_do(world: Path, old: str, new: str, says: str) -> None:
    text = world.read_text()
    assert old in text
    world.write_text(text.replace(old, new) if old == "mixture" else text.replace(old, new, 1))
    with pytest.raises(GristmillError, match=says) as error:
        recipe = load_recipe(world)
        store = Store(recipe.store_url)
        with Pool(1, store) as pool:
            path.build(recipe, store, PoolRun(store, pool))
    assert "\n" not in str(error.value)


def test_a_name_to_accept_must_be_a_source(world: Path) -> None:
    recipe = load_recipe(world)
    store = Store(recipe.store_url)
    with Pool(1, store) as pool, pytest.raises(GristmillError, match="did you mean `books`"):
        path.build(recipe, store, PoolRun(store, pool), ["boks"])


def test_a_unit_whose_packages_are_missing_is_told_before_any_work(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write_text(world.read_text() + '[dedupe]\npreset = "fineweb"\n')
    monkeypatch.setattr("processors.dedupe.simplified.find_spec", lambda package: None)
    with pytest.raises(GristmillError, match=r"needs spacy and regex: pip install 'gristmill\[fineweb\]'"):
        path.check(load_recipe(world))


def test_a_byte_order_mark_is_no_mistake(world: Path) -> None:
    world.write_text("\ufeff" + world.read_text())
    assert load_recipe(world).name == "small"
