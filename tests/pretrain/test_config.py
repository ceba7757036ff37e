from pathlib import Path

import pytest

from corpus.errors import InputError, RecipeError
from pretrain.config import load_config

ROOM = Path(__file__).parents[2] / "pretrain"
TINY = (ROOM / "tiny.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [path.stem for path in ROOM.glob("*.toml")])
def test_the_bundled_settings_load_by_name(name: str) -> None:
    assert load_config(name).steps > 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("layers = ", "layer = ", r"run\.toml:\d+: unknown key `layer`; did you mean `layers`"),
        ("[model]", "[modle]", "unknown key `modle`; did you mean `model`"),
        ("steps = ", "steps = 0 #", "`steps` is 0, it must be >= 1"),
        ("steps = ", 'steps = "3" #', "`steps` is '3', it must be an integer"),
        ("steps = ", "# ", "lacks `steps`"),
        ("kv_heads = ", "kv_heads = 3 #", "a divisor of heads"),
        ("[model]", "[objective]\nul2 = true\n[model]", "`ul2` means nothing where name = 'next': leave it out"),
        ("[model]", "[objective]\nspm_rate = 0.9\n[model]", "`spm_rate` means nothing where name = 'next'"),
        (
            "[model]",
            "[objective]\nname = 'fim'\nmean_span = 9\n[model]",
            "`mean_span` means nothing where name = 'fim'",
        ),
        (
            "[model]",
            "[objective]\nname = 'span'\nul2 = true\nrate = 0.3\n[model]",
            "nothing where name = 'span' with ul2",
        ),
        ("[model]", "[objective]\nname = 'mlm'\n[model]", "`objective.name` is 'mlm', it must be next or fim"),
        ("[model]", "[model]\npositions = 'relative'\nrope_theta = 5e5", "nothing where positions = 'relative'"),
        ('name = "', 'name = "x', "unknown name `xmuon`; did you mean `muon`"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TINY
    path = tmp_path / "run.toml"
    path.write_text(TINY.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RecipeError, match=message):
        load_config(str(path))


def test_the_fall_of_another_schedule_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(TINY.replace("warmup = 0.1", 'warmup = 0.3\nschedule = "cosine"'), encoding="utf-8")
    assert load_config(str(path)).optim.decay == 0.8


def test_a_missing_file_names_the_bundled_ones() -> None:
    with pytest.raises(InputError, match="single_gpu, single_gpu_1b, tiny"):
        load_config("huge")


@pytest.mark.parametrize(
    "setting",
    [
        "heads = 0",
        "layers = 0",
        "micro_windows = -2",
        "heldout_tokens = -1",
        "lr = nan",
        "beta1 = 1.0",
        "seed = -1",
        "threads = 1025",
        "weight_decay = inf",
        "clip = inf",
        "rope_theta = inf",
    ],
)
def test_impossible_numbers_are_refused(tmp_path: Path, setting: str) -> None:
    key = setting.split(" ")[0]
    lines = [line for line in TINY.splitlines() if not line.startswith(f"{key} =")]
    tables = {"[model]": ("heads", "layers", "rope_theta"), "[optim]": ("lr", "beta1", "weight_decay", "clip")}
    table = next((name for name, keys in tables.items() if key in keys), None)
    lines.insert(lines.index(table) + 1 if table else 0, setting)
    path = tmp_path / "run.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(RecipeError, match=f"`{key}` is"):
        load_config(str(path))
