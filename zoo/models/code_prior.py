"""The autoregressive prior over the codes of a vector-quantized autoencoder."""

import math

import keras
from keras import layers, ops

from zoo.errors import InputError, check_count
from zoo.models.autoregressive_model import AutoregressiveModel, CodeSampler
from zoo.nets.pixel_cnn import gated_pixel_cnn
from zoo.objectives.likelihoods import Categorical
from zoo.progress import predicted
from zoo.training.checks import built_under


@keras.saving.register_keras_serializable(package="zoo")
class CodePrior(AutoregressiveModel):
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

    # The autoencoder that contains this prior draws the images.
    draws_alone = False

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
        self._set_classes(num_classes, class_names)
        self.likelihood = Categorical(num_embeddings)
        with built_under(dtype):
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

    def _check_conditions(self, given):
        raise InputError("A CodePrior draws codes, of which generate of the model that it is a part of makes images.")

    def save_to_preset(self, directory, weights_dtype="float32"):
        """Refuses to save, because a preset holds the whole autoencoder."""
        raise InputError(
            "A CodePrior is a part of a model, of which save_to_preset keeps the whole; save keeps it alone."
        )

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

    def negative_log_likelihood(self, batch):
        """Returns -log p(codes) in nats per image, averaged over the batch, and a dict of logs."""
        loss = -ops.mean(self(batch))
        return loss, {"loss": loss, "bits_per_image": loss / math.log(2.0)}

    def sample(self, noise, labels=None, temperature=1.0):
        """Returns grids of int32 codes `(n, height, width)` drawn from uniform noise `(n, 1, 1, total)`."""
        conditions, drawn = {} if labels is None else {"labels": labels}, []
        for index, part in enumerate(self._split(noise)):
            if index:
                conditions["condition"] = predicted(self.conditioners[index - 1], drawn[-1])
            drawn.append(ops.convert_to_numpy(self._samples[index](part, temperature, **conditions)))
        return [codes[..., 0] for codes in drawn]

    def _split(self, rows):
        """Splits rows `(n, 1, 1, total)` into grids `(n, height, width, 1)`."""
        grids, start = [], 0
        for grid in self.grids:
            stop = start + math.prod(grid)
            grids.append(ops.reshape(rows[..., start:stop], (-1, *grid, 1)))
            start = stop
        return grids

    def _canonical(self, batch):
        # Codes are not grey values and need no scaling.
        return dict(self._unpack(batch))

    def _check_batch(self, batch, what, parts=1):
        """Checks nothing, because the autoencoder already checked the images that the codes come from."""


def _conditioner(coarse, fine, num_embeddings, filters, name):
    """Returns a network from coarse codes `(n, h, w, 1)` to features `(n, height, width, filters)` of a finer grid."""
    inputs = keras.Input((*coarse, 1), dtype="int32", name="codes")
    x = layers.Embedding(num_embeddings, filters, name="vectors")(layers.Reshape(coarse, name="grid")(inputs))
    x = layers.Conv2D(filters, 3, padding="same", activation="relu", name="mix")(x)
    x = layers.UpSampling2D((fine[0] // coarse[0], fine[1] // coarse[1]), name="up")(x)
    outputs = layers.Conv2D(filters, 3, padding="same", activation="relu", name="map")(x)
    return keras.Model(inputs, outputs, name=name)
