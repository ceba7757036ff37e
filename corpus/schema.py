"""The columns of every kind of file in a corpus. One row is one document, except where a comment says otherwise."""

import pyarrow as pa

from corpus.text import SPANS

ID = pa.binary(16)

DOCUMENTS = pa.schema(
    [
        ("id", ID),  # xxh3-128 of source name and origin
        ("source", pa.string()),
        ("snapshot", pa.string()),
        ("file", pa.string()),  # relative to the source's root
        ("start", pa.int64()),  # the stretch of that file which gave the document,
        ("end", pa.int64()),
        ("unit", pa.string()),  # counted in bytes, expanded bytes, rows or entries of a git tree
        ("ordinal", pa.int32()),  # among the documents of one stretch
        ("member", pa.string()),
        ("url", pa.string()),
        ("canonical", pa.string()),  # the URL that a page names as its own
        ("user_id", pa.string()),
        ("title", pa.string()),
        ("author", pa.string()),
        ("date", pa.string()),
        ("language", pa.string()),  # as declared
        ("licence", pa.string()),
        ("robots", pa.string()),  # what robots meta elements and headers ask for: lower case, sorted, ", " between
        ("repository", pa.string()),  # of code: name, and commit where it is known
        ("code_language", pa.string()),  # of code: as GitHub's Linguist names it
        ("file_kind", pa.string()),  # of code: source, generated, minified, vendored, lock, data, ...
        ("secrets", pa.int32()),  # of code: keys and the like found in the text
        ("mojibake", pa.int32()),  # characters that betray a wrong decoding, U+FFFD counted
        ("media_type", pa.string()),
        ("charset", pa.string()),
        ("meta", pa.string()),  # JSON
        ("text_bytes", pa.int64()),
        ("digest", ID),  # xxh3-128 of the text
        ("text", pa.large_string()),
    ]
)

QUARANTINE = pa.schema(  # one row = one stretch of an input file that gave no document
    [
        ("source", pa.string()),
        ("snapshot", pa.string()),
        ("file", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("unit", pa.string()),
        ("name", pa.string()),
        ("outcome", pa.string()),  # skipped | quarantined
        ("reason", pa.string()),
        ("detail", pa.string()),
    ]
)

VERDICTS = pa.schema([("id", ID), ("rules", pa.list_(pa.string()))])

SIGNATURES = pa.schema(
    [
        ("id", ID),
        ("set", ID),  # names the set of shingles: equal for documents whose sets are equal
        ("url", ID),  # names the URL's normal form (`processors.urls`); null where there is none
        ("tokens", pa.int64()),
        ("shingles", pa.int64()),  # 0 where the text has fewer tokens than one shingle
        ("text_bytes", pa.int64()),
        ("signature", pa.binary()),  # uint32[permutations], little-endian; null where shingles = 0
    ]
)

PAIRS = pa.schema(  # one row = two different sets of shingles whose Jaccard reaches the threshold
    [
        ("component", pa.int64()),  # its number in this build
        ("set_a", ID),
        ("set_b", ID),
        ("both", pa.int64()),
        ("either", pa.int64()),
    ]
)

SELECTION = pa.schema(
    [
        ("id", ID),
        ("kept", pa.bool_()),
        ("split", pa.string()),  # train | heldout; null where not kept
        ("twin", ID),  # the kept document that stands for this one; null unless it fell as a duplicate
        ("by", pa.string()),  # text | same_shingles | near | url; null unless it fell
        ("both", pa.int64()),  # shingles that it has in common with its twin; null where it fell by its URL
        ("either", pa.int64()),
    ]
)

LINES = pa.schema(  # one row = one line, paragraph or span of sentences that a part holds, sorted by hash
    [
        ("hash", pa.uint64()),
        ("head", pa.uint64()),  # the first eight bytes of the id of the part's first document that holds it
    ]
)

LOST = pa.schema([("part", pa.string()), ("hashes", pa.large_list(pa.uint64()))])  # one row = one part: what it loses

CUTS = pa.schema(
    [
        ("id", ID),
        ("spans", SPANS),  # all of a kept document's: the filters' and the repeats'; null where it has none
        ("left", pa.bool_()),  # whether they leave anything; false where the document is not kept
    ]
)

OVERLAPS = pa.schema(  # one row = one place where a document holds an n-gram of a benchmark
    [
        ("row", pa.int64()),
        ("start", pa.int64()),  # in bytes of the text as the filters' spans leave it
        ("end", pa.int64()),
        ("gram", pa.int64()),  # its row in grams/
    ]
)

HOLDERS = pa.schema([("gram", pa.int64()), ("digest", pa.uint64())])  # which n-gram stands in which text, once each

PHRASES = pa.schema(  # one row = one n-gram of a benchmark that is common in the corpus
    [
        ("gram", pa.int64()),
        ("documents", pa.int64()),  # that hold it, copies counted
        ("text", pa.string()),
    ]
)

CONTAMINATION = pa.schema(  # one row = one item of a benchmark in one document
    [
        ("id", ID),
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("share", pa.float64()),  # of the item, as the preset measures it
        ("grams", pa.int64()),  # different ones found
        ("stretches", pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64())]))),  # bytes of the stored text
    ]
)

SAMPLE = pa.schema([("id", ID), ("source", pa.string()), ("domain", pa.string()), ("text", pa.large_string())])


def tokens_schema(vocab_size: int) -> pa.Schema:
    """tokens/: null where the document is not taken; `utf8_bytes` counts the rendered text."""
    ids = token_type(vocab_size)
    return pa.schema([("id", ID), ("tokens", pa.large_list(ids)), ("lang", pa.string()), ("utf8_bytes", pa.int64())])


def token_type(vocab_size: int) -> pa.DataType:
    """uint16 up to 65,536 ids, uint32 above."""
    return pa.uint16() if vocab_size <= 1 << 16 else pa.uint32()


NAMES = pa.dictionary(pa.int32(), pa.string())

PIECES = pa.schema(  # one row = one piece of a document that is kept
    [
        ("row", pa.int32()),
        ("start", pa.int32()),  # in tokens of the document
        ("length", pa.int32()),  # in tokens, the end-of-document mark counted
        ("piece", pa.int32()),  # its number within the document
        ("last", pa.bool_()),  # ends the document: an end-of-document mark follows
        ("split", NAMES),
        ("lang", NAMES),
        ("bucket", NAMES),  # "" where it is in none
        ("drawn", pa.uint64()),  # a hash of the document's id, by which it is shuffled
    ]
)

ORDER = pa.schema(  # one row = one piece at its place
    [
        ("part", NAMES),
        ("row", pa.int32()),
        ("start", pa.int32()),  # in tokens of the document
        ("length", pa.int32()),  # in tokens, the end-of-document mark counted
        ("piece", pa.int32()),  # its number within the document
        ("last", pa.bool_()),  # ends the document: an end-of-document mark follows
        ("epoch", pa.int32()),  # from 0
        ("domain", NAMES),  # the mixture's entry
        ("source", NAMES),
        ("lang", NAMES),
    ]
)

PLACES = pa.schema(  # one row = one piece of a part at its place; sorted by shard and place
    [
        ("shard", pa.int32()),
        ("place", pa.int32()),  # its row in that shard
        ("row", pa.int32()),  # of the part
        ("start", pa.int32()),
        ("length", pa.int32()),
        ("last", pa.bool_()),
    ]
)


def placed_schema(vocab_size: int) -> pa.Schema:
    """placed/: the pieces of a part as the shards take them; the end mark of a last piece is there."""
    ids = pa.list_(token_type(vocab_size))
    return pa.schema([("shard", pa.int32()), ("place", pa.int32()), ("tokens", ids), ("doc_id", ID)])


def shard_schema(vocab_size: int, metadata: dict[str, str]) -> pa.Schema:
    """shards/: one row = one piece; the token column's values are the training stream."""
    return pa.schema(
        [
            ("tokens", pa.list_(token_type(vocab_size))),
            ("doc_id", pa.binary()),  # 16 bytes; plain binary because `datasets` reads no fixed-size binary
            ("piece", pa.int32()),
            ("source", pa.string()),
            ("domain", pa.string()),
            ("lang", pa.string()),
            ("utf8_bytes", pa.int64()),
        ],
        metadata=metadata,
    )
