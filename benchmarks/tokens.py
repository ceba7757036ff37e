"""What the path from text to a training step can do, beside its peers: `python benchmarks/tokens.py [SECTION …]`.

Without a section all of them run, one after the other. Peers run in environments of their own, made once below
builds/peers; texts are those of ../shared/corpus beside the project where a section reads real ones. Times are
CPU-seconds after imports and compilation unless a row says otherwise; ratios of two sides of one run count.
"""

from sections import run_sections

SECTIONS = {
    "mixture": "the achieved mixture, in total and at every prefix",
    "encode": "BPE and unigram beside SentencePiece, kitoken and tokenizers; ids identical",
    "training": "tokenizer training: memory and time as planned",
    "shards": "tokens to verified shards, on two cores; another mixture of the same tokens",
    "memory": "a worker's peak: encode of a whole part, place of a part, a shard of the default size",
    "loader": "rows of T = 2048, with and without document boundaries, beside four loaders; tensors; start-up",
    "exports": "six formats, read back by their own readers",
    "tamper": "flipped bytes, swapped and truncated shards",
}

if __name__ == "__main__":
    run_sections(__doc__, "tokens", SECTIONS)
