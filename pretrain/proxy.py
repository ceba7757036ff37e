"""One small training for a search: an opened corpus in, held-out bits and bytes of each domain out. Nothing is written.

The same steps as `pretrain.train`, without checkpoints: a search keeps the results, and does a run that was lost again.
"""

from corpus.shard import Corpus
from pretrain.config import TrainConfig
from pretrain.evaluate import DomainScore, score
from pretrain.ranks import open_ranks
from pretrain.run import open_run
from pretrain.step import one_step


def proxy(corpus: Corpus, config: TrainConfig) -> dict[str, DomainScore]:
    """Train `config.steps` steps from `config.seed`; the scores at the end.

    On the CPU with `threads` set, the same corpus and settings end in the same bits. Raises InputError where the corpus
    has no whole window.
    """
    with open_ranks(config) as ranks:
        run = open_run(corpus, config, ranks)
        while run.step < config.steps:
            one_step(run)
        return score(run)
