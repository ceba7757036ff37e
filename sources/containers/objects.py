"""Git's objects out of pack files and loose files, by name, read only and within limits.

In: a memory-mapped pack, or a folder `objects/`. Out: kind and content of the object that a name stands for. Formats:
gitformat-pack (packs 2 and 3, index 2) and gitrepository-layout in git's documentation, with SHA-1 names. A size is
checked before a byte is expanded, and what is given hashes to its name. No hook, no configuration, no other
repository (alternates) and no network is ever used.
"""

import hashlib
import mmap
import struct
import zlib
from bisect import bisect_left
from collections import OrderedDict
from pathlib import Path

from sources import hand

Object = tuple[bytes, bytes]  # kind and content
_KINDS = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
_OFFSET_DELTA, _NAME_DELTA = 6, 7
_STEP = 2**16
_MAX_CHAIN = 4096  # deltas upon deltas; git writes at most 4,095 (pack.depth)
_MAX_OBJECTS = 500_000  # of a pack without an index: each costs about 300 bytes of memory
_CACHE = 2**25  # bytes of bases that are kept
_MAPPED = 2**26  # bytes of a pack that may lie mapped in memory
_AROUND = 2**16  # that the system maps where one byte is asked for


class ObjectError(Exception):
    """Why an object or a pack cannot be had: `missing_object`, `too_large`, `corrupt` or `expands_too_far`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


class Pack:
    """A pack from byte `start` of `data` on, with its index, or without one: then `scan` comes first.

    An object of more than `limit` bytes is refused. All methods raise ObjectError.
    """

    def __init__(self, data: mmap.mmap, limit: int, *, start: int = 0, index: mmap.mmap | None = None) -> None:
        self._data, self._limit, self._start, self._index = data, limit, start, index
        self._offsets: dict[bytes, int] = {}
        self._cache: OrderedDict[int, Object] = OrderedDict()
        self._cached = self._touched = 0
        if data[start : start + 4] != b"PACK" or len(data) < start + 32:
            raise ObjectError("corrupt", "no pack begins where one should")
        version, self._count = struct.unpack_from(">II", data, start + 4)
        if version not in (2, 3):
            raise ObjectError("corrupt", f"a pack of version {version}; 2 and 3 can be read")
        if index is not None and index[:8] != b"\xfftOc\x00\x00\x00\x02":
            raise ObjectError("corrupt", "a pack index that is not of version 2; `git repack -ad` writes such a one")

    def find(self, name: bytes) -> int | None:
        """Where the object of that name begins, or None where the pack has it not."""
        if self._index is None:
            return self._offsets.get(name)
        table = self._index
        low = struct.unpack_from(">I", table, 4 + 4 * name[0])[0] if name[0] else 0
        high, count = struct.unpack_from(">I", table, 8 + 4 * name[0])[0], struct.unpack_from(">I", table, 1028)[0]
        if not low <= high <= count or len(table) < 1072 + 28 * count:
            raise ObjectError("corrupt", "a pack index that is cut short or out of order")
        place = bisect_left(_Names(table), name, low, high)
        if place >= count or table[1032 + 20 * place : 1052 + 20 * place] != name:
            return None
        (offset,) = struct.unpack_from(">I", table, 1032 + 24 * count + 4 * place)
        if offset >> 31:
            (offset,) = struct.unpack_from(">Q", table, 1032 + 28 * count + 8 * (offset & 0x7FFFFFFF))
        return int(offset)

    def read(self, offset: int) -> Object:
        """The object that begins there, its deltas applied."""
        chain: list[tuple[int, bytes]] = []  # deltas, the last one first
        held, at = 0, offset
        while (known := self._cache.get(at)) is None:
            kind, size, base, body = self._head(at)
            if size > self._limit:
                raise _large(size, self._limit)
            content = self._expanded(body, size)[0]
            if base is None:
                known = self._keep(at, (_KINDS[kind], content))
                break
            chain.append((at, content))
            held += size
            if len(chain) > _MAX_CHAIN or held > 4 * self._limit:
                raise ObjectError("too_large", f"{len(chain)} deltas of {held} bytes stand for one object")
            found = self.find(base) if isinstance(base, bytes) else base
            if found is None:
                raise ObjectError("missing_object", f"the base {base!r} of a delta is not in the pack")
            at = found
        for place, delta in reversed(chain):
            known = self._keep(place, (known[0], _patched(known[1], delta, self._limit)))
        return known

    def scan(self, total: int) -> None:
        """Find every object's name, as an index would tell it; all of them expand to at most `total` bytes."""
        if self._count > _MAX_OBJECTS:
            detail = f"{self._count} objects, at most {_MAX_OBJECTS}; a bundle made in a shallow clone has fewer"
            raise ObjectError("too_many_members", detail)
        children: dict[int | bytes, list[int]] = {}
        at = self._start + 12
        for _ in range(self._count):
            hand.beat()
            kind, size, base, body = self._head(at)
            total -= size
            if total < 0:
                raise ObjectError("expands_too_far", "its objects are larger than max_expanded_bytes in all")
            if base is None:
                digest = hashlib.sha1(b"%s %d\0" % (_KINDS[kind], size), usedforsecurity=False)
                _, end = self._expanded(body, size, digest)
                self._offsets[digest.digest()] = at
            else:
                _, end = self._expanded(body, size, hashlib.sha1(usedforsecurity=False))
                children.setdefault(base, []).append(at)
            at = end
        self._name(children, total)

    def _name(self, children: dict[int | bytes, list[int]], total: int) -> None:
        """The names of all deltas, each after its base. One that is too large stays without a name."""
        stack = [(at, name) for name, at in self._offsets.items() if at in children or name in children]
        while stack:
            at, name = stack.pop()
            for child in children.get(at, []) + children.get(name, []):
                hand.beat()
                try:
                    kind, content = self.read(child)
                except ObjectError as error:
                    if error.reason == "too_large":
                        continue
                    raise
                total -= len(content)
                if total < 0:
                    raise ObjectError("expands_too_far", "its objects are larger than max_expanded_bytes in all")
                own = name_of(kind, content)
                self._offsets[own] = child
                if child in children or own in children:
                    stack.append((child, own))

    def _head(self, at: int) -> tuple[int, int, int | bytes | None, int]:
        """Kind, expanded size, base (where it begins, or its name), and where the compressed bytes begin."""
        byte, place = self._byte(at), at + 1
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & 0x80:
            byte, place = self._byte(place), place + 1
            size |= (byte & 0x7F) << shift
            shift += 7
        if kind == _NAME_DELTA:
            return kind, size, bytes(self._data[place : place + 20]), place + 20
        if kind == _OFFSET_DELTA:
            byte, place = self._byte(place), place + 1
            back = byte & 0x7F
            while byte & 0x80:
                byte, place = self._byte(place), place + 1
                back = (back + 1 << 7) | (byte & 0x7F)
            if not 0 < back <= at - self._start - 12:
                raise ObjectError("corrupt", f"the base of the delta at byte {at} lies outside the pack")
            return kind, size, at - back, place
        if kind not in _KINDS:
            raise ObjectError("corrupt", f"an object of kind {kind} at byte {at}")
        return kind, size, None, place

    def _byte(self, at: int) -> int:
        if at >= len(self._data):
            raise ObjectError("truncated", "the pack ends within an object")
        return self._data[at]

    def _expanded(self, body: int, size: int, digest: "hashlib._Hash | None" = None) -> tuple[bytes, int]:
        """The object's bytes (none where they go into `digest`), and where its compressed bytes end."""
        self._unmap(size)
        inner, at, there = zlib.decompressobj(), body, 0
        step = min(_STEP, size + size // 512 + 64)
        pieces = []
        try:
            while not inner.eof:
                feed = inner.unconsumed_tail
                if not feed:
                    feed = self._data[at : at + step]
                    at += len(feed)
                    if not feed:
                        raise ObjectError("truncated", "the pack ends within an object")
                piece = inner.decompress(feed, _STEP)
                there += len(piece)
                if there > size:
                    break
                if digest is None:
                    pieces.append(piece)
                else:
                    digest.update(piece)
        except zlib.error as error:
            raise ObjectError("corrupt", f"{error}") from error
        if there != size:
            raise ObjectError("corrupt", f"an object of {size} bytes stated expands to another number of bytes")
        return b"".join(pieces), at - len(inner.unused_data)

    def _unmap(self, more: int) -> None:
        """Now and then give back what is mapped: a pack may be larger than memory."""
        self._touched += more + _AROUND
        if self._touched > _MAPPED and hasattr(mmap, "MADV_DONTNEED"):
            self._data.madvise(mmap.MADV_DONTNEED)
            self._touched = 0

    def _keep(self, at: int, known: Object) -> Object:
        if at not in self._cache and len(known[1]) <= _CACHE // 4:
            self._cache[at] = known
            self._cached += len(known[1]) + 200
            while self._cached > _CACHE:
                self._cached -= len(self._cache.popitem(last=False)[1][1]) + 200
        return known


class _Names:
    """The sorted names of a pack index, for bisection."""

    def __init__(self, table: mmap.mmap) -> None:
        self._table = table

    def __getitem__(self, place: int) -> bytes:
        return self._table[1032 + 20 * place : 1052 + 20 * place]

    def __len__(self) -> int:
        return (len(self._table) - 1032) // 20


def name_of(kind: bytes, content: bytes) -> bytes:
    """The 20 bytes that name an object."""
    return hashlib.sha1(b"%s %d\0%s" % (kind, len(content), content), usedforsecurity=False).digest()


def read_loose(folder: Path, name: bytes, limit: int) -> Object | None:
    """The object that lies in a file of its own below `objects/`, or None. Raises ObjectError."""
    text = name.hex()
    path = folder / text[:2] / text[2:]
    if not path.is_file() or path.is_symlink():
        return None
    inner = zlib.decompressobj()
    try:
        with path.open("rb") as file:
            data = inner.decompress(file.read(limit + limit // 512 + 2**10), limit + 64)
    except (zlib.error, OSError) as error:
        raise ObjectError("corrupt", f"{text}: {error}") from error
    head, _, content = data.partition(b"\0")
    kind, _, stated = head.partition(b" ")
    size = int(stated) if stated.isdigit() and len(stated) < 19 else -1
    if size > limit:
        raise _large(size, limit)
    if kind not in _KINDS.values() or size != len(content) or not inner.eof:
        raise ObjectError("corrupt", f"{text} is no whole object")
    return kind, content


def _large(size: int, limit: int) -> ObjectError:
    return ObjectError("too_large", f"an object of {size} bytes, at most {limit} are read (max_file_bytes)")


def _patched(base: bytes, delta: bytes, limit: int) -> bytes:
    """A base with a delta applied: copies out of the base, and bytes of the delta's own."""
    source, at = _size(delta, 0)
    size, at = _size(delta, at)
    if size > limit:
        raise _large(size, limit)
    pieces, there, end = [], 0, len(delta)
    while at < end and there <= size:
        op = delta[at]
        at += 1
        if op & 0x80:
            place = length = 0
            for bit in range(7):
                if op >> bit & 1 and at < end:
                    if bit < 4:
                        place |= delta[at] << 8 * bit
                    else:
                        length |= delta[at] << 8 * (bit - 4)
                    at += 1
            piece = base[place : place + (length or 2**16)]
        else:
            piece = delta[at : at + op]
            at += op
        there += len(piece)
        pieces.append(piece)
    if source != len(base) or there != size:
        raise ObjectError("corrupt", "a delta that does not fit its base")
    return b"".join(pieces)


def _size(delta: bytes, at: int) -> tuple[int, int]:
    size = shift = 0
    while at < len(delta):
        byte = delta[at]
        at += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return size, at
    raise ObjectError("corrupt", "a delta that ends within its head")
