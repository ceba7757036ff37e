"""Versions: what a published corpus consists of, in one object that says itself whether it is whole.

``versions/NNNN.json`` ends in a seal, the SHA-256 of what stands before it; ``versions/current`` names a version and
the head of its seal. A flipped byte in either is found whenever it is read.
"""

import hashlib
import json
from typing import Any

from corpus.errors import DataError, InputError
from corpus.stage import canonical
from corpus.store import Store

CURRENT = "versions/current"
_HEAD = 16  # of a seal, in versions/current
_END = len(',"seal":""}') + 64


def sealed(what: dict[str, Any]) -> bytes:
    """A version as it is stored: canonical JSON, its last field the seal."""
    body = canonical(what)
    return body[:-1] + f',"seal":"{hashlib.sha256(body).hexdigest()}"}}'.encode()


def path_of(number: int) -> str:
    """Where a version lies."""
    return f"versions/{number:04d}.json"


def point(store: Store, number: int) -> None:
    """Make a version the current one."""
    seal = bytes(store.get(path_of(number)))[-66:-2]
    store.put(CURRENT, b"%04d %s\n" % (number, seal[:_HEAD]))


def current(store: Store) -> int:
    """The current version's number. Raises InputError where none is published, DataError where that is damaged."""
    try:
        said = bytes(store.get(CURRENT))
    except FileNotFoundError as error:
        raise InputError(
            f"{store.url}: no corpus is published here; run `gristmill build` on its recipe first"
        ) from error
    try:
        number = int(said.split()[0])
        intact = said == b"%04d %s\n" % (number, bytes(store.get(path_of(number)))[-66:-2][:_HEAD])
    except (ValueError, IndexError, FileNotFoundError):
        intact = False
    if not intact:
        raise DataError(f"{store.url}/{CURRENT} is damaged; run `gristmill build` on the recipe to write it again")
    return number


def read_version(store: Store, number: int | None = None) -> dict[str, Any]:
    """What a published version consists of, the current one by default.

    Raises InputError where there is none, DataError where its seal does not fit.
    """
    wanted = current(store) if number is None else number
    try:
        raw = bytes(store.get(path_of(wanted)))
    except FileNotFoundError as error:
        raise InputError(f"{store.url}: no version {wanted} of a corpus is published here") from error
    body, end = raw[:-_END] + b"}", raw[-_END:]
    if end != f',"seal":"{hashlib.sha256(body).hexdigest()}"}}'.encode():
        raise DataError(f"{store.url}/{path_of(wanted)} is damaged: its seal does not fit; restore it or build again")
    what: dict[str, Any] = json.loads(body)
    return what
