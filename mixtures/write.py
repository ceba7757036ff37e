"""A mixture as TOML: what `mixtures.load` reads back as the same mixture. Defaults are left out."""

import json
import re
from dataclasses import MISSING, fields
from typing import Any

from mixtures.mixture import Mixture


def to_toml(mixture: Mixture) -> str:
    """A mixture file: keys of its own, then a table for each domain, group, stage and bucket."""
    tables = {name: getattr(mixture, name) for name in ("domain", "group", "stage", "bucket")}
    lines = [_line(key, value) for key, value in _stated(mixture).items() if key not in tables]
    for name, items in tables.items():
        for item in items:
            lines += ["", f"[[{name}]]", *(_line(key, value) for key, value in _stated(item).items())]
    return "\n".join(lines) + "\n"


def _stated(item: Any) -> dict[str, Any]:
    out = {}
    for field in fields(item):
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        if getattr(item, field.name) != default:
            out[field.name] = getattr(item, field.name)
    return out


def _line(key: str, value: Any) -> str:
    bare = re.fullmatch(r"[A-Za-z0-9_-]+", key)
    return f"{key if bare else json.dumps(key)} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_line(key, item) for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
