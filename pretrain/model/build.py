"""Settings in, a model at its beginning out."""

from torch import nn

from pretrain.config import ModelConfig
from pretrain.model.decoder import Each, LanguageModel, as_it_is
from pretrain.model.encoder_decoder import EncoderDecoder


def build_model(config: ModelConfig, vocab_size: int, sequence_length: int, each: Each = as_it_is) -> nn.Module:
    """The model that `kind` names, drawn from torch's random generator, `each` layer handed over as it is made."""
    kind = EncoderDecoder if config.kind == "encoder-decoder" else LanguageModel
    return kind(config, vocab_size, sequence_length, each)
