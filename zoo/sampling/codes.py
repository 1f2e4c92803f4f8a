"""Drawing codes one after another from an autoregressive network."""

import functools

import keras
import numpy as np

from zoo.nets.pixel_cnn import draw_codes
from zoo.objectives import likelihoods
from zoo.progress import predict_batch


class CodeSampler(keras.Model):
    """Draws grids of codes from a network of `zoo.nets.pixel_cnn` and a likelihood, in one compiled graph.

    Args:
        network: what `gated_pixel_cnn` returns.
        likelihood: instance of `zoo.objectives.likelihoods`, whose parameters are the network's outputs.
    """

    def __init__(self, network, likelihood):
        # With dtype float32, Keras does not cast the noise to half precision.
        super().__init__(name="code_sampler", dtype="float32")
        self.network, self.likelihood = network, likelihood
        self.built = True

    def sample(self, noise, temperature=1.0, *, codes=None, keep=None, **conditions):
        """Returns int32 codes `(n, height, width, channels)` drawn from uniform noise of the same shape.

        Args:
            noise: float32 from 0 to 1, which determines the codes.
            temperature: float above 0. Probabilities are raised to 1 / temperature.
            codes, keep: codes to keep where the bool array `keep` `(height, width)` is True.
            **conditions: `labels` and `condition` as the network takes them.
        """
        inputs = {
            "noise": noise,
            "temperature": np.float32(temperature),
            "codes": np.zeros(noise.shape, "int32") if codes is None else codes,
            "keep": np.zeros(noise.shape[1:3], bool) if keep is None else keep,
            "conditions": conditions,
        }
        return predict_batch(self, inputs)

    def call(self, inputs):
        draw = functools.partial(self._draw, temperature=inputs["temperature"])
        return draw_codes(self.network, draw, inputs["noise"], inputs["codes"], inputs["keep"], inputs["conditions"])

    def _draw(self, outputs, codes, channel, uniform, temperature):
        return likelihoods.draw(self.likelihood.log_probabilities(outputs, codes, channel), uniform, temperature)
