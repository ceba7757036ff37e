"""Opening a corpus of many shards: `loader_start.py CORPUS` prints seconds, in all and of the sampled check."""

import json
import sys
import time

from corpus.errors import GristmillError
from corpus.loader import Loader
from corpus.shard import Shard, check_shards, open_corpus
from corpus.store import Store
from corpus.version import read_version


def main() -> None:
    """Measure."""
    root = sys.argv[1]
    start, cpu = time.monotonic(), time.process_time()
    said = ""
    try:
        Loader(open_corpus(root), 2048).batch(0, 1)
    except GristmillError as error:
        said = str(error)
    whole, whole_cpu = time.monotonic() - start, time.process_time() - cpu
    shards = [Shard(**raw) for raw in read_version(Store(root))["shards"]]
    start, cpu = time.monotonic(), time.process_time()
    try:
        check_shards(Store(root), shards)
    except GristmillError as error:
        said = str(error)
    check, check_cpu = time.monotonic() - start, time.process_time() - cpu
    found = {"seconds": whole, "cpu": whole_cpu, "check": check, "check_cpu": check_cpu, "said": said}
    print("RESULT " + json.dumps({**found, "shards": len(shards)}))


if __name__ == "__main__":
    main()
