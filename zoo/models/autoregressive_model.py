"""`AutoregressiveModel`: maximum likelihood, and drawing codes one after the other."""

import functools

import keras
import numpy as np

from zoo.models.generative_model import GenerativeModel
from zoo.nets.pixel_cnn import draw_codes
from zoo.objectives import likelihoods
from zoo.progress import predicted


class AutoregressiveModel(GenerativeModel):
    """A model with an exact likelihood, which training maximizes.

    A subclass implements `negative_log_likelihood(batch)`, which returns the scalar loss in nats, averaged over the
    batch, and a dict of logs; its images are a function of uniform noise.
    """

    noise_distribution = "uniform"

    def train_step(self, data):
        batch = self._canonical(data)
        logs = self._update("network", self.negative_log_likelihood, batch, self.trainable_variables, self.optimizer)
        return self._monitor.update(logs, batch)

    def test_step(self, data):
        batch = self._canonical(data)
        _, logs = self.negative_log_likelihood(batch)
        return self._monitor.update(logs, batch)

    def negative_log_likelihood(self, batch):
        """What training minimizes, -log p(x) in nats, averaged over the batch, and a dict of logs."""
        raise NotImplementedError


class CodeSampler(keras.Model):
    """Draws grids of codes from a network of `zoo.nets.pixel_cnn` and its likelihood, in one compiled graph.

    Args:
        network: what `gated_pixel_cnn` returns.
        likelihood: one of `zoo.objectives.likelihoods`, whose parameters are the network's outputs.
    """

    def __init__(self, network, likelihood):
        # float32, lest Keras casts the noise to half precision.
        super().__init__(name="code_sampler", dtype="float32")
        self.network, self.likelihood = network, likelihood
        self.built = True

    def sample(self, noise, temperature=1.0, *, codes=None, keep=None, **conditions):
        """int32 codes `(n, height, width, channels)` from uniform noise of that shape.

        Args:
            noise: float32 from 0 to 1; the codes are a function of it.
            temperature: above 0; probabilities are raised to 1 / temperature.
            codes, keep: codes to keep where `keep`, bool `(height, width)`, is True.
            **conditions: `labels` and `condition` as the network takes them.
        """
        inputs = {
            "noise": noise,
            "temperature": np.float32(temperature),
            "codes": np.zeros(noise.shape, "int32") if codes is None else codes,
            "keep": np.zeros(noise.shape[1:3], bool) if keep is None else keep,
            "conditions": conditions,
        }
        return predicted(self, inputs)

    def call(self, inputs):
        draw = functools.partial(self._draw, temperature=inputs["temperature"])
        return draw_codes(self.network, draw, inputs["noise"], inputs["codes"], inputs["keep"], inputs["conditions"])

    def _draw(self, outputs, codes, channel, uniform, temperature):
        return likelihoods.draw(self.likelihood.log_probabilities(outputs, codes, channel), uniform, temperature)
