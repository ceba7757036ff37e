"""Which licences a corpus takes: groups of licences, and a policy of groups and identifiers over SPDX expressions.

An expression comes in with a policy, a yes or no goes out. Of alternatives (OR) one must pass, of licences that hold
together (AND) all. A licence passes when it is not denied and is allowed, by identifier or by group; "or later" is a
choice among the versions there are, so GPL-2.0-or-later passes where GPL-3.0-only does.

The groups are the categories of ScanCode's licence database (aboutcode-org/scancode-licensedb, CC-BY-4.0), as
license-expression carries them. The Stack v2 took its permissive licences from there and from Blue Oak's list
(2402.19173 section 2); what ScanCode calls "Copyleft Limited" is here weak copyleft: LGPL, MPL, EPL, CDDL, CC-BY-SA.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from corpus.errors import RecipeError
from processors.code.expression import parsed, spdx

GROUPS = ("permissive", "public-domain", "weak-copyleft", "copyleft", "restricted")
_CATEGORIES = {
    "Permissive": "permissive",
    "Public Domain": "public-domain",
    "Copyleft Limited": "weak-copyleft",
    "Copyleft": "copyleft",
}
_LATER = {"GPL": ("1.0", "2.0", "3.0"), "LGPL": ("2.0", "2.1", "3.0"), "AGPL": ("1.0", "3.0")}


@dataclass(frozen=True)
class Policy:
    """What is taken. Entries are SPDX identifiers or `GROUPS`; what is denied is denied even where it is allowed.

    Attributes:
        allow: nothing else passes.
        deny: never passes.
        weak_copyleft: whether the weak copyleft group is allowed too.
    """

    allow: tuple[str, ...] = ("permissive", "public-domain")
    deny: tuple[str, ...] = ()
    weak_copyleft: bool = False

    def __post_init__(self) -> None:
        for entry in (*self.allow, *self.deny):
            if entry not in GROUPS and (spdx(entry) is None or getattr(parsed(entry), "operator", None)):
                raise RecipeError(
                    f"licence: {entry!r} is no SPDX identifier and no group; groups are: {', '.join(GROUPS)}"
                )

    def passes(self, expression: str) -> bool:
        """Whether a work under that expression may be taken; False for what is no SPDX expression."""
        tree = parsed(expression)
        return tree is not None and self._tree(tree)

    def _tree(self, tree: Any) -> bool:
        operator = getattr(tree, "operator", "").strip()
        if operator:
            return (any if operator == "OR" else all)(self._tree(each) for each in tree.args)
        return self._takes(tree.render("{symbol.key}"))

    def _takes(self, licence: str) -> bool:
        versions = _versions(licence)
        if len(versions) > 1:
            return licence not in _spelt(self.deny) and any(self._takes(each) for each in versions)
        names = {licence, licence.partition(" WITH ")[0], group_of(licence), *versions}
        allowed = self.allow + (("weak-copyleft",) if self.weak_copyleft else ())
        return not names & _spelt(self.deny) and bool(names & _spelt(allowed))


@lru_cache(1 << 10)
def group_of(licence: str) -> str:
    """The group of one SPDX identifier, `X WITH Y` included; "restricted" for what none of the others takes.

    An exception that lets others link makes copyleft weak.
    """
    base, _, exception = licence.partition(" WITH ")
    group = _CATEGORIES.get(_categories().get(base, ""), "restricted")
    if group == "copyleft" and _categories().get(exception) in ("Copyleft Limited", "Permissive"):
        return "weak-copyleft"
    return group


def _versions(licence: str) -> tuple[str, ...]:
    """The versions that "or later" leaves to choose from, each with the exception if there is one; () for others."""
    base, _, exception = licence.partition(" WITH ")
    family, _, version = base.removesuffix("-or-later").rpartition("-")
    if not base.endswith("-or-later") or version not in _LATER.get(family, ()):
        return ()
    later = _LATER[family][_LATER[family].index(version) :]
    return tuple(f"{family}-{each}-only" + (f" WITH {exception}" if exception else "") for each in later)


@lru_cache(1 << 8)
def _spelt(entries: tuple[str, ...]) -> frozenset[str]:
    """The entries in SPDX's spelling, "or later" with the versions it stands for."""
    names = [entry if entry in GROUPS else spdx(entry) or entry for entry in entries]
    return frozenset(each for name in names for each in (name, *_versions(name)))


@cache
def _categories() -> dict[str, str]:
    from license_expression import get_license_index

    return {each["spdx_license_key"]: each["category"] for each in get_license_index() if each["spdx_license_key"]}
