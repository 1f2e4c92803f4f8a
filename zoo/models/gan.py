"""The original GAN, of which most others are subclasses with other networks, objectives and optimizers."""

import keras
import numpy as np
from keras import ops

from zoo import latents as latent_vectors
from zoo.callbacks import WarnOfModeCollapse
from zoo.errors import InputError, check_count, check_image_shape
from zoo.exporting.networks import Values, drawing
from zoo.models.adversarial_model import AdversarialModel
from zoo.nets import mlp
from zoo.nets.options import Counts, Share
from zoo.nets.shapes import check_makes, check_takes, input_shapes
from zoo.progress import predict_batch
from zoo.sampling.conditions import Latents
from zoo.sampling.inversion import inverted, nearest_latents
from zoo.training.checks import check_backend


@keras.saving.register_keras_serializable(package="zoo")
class GAN(AdversarialModel):
    """Generative adversarial network of dense layers (Goodfellow et al. 2014).

    By default the discriminator D and the generator G train with the non-saturating objective (eq. 1 and section 3)

        max_D  E[log D(x)] + E[log(1 - D(G(z)))],    max_G  E[log D(G(z))].

    With `num_classes` both networks also receive labels: the discriminator those of the real images, and the generator
    the same labels for as many images of its own.

    Args:
        image_shape: `(height, width, channels)` of the images, which lie in [-1, 1].
        latent_dim: int, at least 1. Size of the latent vector z ~ N(0, 1). Defaults to 100.
        generator: functional network that replaces the default one, from latents `(n, latent_dim)` to images in
            [-1, 1]; with `num_classes`, from a dict of `latents` and `labels`.
        discriminator: functional network that replaces the default one, from images to logits; with `num_classes`, from
            a dict of `images` and `labels`.
        objective: `"non_saturating"`, `"minimax"`, `"least_squares"`, `"wasserstein"`, `"hinge"`, `"relativistic"`, or
            an instance of `zoo.objectives.adversarial`. Defaults to `"non_saturating"`.
        penalties: penalties on the discriminator, `"r1"`, `"r2"`, `"gradient_penalty"`, `"weight_clipping"`, an
            instance of `zoo.objectives.penalties`, or a list. Defaults to none.
        augmentation: `"diff_augment"`, `"adaptive"`, an instance of `zoo.objectives.augment`, or None. Defaults to
            None.
        num_classes: int or None. Number of classes that the labels name; None for an unconditional model. Defaults to
            None.
        class_names: list of `num_classes` texts for `generate`, or None. Defaults to None.
        ema_momentum: float from 0 to below 1. Momentum of the averaged generator that `generate` uses. Defaults to
            0.999.
        discriminator_steps: int, at least 1. Discriminator updates per generator update. Defaults to 1.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.
        **network_options: arguments of `default_networks`.

    Raises:
        InputError: If an argument is out of range, or arguments do not fit together.

    Example:

    ```python
    import zoo

    model = zoo.GAN((28, 28, 1), latent_dim=64)
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 28, 28, 1)
    new_images = model.generate(16, seed=0)
    ```
    """

    def __init__(self, image_shape, latent_dim=100, *, num_classes=None, class_names=None, **arguments):
        image_shape, latent_dim = check_image_shape(image_shape), check_count(latent_dim, "latent_dim")
        implied = {} if num_classes is None else {"num_classes": check_count(num_classes, "num_classes")}
        super().__init__(image_shape, latent_dim, implied, **arguments)
        self.latent_dim = latent_dim
        self.set_classes(num_classes, class_names)
        self.conditions = (*self.label_conditions, Latents(latent_dim))
        self.trained_conditions = self.label_conditions
        self._check_takes("generator", "latents", (latent_dim,), f"latent_dim={latent_dim}")
        check_makes("generator", self.generator, image_shape, f"image_shape={image_shape}")
        self._check_discriminator()

    @staticmethod
    def default_networks(image_shape, latent_dim, hidden_units: Counts = (256, 512), dropout: Share = 0.3):
        """Dense networks with `hidden_units`; the discriminator reverses their order and applies `dropout`.

        Returns:
            Generator, discriminator, and the options with their defaults filled in.
        """
        hidden_units = list(hidden_units)
        return (
            mlp.generator(image_shape, latent_dim, hidden_units),
            mlp.discriminator(image_shape, hidden_units[::-1], dropout),
            {"hidden_units": hidden_units, "dropout": dropout},
        )

    # === The step ===

    def train_step(self, data):
        """Alternates updates of discriminator and generator (Goodfellow et al. 2014, algorithm 1)."""
        batch = self.prepare(data)
        for part in self.parts(batch):
            logs = self.update_discriminator(part)
        logs |= self.update_generator(part)
        return self.report(logs, batch)

    def generator_inputs(self, batch):
        """Returns random latents and the labels of the batch in the generator's input format."""
        latents = keras.random.normal((ops.shape(batch["images"])[0], self.latent_dim), seed=self.seed_generator)
        return self._with_labels("latents", latents, batch)

    def discriminator_inputs(self, images, batch):
        return self._with_labels("images", images, batch)

    def _with_labels(self, name, values, batch):
        if self.is_unconditional:
            return values
        # Outside of a graph, Keras refuses to mix arrays and tensors.
        return {name: ops.convert_to_tensor(values), "labels": ops.cast(batch["labels"], "int32")}

    def sample(self, latents, labels=None):
        return predict_batch(self.ema_generator, self._with_labels("latents", latents, {"labels": labels}))

    def exported_networks(self):
        def draw(latents, labels=None):
            return self.ema_generator(self._with_labels("latents", latents, {"labels": labels}), training=False)

        return {"generator": drawing(draw, latents=Values((self.latent_dim,)), **self.exported_labels)}

    # === Using ===

    def encode_image(self, images, *, labels=None, steps=300, seed=0):
        """Finds latents whose images resemble given ones, by gradient descent (Zhu et al. 2016).

        The latents z minimize the mean of (G(z) - x)^2 plus a small multiple of the mean of z^2, which keeps them where
        the generator was trained. The descent starts at the best of 64 random latents. `zoo.latents` edits the result,
        and `generate(latents=...)` draws it.

        Args:
            images: uint8 or [-1, 1] images `(n, height, width, channels)`.
            labels: integers or names of classes, one for each image or one for all; required by a model with classes.
            steps: int, at least 1. Steps of Adam, whose learning rate falls from 0.05 to 0. Defaults to 300.
            seed: int. Seed of the random latents. Defaults to 0.

        Returns:
            float32 array `(n, latent_dim)`.

        Raises:
            InputError: If images have another shape or range, labels are missing or out of range, or the backend is
                none of TensorFlow, JAX and PyTorch.
        """
        check_backend("encode_image")
        images, steps = self.checked_images(images), check_count(steps, "steps")
        candidates = latent_vectors.sample(self.generation_batch, self.noise_shape, seed)
        labels = self.labels_for(len(images), labels)
        start = np.empty((len(images), self.latent_dim), "float32")
        for label in [None] if labels is None else np.unique(labels):
            rows = slice(None) if label is None else labels == label
            conditions = {} if label is None else {"labels": np.repeat(label, len(candidates))}
            start[rows] = nearest_latents(images[rows], candidates, self.sample(candidates, **conditions))

        def draw(latents):
            return self.ema_generator(self._with_labels("latents", latents, {"labels": labels}), training=False)

        return inverted(images, draw, start, steps)

    def training_callbacks(self, dataset):
        callbacks = super().training_callbacks(dataset)
        # Only data sets that the zoo read provide their images in advance.
        return [*callbacks, WarnOfModeCollapse(dataset.images)] if hasattr(dataset, "images") else callbacks

    def _check_discriminator(self):
        """Refuses a discriminator of other inputs than `discriminator_inputs` returns."""
        self._check_takes("discriminator", "images", self.image_shape, f"image_shape={self.image_shape}")

    def _check_takes(self, argument, name, expected, called):
        """Refuses a network that does not take `name` of the expected shape, and labels if there are classes."""
        network = getattr(self, argument)
        shapes = input_shapes(network)
        if self.is_unconditional:
            if isinstance(shapes, dict):
                raise InputError(
                    f"{argument} takes {sorted(shapes)}, expected {name} alone, since num_classes is None."
                )
            check_takes(argument, network, expected, called)
            return
        if not isinstance(shapes, dict) or set(shapes) != {name, "labels"}:
            takes = sorted(shapes) if isinstance(shapes, dict) else f"{name} alone"
            raise InputError(
                f"{argument} takes {takes}, expected a dict of {name} and labels; num_classes is {self.num_classes}."
            )
        if shapes[name] != expected:
            raise InputError(f"{argument} takes {shapes[name]}, expected {called}.")

    def get_config(self):
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "num_classes": self.num_classes,
            "class_names": self.class_names,
        }
