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
        ("[model]", "[objective]\nul2 = true\n[model]", "`ul2` is True, it must be left out where name = 'next'"),
        ('name = "', 'name = "x', "unknown name `xmuon`; did you mean `muon`"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TINY
    path = tmp_path / "run.toml"
    path.write_text(TINY.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RecipeError, match=message):
        load_config(str(path))


def test_a_missing_file_names_the_bundled_ones() -> None:
    with pytest.raises(InputError, match="single_gpu, single_gpu_1b, tiny"):
        load_config("huge")


@pytest.mark.parametrize(
    "setting",
    ["heads = 0", "layers = 0", "micro_windows = -2", "heldout_tokens = -1", "lr = nan", "beta1 = 1.0", "seed = -1"],
)
def test_impossible_numbers_are_refused(tmp_path: Path, setting: str) -> None:
    key = setting.split(" ")[0]
    lines = [line for line in TINY.splitlines() if not line.startswith(f"{key} =")]
    table = {"heads": "[model]", "layers": "[model]", "lr": "[optim]", "beta1": "[optim]"}.get(key)
    lines.insert(lines.index(table) + 1 if table else 0, setting)
    path = tmp_path / "run.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(RecipeError, match=f"`{key}` is"):
        load_config(str(path))
