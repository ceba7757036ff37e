"""Block lists of hosts: a file with one host a line, `#` before comments; a blocked host blocks those below it.

In: the file, whose hosts are kept as sorted 64-bit hashes (8 bytes a host, so lists of millions fit). Out: whether a
URL is on it. The plan checks every line; `sources.outcome` asks for every document.
"""

import hashlib
import re
from array import array
from bisect import bisect_left
from functools import lru_cache
from pathlib import Path

import numpy as np
import xxhash

from corpus.errors import InputError
from processors.urls import host_of
from sources.settings import ReadSettings

_PLAIN = re.compile(rb"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z]+")  # what the URL parser would give back as it is


def checked(path: Path) -> str:
    """SHA-256 of a block list. Raises InputError where it cannot be read, or for a line that is no host."""
    sha256 = _sha256(path)
    _hosts(str(path), sha256)
    return sha256


def blocked(url: str | None, settings: ReadSettings) -> str:
    """The host of a URL where the settings' list blocks it, and which entry does; else empty."""
    if not settings.block_hosts or not url:
        return ""
    hosts = _hosts(settings.block_hosts, settings.block_hosts_sha256)
    rest = host = host_of(url)
    while rest:
        wanted = _hash(rest)
        at = bisect_left(hosts, wanted)
        if at < len(hosts) and hosts[at] == wanted:
            return host if rest == host else f"{host}, below {rest}"
        rest = rest.partition(".")[2]
    return ""


@lru_cache(maxsize=4)
def _hosts(path: str, sha256: str) -> "array[int]":
    if sha256 and _sha256(Path(path)) != sha256:
        raise InputError(f"{path}: changed since the run was planned; run it again")
    hashes = array("Q")
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, 1):
            entry = line.removeprefix(b"\xef\xbb\xbf").partition(b"#")[0].strip().lower()
            if _PLAIN.fullmatch(entry):
                hashes.append(xxhash.xxh3_64_intdigest(entry))
            elif entry:
                hashes.append(_hash(_host(entry.decode("utf-8", "replace"), f"{path}:{number}")))
    np.frombuffer(hashes, np.uint64).sort()  # in place
    return hashes


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: this list of hosts cannot be read ({error.strerror})") from error


def _host(entry: str, where: str) -> str:
    host = host_of(f"http://{entry.removeprefix('*').strip('.')}/")
    if not host or "/" in entry or " " in entry or "@" in entry:
        raise InputError(f"{where}: `{entry[:80]}` is not a host; a block list has one host a line, like example.org")
    return host


def _hash(host: str) -> int:
    return xxhash.xxh3_64_intdigest(host.encode())
