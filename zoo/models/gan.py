"""The original GAN and its descendants: default networks, objective and optimizers over the one adversarial step."""

import keras
import numpy as np
from keras import ops

from zoo import latents as latent_vectors
from zoo.errors import InputError, check_amount, check_count, check_counts, check_image_shape
from zoo.metrics import nearest_images
from zoo.models.adversarial_model import AdversarialModel, input_shapes
from zoo.nets import conv, mlp, resnet
from zoo.objectives import penalties
from zoo.progress import predicted
from zoo.training.checks import check_backend
from zoo.training.step import minimized

# How much the square of a latent weighs beside that of a pixel in the search for the latents of an image.
_PRIOR_WEIGHT = 0.01


@keras.saving.register_keras_serializable(package="zoo")
class GAN(AdversarialModel):
    """Generative adversarial network of dense layers (Goodfellow et al. 2014).

    With `num_classes` both networks are given labels: the discriminator those of real images, and the generator the
    same ones for as many images of its own.

    Args:
        image_shape: `(height, width, channels)` of the images, which lie in [-1, 1].
        latent_dim: size of the latent vector z ~ N(0, 1).
        generator: functional network to use instead of the default one, from latents to images in [-1, 1]; with
            `num_classes`, from a dict of `latents` and `labels`.
        discriminator: the same, from images to logits; with `num_classes`, from a dict of `images` and `labels`.
        objective: `"non_saturating"`, `"minimax"`, `"least_squares"`, `"wasserstein"`, `"hinge"`, `"relativistic"`, or
            an instance.
        penalties: on the discriminator: `"r1"`, `"r2"`, `"gradient_penalty"`, `"weight_clipping"`, an instance, or
            a list.
        augmentation: `"diff_augment"`, `"adaptive"`, an instance, or None.
        num_classes: how many classes the labels name, or None for a model without labels.
        class_names: their names, for `generate`, or None.
        ema_momentum: of the averaged generator that `generate` uses.
        discriminator_steps: discriminator updates for each of the generator.
        name, dtype: as for every Keras model.
        **network_options: those of `default_networks`.

    Raises:
        InputError: an argument out of range, or arguments that do not go together.
    """

    network_arguments = ("generator", "discriminator")

    def __init__(
        self,
        image_shape,
        latent_dim=100,
        *,
        generator=None,
        discriminator=None,
        objective="non_saturating",
        penalties=(),
        augmentation=None,
        num_classes=None,
        class_names=None,
        ema_momentum=0.999,
        discriminator_steps=1,
        name=None,
        dtype=None,
        **network_options,
    ):
        image_shape, latent_dim = check_image_shape(image_shape), check_count(latent_dim, "latent_dim")
        networks, described = self._choose_networks(
            {"generator": generator, "discriminator": discriminator},
            image_shape,
            latent_dim,
            dtype,
            network_options,
            None if num_classes is None else check_count(num_classes, "num_classes"),
        )
        super().__init__(
            image_shape,
            *networks.values(),
            objective,
            ema_momentum,
            discriminator_steps,
            name,
            dtype,
            penalties=penalties,
            augmentation=augmentation,
        )
        self._described_networks = described
        self.latent_dim = latent_dim
        self._set_classes(num_classes, class_names)
        takes = self._input_shape(self.generator, "generator", "latents")
        if takes != (latent_dim,):
            raise InputError(f"generator takes {takes}, expected latent_dim={latent_dim}.")
        self._check_images()
        takes = self._input_shape(self.discriminator, "discriminator", "images")
        if takes != image_shape:
            raise InputError(f"discriminator takes {takes}, expected image_shape={image_shape}.")

    @staticmethod
    def default_networks(image_shape, latent_dim, hidden_units=(256, 512), dropout=0.3):
        """Dense networks of these widths, the discriminator's in reverse order and with this dropout.

        Returns:
            Generator, discriminator, and the options with their defaults filled in.
        """
        hidden_units = check_counts(hidden_units, "hidden_units")
        return (
            mlp.generator(image_shape, latent_dim, hidden_units),
            mlp.discriminator(image_shape, hidden_units[::-1], dropout),
            {"hidden_units": hidden_units, "dropout": dropout},
        )

    # === The step ===

    def _generator_inputs(self, batch):
        """Random latents, and the labels of the batch, as the generator takes them."""
        latents = keras.random.normal((ops.shape(batch["images"])[0], self.latent_dim), seed=self.seed_generator)
        return self._with_labels("latents", latents, batch)

    def _discriminator_inputs(self, images, batch):
        return self._with_labels("images", images, batch)

    def _with_labels(self, name, values, batch):
        if self.num_classes is None:
            return values
        # Keras refuses a mixture of arrays and tensors where nothing is traced.
        return {name: ops.convert_to_tensor(values), "labels": ops.cast(batch["labels"], "int32")}

    @property
    def generate_arguments(self):
        return ("latents",) if self.num_classes is None else ("labels", "latents")

    def _generate_batch(self, latents, labels=None):
        return predicted(self.ema_generator, self._with_labels("latents", latents, {"labels": labels}))

    # === Using ===

    def encode_image(self, images, *, labels=None, steps=300, seed=0):
        """Latents whose images are near to given ones, found by gradient descent (Zhu et al. 2016).

        Latents z minimize the mean square of G(z) - x and a small multiple of that of z, which keeps them where the
        generator was trained. Descent starts at the best of 64 random latents. `zoo.latents` edits the result, and
        `generate(latents=...)` draws it.

        Args:
            images: uint8 or [-1, 1] images `(n, height, width, channels)`.
            labels: of the images, integers or names of classes, one for each or one for all; needed by a model with
                classes.
            steps: of Adam, whose rate falls from 0.05 to 0.
            seed: of the random latents.

        Returns:
            float32 array `(n, latent_dim)`.

        Raises:
            InputError: images of another shape or range, labels that are missing or out of range, or another backend
                than TensorFlow.
        """
        check_backend("encode_image")
        images, steps = self._checked(images), check_count(steps, "steps")
        candidates = latent_vectors.sample(self.generation_batch, self.noise_shape, seed)
        labels = self._labels_of(len(images), labels)
        start = np.empty((len(images), self.latent_dim), "float32")
        for label in [None] if labels is None else np.unique(labels):
            rows = slice(None) if label is None else labels == label
            conditions = {} if label is None else {"labels": np.repeat(label, len(candidates))}
            drawn = self._generate_batch(candidates, **conditions)
            nearest, _ = nearest_images(images[rows], drawn)
            start[rows] = candidates[nearest]

        def draw(latents):
            return self.ema_generator(self._with_labels("latents", latents, {"labels": labels}), training=False)

        return self._inverted(images, draw, start, steps)

    def _inverted(self, images, draw, start, steps):
        """Latents near to 0 that `draw` makes into images near to given ones, found by descent from `start`."""

        def loss(latents):
            distance = ops.mean(ops.square(draw(latents) - images), axis=(1, 2, 3))
            size = ops.mean(ops.square(latents), axis=tuple(range(1, len(latents.shape))))
            # A sum over the images, so that each is sought as if it were alone.
            return ops.sum(distance + _PRIOR_WEIGHT * size)

        return minimized(loss, start, steps, 0.05)

    def _watchers(self, dataset):
        from zoo import callbacks

        watchers = super()._watchers(dataset)
        # Data sets that the zoo did not read tell no images in advance.
        if hasattr(dataset, "images"):
            watchers.append(callbacks.WarnOfModeCollapse(dataset.images))
        return watchers

    def _input_shape(self, network, argument, name):
        """The shape of one entry of a network's input `name`, or `InputError`."""
        shapes = input_shapes(network)
        if self.num_classes is None:
            if isinstance(shapes, dict):
                raise InputError(
                    f"{argument} takes {sorted(shapes)}, expected {name} alone, since num_classes is None."
                )
            return shapes
        if not isinstance(shapes, dict) or set(shapes) != {name, "labels"}:
            takes = sorted(shapes) if isinstance(shapes, dict) else f"{name} alone"
            raise InputError(
                f"{argument} takes {takes}, expected a dict of {name} and labels; num_classes is {self.num_classes}."
            )
        return shapes[name]

    def get_config(self):
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "num_classes": self.num_classes,
            "class_names": self.class_names,
        }


@keras.saving.register_keras_serializable(package="zoo")
class DCGAN(GAN):
    """Deep convolutional GAN (Radford et al. 2016), for images whose sides are divisible by 4.

    Arguments are those of `GAN`; the network options are those of `default_networks` here.
    """

    @staticmethod
    def default_networks(
        image_shape, latent_dim, filters=64, stages=None, discriminator_batch_norm=True, num_classes=None
    ):
        """Strided convolutions, `filters` wide at the finest hidden resolution.

        `stages` is how often the image is halved, by default down to 4 pixels or an odd side.
        `discriminator_batch_norm` off is for gradient penalties.
        """
        stages = conv.stages_of(image_shape, stages)
        return (
            conv.dcgan_generator(image_shape, latent_dim, filters, stages, num_classes),
            conv.dcgan_discriminator(image_shape, filters, stages, discriminator_batch_norm, num_classes),
            {"filters": filters, "stages": stages, "discriminator_batch_norm": discriminator_batch_norm},
        )


@keras.saving.register_keras_serializable(package="zoo")
class WGAN(DCGAN):
    """Wasserstein GAN (Arjovsky et al. 2017, algorithm 1): a critic with clipped weights instead of a discriminator.

    The critic takes five steps for each of the generator, and both RMSprop of the rate 5e-5. Arguments are those of
    `DCGAN`.
    """

    def __init__(
        self,
        image_shape,
        latent_dim=100,
        *,
        objective="wasserstein",
        penalties="weight_clipping",
        discriminator_steps=5,
        **arguments,
    ):
        super().__init__(
            image_shape,
            latent_dim,
            objective=objective,
            penalties=penalties,
            discriminator_steps=discriminator_steps,
            **arguments,
        )

    @staticmethod
    def default_networks(
        image_shape, latent_dim, filters=64, stages=None, discriminator_batch_norm=False, num_classes=None
    ):
        """Those of `DCGAN`, with a critic that has no batch norm unless asked for."""
        return DCGAN.default_networks(image_shape, latent_dim, filters, stages, discriminator_batch_norm, num_classes)

    @staticmethod
    def default_optimizers():
        return keras.optimizers.RMSprop(5e-5), keras.optimizers.RMSprop(5e-5)


@keras.saving.register_keras_serializable(package="zoo")
class WGANGP(WGAN):
    """WGAN with gradient penalty (Gulrajani et al. 2017, algorithm 1), and Adam of the rate 1e-4 and betas 0 and 0.9.

    Arguments are those of `DCGAN`.
    """

    def __init__(self, image_shape, latent_dim=100, *, penalties="gradient_penalty", **arguments):
        super().__init__(image_shape, latent_dim, penalties=penalties, **arguments)

    @staticmethod
    def default_optimizers():
        return _adam(1e-4), _adam(1e-4)


@keras.saving.register_keras_serializable(package="zoo")
class ConditionalGAN(DCGAN):
    """Conditional GAN (Mirza & Osindero 2014, eq. 2): both networks are given the label, here as learned embeddings.

    Arguments are those of `DCGAN`, of which `num_classes` is needed.
    """

    def __init__(self, image_shape, latent_dim=100, *, num_classes, **arguments):
        num_classes = check_count(num_classes, "num_classes")
        super().__init__(image_shape, latent_dim, num_classes=num_classes, **arguments)


@keras.saving.register_keras_serializable(package="zoo")
class ProjectionGAN(GAN):
    """GAN with projection discriminator (Miyato & Koyama 2018), for images whose sides are divisible by 4.

    The generator has class-conditional batch norm and the discriminator spectral normalization; the objective is the
    hinge loss, with five steps of the discriminator for each of the generator and Adam of the rate 2e-4 and betas 0 and
    0.9. Arguments are those of `GAN`, of which `num_classes` is needed; the network options are those of
    `default_networks` here.
    """

    def __init__(
        self, image_shape, latent_dim=128, *, num_classes, objective="hinge", discriminator_steps=5, **arguments
    ):
        super().__init__(
            image_shape,
            latent_dim,
            num_classes=check_count(num_classes, "num_classes"),
            objective=objective,
            discriminator_steps=discriminator_steps,
            **arguments,
        )

    @staticmethod
    def default_networks(image_shape, latent_dim, filters=32, stages=None, residual=True, *, num_classes):
        """Residual networks, `filters` wide at the full resolution, or those of `DCGAN`, as wide at half of it.

        `stages` is how often the image is halved, by default down to 4 pixels or an odd side.
        """
        return _normalized_networks(image_shape, latent_dim, filters, stages, residual, num_classes=num_classes)

    @staticmethod
    def default_optimizers():
        return _adam(2e-4), _adam(2e-4)


@keras.saving.register_keras_serializable(package="zoo")
class SAGAN(GAN):
    """Self-attention GAN (Zhang et al. 2019), for images whose sides are divisible by 4.

    Both networks have self-attention at half of the full resolution, and spectral normalization but for a generator
    that is not residual; the objective is the hinge loss. Adam of betas 0 and 0.9 has the rate 1e-4 for the generator
    and 4e-4 for the discriminator, which so needs one step only. `num_classes` makes it conditional. Arguments are
    those of `GAN`; the network options are those of `default_networks` here.
    """

    def __init__(self, image_shape, latent_dim=128, *, objective="hinge", **arguments):
        super().__init__(image_shape, latent_dim, objective=objective, **arguments)

    @staticmethod
    def default_networks(image_shape, latent_dim, filters=32, stages=None, residual=True, num_classes=None):
        """Residual networks, `filters` wide at the full resolution, or those of `DCGAN`, as wide at half of it.

        `stages` is how often the image is halved, by default down to 4 pixels or an odd side. Not to be `residual`
        takes a quarter of the time, and layouts are learned sooner, since the discriminator sums up no pixels.
        """
        return _normalized_networks(
            image_shape,
            latent_dim,
            filters,
            stages,
            residual,
            generator_norm=True,
            num_classes=num_classes,
            attention=True,
        )

    @staticmethod
    def default_optimizers():
        return _adam(1e-4), _adam(4e-4)


@keras.saving.register_keras_serializable(package="zoo")
class BigGAN(SAGAN):
    """BigGAN (Brock et al. 2019), at any size that SAGAN takes: what it adds to that.

    Blocks of the generator share one embedding of the class and each have a part of the latents; its weights are kept
    orthogonal by a penalty, so that `generate(truncation=...)` draws images of less variety and more fidelity. The
    average has averaged batch statistics, until `update_standing_statistics` measures the paper's. The discriminator
    takes two steps for each of the generator; Adam of betas 0 and 0.999 has the rates 5e-5 and 2e-4.

    Args:
        orthogonal_weight: beta of the orthogonal regularization (eq. 3); 0 leaves it out.
        Others: as for `SAGAN`; the network options are those of `default_networks` here.
    """

    averages_statistics = True

    def __init__(
        self,
        image_shape,
        latent_dim=120,
        *,
        orthogonal_weight=1e-4,
        ema_momentum=0.9999,
        discriminator_steps=2,
        **arguments,
    ):
        check_amount(orthogonal_weight, "orthogonal_weight")
        super().__init__(
            image_shape, latent_dim, ema_momentum=ema_momentum, discriminator_steps=discriminator_steps, **arguments
        )
        self.orthogonal_weight = orthogonal_weight

    @staticmethod
    def default_networks(image_shape, latent_dim, filters=32, stages=None, class_dim=128, num_classes=None):
        """Residual networks, `filters` wide at the full resolution; `class_dim` is the length of the shared embedding.

        `stages` is how often the image is halved, by default down to 4 pixels or an odd side.
        """
        stages = conv.stages_of(image_shape, stages)
        shared = {"num_classes": num_classes, "attention": True}
        return (
            resnet.generator(
                image_shape,
                latent_dim,
                filters,
                stages,
                class_dim=class_dim,
                spectral_norm=True,
                **shared,
            ),
            resnet.discriminator(image_shape, filters, stages, **shared),
            {"filters": filters, "stages": stages, "class_dim": class_dim},
        )

    @staticmethod
    def default_optimizers():
        return _adam(5e-5, 0.999), _adam(2e-4, 0.999)

    def generator_loss(self, batch, training=True):
        loss, logs = super().generator_loss(batch, training)
        if self.orthogonal_weight and training:
            kernels = [v for v in self.generator.trainable_variables if v.path.endswith("kernel")]
            loss += self.orthogonal_weight * sum(penalties.overlap(kernel) for kernel in kernels)
        return loss, {**logs, "generator_loss": loss}

    @property
    def generate_arguments(self):
        return (*super().generate_arguments, "truncation")

    def _generate_batch(self, latents, labels=None, truncation=None):
        if truncation is not None:
            latents = latent_vectors.truncate(latents, truncation)
        return super()._generate_batch(latents, labels)

    def get_config(self):
        return {**super().get_config(), "orthogonal_weight": self.orthogonal_weight}


def _normalized_networks(image_shape, latent_dim, filters, stages, residual, generator_norm=False, **shared):
    """Generator, discriminator under spectral normalization, and their options with the defaults filled in.

    With `generator_norm` a residual generator is under it, too.
    """
    stages = conv.stages_of(image_shape, stages)
    if residual:
        networks = (
            resnet.generator(image_shape, latent_dim, filters, stages, spectral_norm=generator_norm, **shared),
            resnet.discriminator(image_shape, filters, stages, **shared),
        )
    else:
        networks = (
            conv.dcgan_generator(image_shape, latent_dim, filters, stages, class_norms=True, **shared),
            conv.dcgan_discriminator(
                image_shape, filters, stages, batch_norm=False, spectral_norm=True, projection=True, **shared
            ),
        )
    return *networks, {"filters": filters, "stages": stages, "residual": residual}


def _adam(rate, beta_2=0.9):
    return keras.optimizers.Adam(rate, beta_1=0.0, beta_2=beta_2)
