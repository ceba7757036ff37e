"""Settings in, a model at its beginning out."""

from torch import nn

from pretrain.config import ModelConfig
from pretrain.model.decoder import LanguageModel
from pretrain.model.encoder_decoder import EncoderDecoder


def build_model(config: ModelConfig, vocab_size: int, sequence_length: int) -> nn.Module:
    """The model that `kind` names, initialised from torch's random generator."""
    if config.kind == "encoder-decoder":
        return EncoderDecoder(config, vocab_size, sequence_length)
    return LanguageModel(config, vocab_size, sequence_length)
