"""Which script a text is written in: letters are counted by script, and the most frequent names the text.

Names are ISO 15924's, as GlotLID and FineWeb-2 use them: Chinese is "Hani", Japanese "Jpan" (kana, or kana and
ideographs), Korean "Hang". A letter is what `str.isalpha` says; its script is Unicode's property of that name
(Scripts.txt); ranges were joined over gaps that hold no other script's letters, and so took in letters of no script.
"""

from functools import cache

import numpy as np
import pyarrow as pa
from numba import njit

from processors.filters.characters import ALPHA, TABLE_SIZE, character_table
from processors.filters.hashing import decode
from processors.filters.measure import buffers

_RANGES = """
Latn 41-2e4 1d00-1d25 1d2c-1d5c 1d62-1d65 1d6b-1d77 1d79-1dbe 1e00-1eff 2071-209f 212a-2184 2c60-2c7f a722-a7ff
Latn ab30-ab64 ab66-ab6d fb00-fb06 ff21-ff5a 10780-107bf 1df00-1dff2 1dff5-1dfff
Grek 370-3e1 3f0-3ff 1d26-1d2a 1d5d-1d61 1d66-1d6a 1dbf 1f00-1ffc 2126 ab65 1dff3-1dff4
Copt 3e2-3ef 2c80-2cf3
Cyrl 400-52f 1c80-1c8a 1d2b 1d78 a640-a69d 1e030-1e06d
Armn 531-58c fb13-fb17
Hebr 5d0-5f2 fb1d-fb4f
Arab 620-6ff 750-77f 870-8c9 fb50-fefc 10ec2-10eee 1ee00-1eebb
Syrc 710-74f 860-86a
Thaa 780-7b1
Nkoo 7ca-7fa
Deva 904-97f a8f2-a8fe 11b0a
Beng 980-9fc 11df1
Guru a05-a74
Gujr a85-af9
Orya b05-b71
Taml b83-bd0
Telu c05-c61
Knda c80-cf2
Mlym d04-d7f
Sinh d85-dc6
Thai e01-e46
Laoo e81-edf
Tibt f00-f8c
Mymr 1000-108e a9e0-a9fe aa60-aa7f
Geor 10a0-10ff 1c90-1cbf 2d00-2d2d
Hang 1100-11ff 3131-318e a960-a97c ac00-d7fb ffa0-ffdc
Ethi 1200-138f 2d80-2dde ab01-ab2e 1e7e0-1e7fe
Cher 13a0-13fd ab70-abbf
Cans 1401-167f 18b0-18f5 11ab0-11abf
Ogam 1681-169a
Runr 16a0-16f8
Tglg 1700-171f
Khmr 1780-17dc
Mong 1820-18aa
Limb 1900-191e
Tale 1950-1974
Talu 1980-19c9
Bugi 1a00-1a16
Lana 1a20-1aa7
Bali 1b05-1b4c
Sund 1b83-1bbf
Lepc 1c00-1c4f
Olck 1c5a-1c7d
Tfng 2d30-2d6f
Hani 3005-303b 3400-9fff f900-fad9 16fe3-16ff3 20000-2ee5d 2f800-2fa1d 30000-33479
Jpan 3041-309f 30a1-30ff 31f0-31ff ff66-ff9d 1aff0-1b168
Bopo 3105-312f 31a0-31bf
Yiii a000-a48c
Lisu a4d0-a4fd 11fb0
Vaii a500-a62b
Saur a882-a8b3
Kali a90a-a925
Java a984-a9b2
Cham aa00-aa4b
Mtei aae0-aaf4 abc0-abe2
Goth 10330-10349
Rohg 10d00-10d23
Cakm 11103-11147
Adlm 1e900-1e94b
"""
_NAMES = ("", *dict.fromkeys(line[:4] for line in _RANGES.strip().splitlines()))  # the first: no script of the table
_HANI, _JPAN = _NAMES.index("Hani"), _NAMES.index("Jpan")
_KANA = 10  # ideographs are Japanese where a tenth as many kana stand with them; in Japanese prose there are more kana


def dominant_scripts(texts: pa.Array) -> pa.Array:
    """The script of most of each text's letters: string[n], null for a null text and where no letter stands.

    `texts` are large_string. Of scripts with equally many letters the first in the table above is named.
    """
    counts = _count(*buffers(texts), _table(), len(_NAMES))
    counts[:, 0] = 0
    japanese = (counts[:, _JPAN] > 0) & (counts[:, _JPAN] * _KANA >= counts[:, _HANI])
    counts[japanese, _JPAN] += counts[japanese, _HANI]
    found = counts.argmax(axis=1)
    none = (counts.max(axis=1, initial=0) == 0) | texts.is_null().to_numpy(zero_copy_only=False)
    return pa.array(_NAMES, pa.string()).take(pa.array(found, mask=none))


@cache
def _table() -> np.ndarray:
    """The number of each letter's script in `_NAMES`, 0 for what is no letter: uint8[TABLE_SIZE]."""
    table = np.zeros(TABLE_SIZE, np.uint8)
    for line in _RANGES.strip().splitlines():
        name, *ranges = line.split()
        for stretch in ranges:
            first, _, last = stretch.partition("-")
            table[int(first, 16) : int(last or first, 16) + 1] = _NAMES.index(name)
    table[(character_table() & ALPHA) == 0] = 0
    return table


@njit(nogil=True, cache=True)
def _count(data, offsets, table, scripts):
    """The letters of each script in each text: int64[n, scripts]."""
    counts = np.zeros((offsets.size - 1, scripts), np.int64)
    for d in range(offsets.size - 1):
        row, i, end, latin = counts[d], offsets[d], offsets[d + 1], 0
        while i < end:
            if data[i] < 0x80:
                latin += table[data[i]]  # of ASCII only Latin letters stand in the table, as 1
                i += 1
                continue
            point, width = decode(data, i, end)
            if point < TABLE_SIZE:
                row[table[point]] += 1
            i += width
        row[1] += latin
    return counts
