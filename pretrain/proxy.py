"""One small training for a search: an opened corpus in, held-out bits and bytes of each domain out. Nothing is written.

The same loop as `pretrain.train`, without checkpoints: a search keeps the results, and does a run that was lost again.
"""

from pathlib import Path

from corpus.loader import Loader
from corpus.shard import Corpus
from pretrain.config import TrainConfig
from pretrain.evaluate import DomainScore
from pretrain.model import Decoder
from pretrain.optim import build_optimizers, lr_scale
from pretrain.train import Run, one_step, prepare, score


def proxy(corpus: Corpus, config: TrainConfig) -> dict[str, DomainScore]:
    """Train `config.steps` steps from `config.seed`; the scores at the end.

    On the CPU with `threads` set, the same corpus and settings end in the same bits. Raises InputError where the corpus
    has no whole window.
    """
    device = prepare(config)
    model = Decoder(config.model, corpus.train.vocab_size, config.sequence_length).to(device)
    optimizers = build_optimizers(model, config.optim, fused=device.type == "cuda")
    run = Run(config, corpus, Loader(corpus, config.sequence_length), Path(), device, model, optimizers)
    while run.step < config.steps:
        one_step(run, model, lr_scale(run.step, config.steps, config.optim))
    return score(run)
