"""Drawing codes one after another from an autoregressive network."""

import functools

import keras
import numpy as np
from keras import ops

from zoo.exporting.networks import Network, Values
from zoo.nets.pixel_cnn import draw_codes, gated_blocks, links_from_above, outputs_of_row
from zoo.objectives import likelihoods
from zoo.progress import predict_batch


def exported_steps(network, likelihood, conditions, condition_of=dict):
    """Returns the two networks by which other programs draw codes one after another, as `CodeSampler` does.

    `above` maps the codes so far to what they contribute to each row. `step` maps a row of codes and its contribution
    to the log probabilities of all codes at each place, which depend on earlier places alone. A program runs `above`
    once a row and `step` once a code.

    Args:
        network, likelihood: as for `CodeSampler`.
        conditions: dict of the `Values` of further inputs of `above`, by name.
        condition_of: function of these inputs, by name, that returns a dict of the network's inputs other than the
            codes. Defaults to one that returns them as they are.
    """
    height, width, channels = network.input["codes"].shape[1:]
    blocks, code_range = gated_blocks(network), (0, likelihood.levels - 1)

    def above(codes, **given):
        return {"links": links_from_above(network, codes, condition_of(**given))}

    def step(row, links):
        outputs, codes = outputs_of_row(network, row, links), ops.reshape(row, (-1, channels))
        outputs = ops.reshape(outputs, (-1, outputs.shape[-1]))
        drawn = [likelihood.log_probabilities(outputs, codes, channel) for channel in range(channels)]
        shape = (-1, width, channels, likelihood.levels)
        return {"log_probabilities": ops.reshape(ops.stack(drawn, axis=1), shape)}

    links = Values((len(blocks), width, 2 * blocks[0].filters))
    return {
        "above": Network(above, {"codes": Values((height, width, channels), "int32", code_range), **conditions}),
        "step": Network(step, {"row": Values((width, channels), "int32", code_range), "links": links}),
    }


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
