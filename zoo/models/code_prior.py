"""The autoregressive prior over the codes of a vector-quantized autoencoder, and its training."""

import functools
import math

import keras
import numpy as np
from keras import layers, ops

from zoo.arrays import as_array
from zoo.callbacks import PredictionProgress
from zoo.errors import InputError, check_count
from zoo.exporting.networks import Values
from zoo.models.prior import HasPrior, Prior
from zoo.nets.building import dtype_scope
from zoo.nets.pixel_cnn import gated_pixel_cnn
from zoo.objectives.likelihoods import Categorical
from zoo.progress import predict_batch, traced_quietly
from zoo.sampling import conditions
from zoo.sampling.codes import CodeSampler, exported_steps


@keras.saving.register_keras_serializable(package="zoo")
class CodePrior(Prior):
    """Gated PixelCNNs over grids of codes, each conditioned on the next coarser grid (Razavi et al. 2019, section 3.2).

        log p(codes) = log p(top) + log p(bottom | top)

    With a single grid this is the prior of van den Oord et al. 2017, section 3.3. The images of this model are rows of
    codes `(1, 1, total)`: all grids of an image, one after another.

    Args:
        grids: `(height, width)` of each grid, coarsest first; each divides the next.
        num_embeddings: int. Size of the codebook.
        filters, num_blocks: ints, at least 1. Width and depth of the networks.
        num_classes: int or None. Number of classes that condition every gate.
        class_names: list of texts or None. Names of the classes.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.

    Raises:
        InputError: If an argument is out of range.
    """

    noise_distribution = "uniform"

    def __init__(
        self,
        grids,
        num_embeddings,
        filters,
        num_blocks,
        num_classes,
        class_names,
        dtype,
    ):
        total = sum(math.prod(grid) for grid in grids)
        super().__init__((1, 1, total), ("loss", "bits_per_image", "network_gradient_norm"), "prior", dtype)
        self.grids = [tuple(grid) for grid in grids]
        self.filters, self.num_blocks = check_count(filters, "filters"), check_count(num_blocks, "num_blocks")
        self.num_embeddings = num_embeddings
        self.set_classes(num_classes, class_names)
        self.trained_conditions = self.label_conditions
        self.likelihood = Categorical(num_embeddings)
        with dtype_scope(dtype):
            self.conditioners = [
                _conditioner(coarse, fine, num_embeddings, self.filters, f"conditioner_{index}")
                for index, (coarse, fine) in enumerate(zip(self.grids, self.grids[1:], strict=False))
            ]
            self.networks = [
                gated_pixel_cnn(
                    (*grid, 1),
                    num_embeddings,
                    num_embeddings,
                    self.filters,
                    self.num_blocks,
                    num_classes=self.num_classes,
                    condition_shape=(*grid, self.filters) if index else None,
                    embedding_dim=self.filters,
                )
                for index, grid in enumerate(self.grids)
            ]
        self.built = True
        # The attribute holds methods, because Keras would save models as parts of this one.
        self._samples = [CodeSampler(network, self.likelihood).sample for network in self.networks]

    def options(self):
        """Returns the arguments that recreate this prior for the same codes."""
        return {
            "filters": self.filters,
            "num_blocks": self.num_blocks,
            "num_classes": self.num_classes,
            "class_names": self.class_names,
        }

    @property
    def noise_shape(self):
        raise InputError("A CodePrior draws codes; generate of the model that it is a part of draws images.")

    def get_config(self):
        config = super().get_config()
        # The constructor derives these from the grids.
        del config["name"], config["image_shape"]
        return {**config, "grids": self.grids, "num_embeddings": self.num_embeddings, **self.options()}

    def call(self, inputs):
        """Returns log p `(n,)` in nats for a dict of `images`, which are rows of codes, and any `labels`."""
        grids = self._split(inputs["images"])
        labels = {"labels": ops.cast(inputs["labels"], "int32")} if self.num_classes is not None else {}
        total = 0.0
        for index, (codes, network) in enumerate(zip(grids, self.networks, strict=True)):
            condition = {"condition": self.conditioners[index - 1](grids[index - 1])} if index else {}
            outputs = network({"codes": codes, **labels, **condition})
            total += self.likelihood.log_likelihood(codes, outputs)
        return total

    def train_step(self, data):
        """Takes a step down the negative log-likelihood."""
        batch = self.prepare(data)
        logs = self.update("network", self.negative_log_likelihood, batch, self.trainable_variables, self.optimizer)
        return self.report(logs, batch)

    def test_step(self, data):
        batch = self.prepare(data)
        _, logs = self.negative_log_likelihood(batch)
        return self.report(logs, batch)

    def negative_log_likelihood(self, batch):
        """Returns -log p(codes) in nats per image, averaged over the batch, and a dict of logs."""
        loss = -ops.mean(self(batch))
        return loss, {"loss": loss, "bits_per_image": loss / math.log(2.0)}

    def sample_codes(self, noise, labels=None, temperature=1.0):
        """Returns grids of int32 codes `(n, height, width)` drawn from uniform noise `(n, 1, 1, total)`."""
        conditions, drawn = {} if labels is None else {"labels": labels}, []
        for index, part in enumerate(self._split(noise)):
            if index:
                conditions["condition"] = predict_batch(self.conditioners[index - 1], drawn[-1])
            drawn.append(ops.convert_to_numpy(self._samples[index](part, temperature, **conditions)))
        return [codes[..., 0] for codes in drawn]

    def exported_networks(self):
        """Returns the networks `above` and `step` of each grid; `above` of a finer grid also takes the coarser one."""
        networks, several = {}, len(self.grids) > 1
        for index, network in enumerate(self.networks):
            inputs, condition_of = self.exported_labels, dict
            if index:
                shape = (*self.grids[index - 1], 1)
                inputs = {"coarser_codes": Values(shape, "int32", (0, self.num_embeddings - 1)), **inputs}
                condition_of = functools.partial(self._conditions, self.conditioners[index - 1])
            for name, step in exported_steps(network, self.likelihood, inputs, condition_of).items():
                networks[f"{name}_{index}" if several else name] = step
        return networks

    def _conditions(self, conditioner, coarser_codes, **labels):
        return {**labels, "condition": conditioner(coarser_codes, training=False)}

    def _split(self, rows):
        """Splits rows `(n, 1, 1, total)` into grids `(n, height, width, 1)`."""
        grids, start = [], 0
        for grid in self.grids:
            stop = start + math.prod(grid)
            grids.append(ops.reshape(rows[..., start:stop], (-1, *grid, 1)))
            start = stop
        return grids


def _conditioner(coarse, fine, num_embeddings, filters, name):
    """Returns a network from coarse codes `(n, h, w, 1)` to features `(n, height, width, filters)` of a finer grid."""
    inputs = keras.Input((*coarse, 1), dtype="int32", name="codes")
    x = layers.Embedding(num_embeddings, filters, name="vectors")(layers.Reshape(coarse, name="grid")(inputs))
    x = layers.Conv2D(filters, 3, padding="same", activation="relu", name="mix")(x)
    x = layers.UpSampling2D((fine[0] // coarse[0], fine[1] // coarse[1]), name="up")(x)
    outputs = layers.Conv2D(filters, 3, padding="same", activation="relu", name="map")(x)
    return keras.Model(inputs, outputs, name=name)


class HasCodePrior(HasPrior):
    """Base of autoencoders of codes, whose prior over the codes draws new images.

    A subclass has `code_shapes`, `num_embeddings` and `encode_grids(images)`.
    """

    prior_class = CodePrior
    noise_distribution = "uniform"

    def build_prior(self, filters=64, num_blocks=8, num_classes=None, class_names=None):
        """Creates an untrained prior, which replaces an existing one.

        Args:
            filters, num_blocks: ints, at least 1. Width and depth of its gated PixelCNN. Default to 64 and 8.
            num_classes: int or None. Number of classes that `generate(labels=...)` chooses from. Defaults to None.
            class_names: list of `num_classes` texts, or None. Defaults to None.
        """
        options = filters, num_blocks, num_classes, class_names
        self.replace_prior(CodePrior(self.code_shapes, self.num_embeddings, *options, dtype=self.dtype_policy))

    def rows(self, images):
        """Returns the codes of images as rows `(n, 1, 1, total)`."""
        return np.concatenate([codes.reshape(len(codes), 1, 1, -1) for codes in self.encode_grids(images)], -1)

    def bits_per_image(self, images, labels=None):
        """Returns -log2 p(codes) `(n,)` under the prior: the bits that an ideal compression of the codes needs.

        Raises:
            InputError: If there is no prior yet, or labels are missing or given to a prior without classes.
        """
        self.check_prior()
        images = as_array(images)
        labels = self.labels_for(len(images) if images.ndim else 1, labels)
        rows = self.rows(images)
        inputs = {"images": rows}
        if labels is not None:
            inputs["labels"] = labels
        progress = [PredictionProgress("likelihoods of codes")]
        with traced_quietly():
            log_likelihoods = self.prior.predict(inputs, batch_size=64, verbose=0, callbacks=progress)
        return -log_likelihoods.astype("float64") / np.log(2.0)

    @property
    def conditions(self):
        return (*self.label_conditions, conditions.temperature(of_uniform_noise=True))

    @property
    def noise_shape(self):
        self.check_prior()
        return self.prior.image_shape
