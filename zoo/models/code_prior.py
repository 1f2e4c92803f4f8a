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
    """Gated PixelCNNs over grids of codes, each conditioned on the grid before it (Razavi et al. 2019, section 3.2).

        log p(codes) = log p(top) + log p(bottom | top)

    With one grid it is the prior of van den Oord et al. 2017, section 3.3. What an image is to other models is a row of
    codes `(1, 1, total)` to this one: the grids of an image one after the other.

    Args:
        grids: `(height, width)` of each grid, coarsest first; each divides the next.
        num_embeddings: how many codes there are.
        filters, num_blocks: of the networks.
        num_classes, class_names: how many classes condition every gate, and their names; or None.
        dtype: as for every Keras model.
    """

    # The model that it is a part of draws.
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
        # The methods, not the models, which Keras would save as parts of this one.
        self._samples = [CodeSampler(network, self.likelihood).sample for network in self.networks]

    def options(self):
        """What makes the same prior for the same codes."""
        return {
            "filters": self.filters,
            "num_blocks": self.num_blocks,
            "num_classes": self.num_classes,
            "class_names": self.class_names,
        }

    def _check_conditions(self, given):
        raise InputError("A CodePrior draws codes, of which generate of the model that it is a part of makes images.")

    def save_to_preset(self, directory, weights_dtype="float32"):
        """Refused: a preset holds the whole model."""
        raise InputError(
            "A CodePrior is a part of a model, of which save_to_preset keeps the whole; save keeps it alone."
        )

    def get_config(self):
        config = super().get_config()
        # These follow from the grids.
        del config["name"], config["image_shape"]
        return {**config, "grids": self.grids, "num_embeddings": self.num_embeddings, **self.options()}

    def call(self, inputs):
        """Nats `(n,)` of rows of codes: a dict of `images`, the rows, and, for a model with classes, `labels`."""
        grids = self._split(inputs["images"])
        labels = {"labels": ops.cast(inputs["labels"], "int32")} if self.num_classes is not None else {}
        total = 0.0
        for index, (codes, network) in enumerate(zip(grids, self.networks, strict=True)):
            condition = {"condition": self.conditioners[index - 1](grids[index - 1])} if index else {}
            outputs = network({"codes": codes, **labels, **condition})
            total += self.likelihood.log_likelihood(codes, outputs)
        return total

    def negative_log_likelihood(self, batch):
        """-log p(codes) in nats an image, averaged over the batch, and the same in bits."""
        loss = -ops.mean(self(batch))
        return loss, {"loss": loss, "bits_per_image": loss / math.log(2.0)}

    def sample(self, noise, labels=None, temperature=1.0):
        """Grids of int32 codes `(n, height, width)` from uniform noise `(n, 1, 1, total)`."""
        conditions, drawn = {} if labels is None else {"labels": labels}, []
        for index, part in enumerate(self._split(noise)):
            if index:
                conditions["condition"] = predicted(self.conditioners[index - 1], drawn[-1])
            drawn.append(ops.convert_to_numpy(self._samples[index](part, temperature, **conditions)))
        return [codes[..., 0] for codes in drawn]

    def _split(self, rows):
        """Rows `(n, 1, 1, total)` as grids `(n, height, width, 1)`."""
        grids, start = [], 0
        for grid in self.grids:
            stop = start + math.prod(grid)
            grids.append(ops.reshape(rows[..., start:stop], (-1, *grid, 1)))
            start = stop
        return grids

    def _canonical(self, batch):
        # Codes are no grey values, so they stay as they are.
        return dict(self._unpack(batch))

    def _check_batch(self, batch, what, parts=1):
        """Codes come from the model that this is a part of, which checked the images."""


def _conditioner(coarse, fine, num_embeddings, filters, name):
    """Codes of a coarse grid `(n, h, w, 1)` to a map for a finer one, `(n, height, width, filters)`."""
    inputs = keras.Input((*coarse, 1), dtype="int32", name="codes")
    x = layers.Embedding(num_embeddings, filters, name="vectors")(layers.Reshape(coarse, name="grid")(inputs))
    x = layers.Conv2D(filters, 3, padding="same", activation="relu", name="mix")(x)
    x = layers.UpSampling2D((fine[0] // coarse[0], fine[1] // coarse[1]), name="up")(x)
    outputs = layers.Conv2D(filters, 3, padding="same", activation="relu", name="map")(x)
    return keras.Model(inputs, outputs, name=name)
