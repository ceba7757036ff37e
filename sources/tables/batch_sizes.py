"""How large the compressed batches of an Arrow IPC stream are, read from their heads before any is expanded.

A batch is expanded whole, and a few kilobytes can state gigabytes. A message's head is a FlatBuffer (Arrow's
`Message.fbs`); of each only the places of the batch's buffers are read, and of a compressed buffer its first eight
bytes, which state what it expands to.
"""

import struct
from typing import Any

import pyarrow as pa

_HEADER_KIND, _HEADER = 1, 2  # fields of the table Message
_DATA = 1  # of DictionaryBatch: a RecordBatch
_BUFFERS, _COMPRESSION = 2, 3  # of RecordBatch
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3  # kinds of header


def largest_batch(stream: pa.Buffer) -> int:
    """Bytes that the largest compressed batch expands to, with all compressed dictionaries, which stay in memory.

    Looks no further than the first message that is none: there the stream cannot be read on either.
    """
    dictionaries = largest = 0
    try:
        reader = pa.ipc.MessageReader.open_stream(stream)
        while True:
            message = reader.read_next_message()
            kind, size = _expanded(memoryview(message.metadata), message.body)
            dictionaries += size if kind == _DICTIONARY_BATCH else 0
            largest = max(largest, size if kind == _RECORD_BATCH else 0)
    except (StopIteration, pa.ArrowException, OSError, ValueError, struct.error):
        return dictionaries + largest


def _expanded(head: memoryview, body: Any) -> tuple[int, int]:
    """The kind of a message, and what its compressed buffers expand to."""
    message = _follow(head, 0)
    at = _field(head, message, _HEADER_KIND)
    kind = head[at] if at else 0
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH):
        return kind, 0
    batch = _follow(head, _field(head, message, _HEADER))
    if kind == _DICTIONARY_BATCH:
        batch = _follow(head, _field(head, batch, _DATA))
    buffers = _field(head, batch, _BUFFERS)
    if not buffers or not _field(head, batch, _COMPRESSION):
        return kind, 0
    listed = _follow(head, buffers)
    (count,) = struct.unpack_from("<I", head, listed)
    data, size = memoryview(body), 0
    for offset, length in struct.iter_unpack("<qq", head[listed + 4 : listed + 4 + 16 * count]):
        if length >= 8:
            (stated,) = struct.unpack_from("<q", data, offset)
            size += stated if stated > 0 else length  # -1: it is not compressed after all
    return kind, size


def _follow(head: memoryview, at: int) -> int:
    return at + int(struct.unpack_from("<I", head, at)[0])


def _field(head: memoryview, table: int, number: int) -> int:
    """Where a table's field lies; 0 where it is left out."""
    vtable = table - struct.unpack_from("<i", head, table)[0]
    size = struct.unpack_from("<H", head, vtable)[0]
    slot = 4 + 2 * number
    place = struct.unpack_from("<H", head, vtable + slot)[0] if slot < size else 0
    return table + place if place else 0
