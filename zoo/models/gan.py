"""The original GAN and its descendants, which differ mainly in default networks, objective and optimizers."""

import keras
import numpy as np
from keras import ops

from zoo import latents as latent_vectors
from zoo.errors import InputError, check_amount, check_count, check_counts, check_image_shape
from zoo.models.adversarial_model import AdversarialModel, input_shapes
from zoo.neighbors import nearest_images
from zoo.nets import conv, mlp, resnet
from zoo.objectives import penalties
from zoo.progress import predicted
from zoo.training.checks import check_backend
from zoo.training.step import minimized

# Weight of the squared latents relative to the squared pixel error in the search for the latents of an image.
_PRIOR_WEIGHT = 0.01


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
        """Dense networks with `hidden_units`; the discriminator reverses their order and applies `dropout`.

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
        """Returns random latents and the labels of the batch in the generator's input format."""
        latents = keras.random.normal((ops.shape(batch["images"])[0], self.latent_dim), seed=self.seed_generator)
        return self._with_labels("latents", latents, batch)

    def _discriminator_inputs(self, images, batch):
        return self._with_labels("images", images, batch)

    def _with_labels(self, name, values, batch):
        if self.num_classes is None:
            return values
        # Outside of a graph, Keras refuses to mix arrays and tensors.
        return {name: ops.convert_to_tensor(values), "labels": ops.cast(batch["labels"], "int32")}

    @property
    def generate_arguments(self):
        return ("latents",) if self.num_classes is None else ("labels", "latents")

    def _generate_batch(self, latents, labels=None):
        return predicted(self.ema_generator, self._with_labels("latents", latents, {"labels": labels}))

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
            InputError: If images have another shape or range, labels are missing or out of range, or the backend is not
                TensorFlow.
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
        """Finds latents near 0 that `draw` turns into images near given ones, by descent from `start`."""

        def loss(latents):
            distance = ops.mean(ops.square(draw(latents) - images), axis=(1, 2, 3))
            size = ops.mean(ops.square(latents), axis=tuple(range(1, len(latents.shape))))
            # The loss is a sum, so that the search for one image does not depend on the others.
            return ops.sum(distance + _PRIOR_WEIGHT * size)

        return minimized(loss, start, steps, 0.05)

    def _watchers(self, dataset):
        from zoo import callbacks

        watchers = super()._watchers(dataset)
        # Only data sets that the zoo read provide their images in advance.
        if hasattr(dataset, "images"):
            watchers.append(callbacks.WarnOfModeCollapse(dataset.images))
        return watchers

    def _input_shape(self, network, argument, name):
        """Returns the shape of a network's input `name` without the batch axis, or raises `InputError`."""
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
    """Deep convolutional GAN (Radford et al. 2016), for images with sides divisible by 4.

    The loss is that of `GAN`, with logits of strided convolutions (section 3):

        max_D  E[log D(x)] + E[log(1 - D(G(z)))],    max_G  E[log D(G(z))].

    Args:
        **arguments: those of `GAN`; network options are those of `DCGAN.default_networks`.

    Raises:
        InputError: As for `GAN`, or sides are not divisible by 4.

    Example:

    ```python
    import zoo

    model = zoo.DCGAN((32, 32, 3), filters=32, augmentation="diff_augment")
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 32, 32, 3)
    new_images = model.generate(16, seed=0)
    ```
    """

    @staticmethod
    def default_networks(
        image_shape, latent_dim, filters=64, stages=None, discriminator_batch_norm=True, num_classes=None
    ):
        """Strided convolutions with `filters` features at the finest hidden resolution.

        `stages` is the number of times that the image is halved; by default down to 4 pixels or an odd side. Gradient
        penalties need `discriminator_batch_norm=False`.
        """
        stages = conv.stages_of(image_shape, stages)
        return (
            conv.dcgan_generator(image_shape, latent_dim, filters, stages, num_classes),
            conv.dcgan_discriminator(image_shape, filters, stages, discriminator_batch_norm, num_classes),
            {"filters": filters, "stages": stages, "discriminator_batch_norm": discriminator_batch_norm},
        )


@keras.saving.register_keras_serializable(package="zoo")
class WGAN(DCGAN):
    """Wasserstein GAN with weight clipping (Arjovsky et al. 2017, algorithm 1).

    A critic f with bounded slope replaces the discriminator (eq. 3):

        max_f  E[f(x)] - E[f(G(z))],    min_G  -E[f(G(z))].

    The critic takes five steps per generator step, and both networks use RMSprop(5e-5).

    Args:
        **arguments: those of `DCGAN`, where `objective` defaults to `"wasserstein"`, `penalties` to `"weight_clipping"`
            and `discriminator_steps` to 5.

    Raises:
        InputError: As for `DCGAN`.

    Example:

    ```python
    import zoo

    model = zoo.WGAN((32, 32, 3))
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 32, 32, 3)
    ```
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
        """Networks of `DCGAN`, with a critic without batch normalization by default."""
        return DCGAN.default_networks(image_shape, latent_dim, filters, stages, discriminator_batch_norm, num_classes)

    @staticmethod
    def default_optimizers():
        """Returns RMSprop(5e-5) for both networks (algorithm 1)."""
        return keras.optimizers.RMSprop(5e-5), keras.optimizers.RMSprop(5e-5)


@keras.saving.register_keras_serializable(package="zoo")
class WGANGP(WGAN):
    """WGAN with gradient penalty (Gulrajani et al. 2017, algorithm 1).

    The critic f minimizes (eq. 3), at points y between real and generated images,

        E[f(G(z))] - E[f(x)] + lambda * E[(|grad f(y)| - 1)^2].

    Both networks use Adam(1e-4, beta_1=0, beta_2=0.9).

    Args:
        **arguments: those of `WGAN`, where `penalties` defaults to `"gradient_penalty"`.

    Raises:
        InputError: As for `DCGAN`.

    Example:

    ```python
    import zoo

    model = zoo.WGANGP((32, 32, 3))
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 32, 32, 3)
    ```
    """

    def __init__(self, image_shape, latent_dim=100, *, penalties="gradient_penalty", **arguments):
        super().__init__(image_shape, latent_dim, penalties=penalties, **arguments)

    @staticmethod
    def default_optimizers():
        """Returns Adam(1e-4, beta_1=0, beta_2=0.9) for both networks (algorithm 1)."""
        return _adam(1e-4), _adam(1e-4)


@keras.saving.register_keras_serializable(package="zoo")
class ConditionalGAN(DCGAN):
    """Conditional GAN (Mirza & Osindero 2014): both networks receive the label y as a learned embedding.

        min_G max_D  E[log D(x|y)] + E[log(1 - D(G(z|y)))]    (eq. 2)

    Args:
        num_classes: int, at least 1. Number of classes.
        **arguments: those of `DCGAN`.

    Raises:
        InputError: As for `DCGAN`.

    Example:

    ```python
    import zoo

    model = zoo.ConditionalGAN((32, 32, 3), num_classes=10)
    model.compile()
    model.fit(images, labels, epochs=20)  # uint8 (n, 32, 32, 3), integers (n,)
    threes = model.generate(16, labels=3, seed=0)
    ```
    """

    def __init__(self, image_shape, latent_dim=100, *, num_classes, **arguments):
        num_classes = check_count(num_classes, "num_classes")
        super().__init__(image_shape, latent_dim, num_classes=num_classes, **arguments)


@keras.saving.register_keras_serializable(package="zoo")
class ProjectionGAN(GAN):
    """GAN with projection discriminator (Miyato & Koyama 2018), for images with sides divisible by 4.

    The logit is a function of the image features phi(x) plus their inner product with an embedding of the label (eq.
    5):

        l(x, y) = y^T V phi(x) + psi(phi(x)).

    The generator has class-conditional batch normalization and the discriminator has spectral normalization. Both train
    with the hinge loss, five discriminator steps per generator step, and Adam(2e-4, beta_1=0, beta_2=0.9).

    Args:
        latent_dim: int, at least 1. Size of the latent vector. Defaults to 128.
        num_classes: int, at least 1. Number of classes.
        **arguments: those of `GAN`, where `objective` defaults to `"hinge"` and `discriminator_steps` to 5; network
            options are those of `ProjectionGAN.default_networks`.

    Raises:
        InputError: As for `GAN`, or sides are not divisible by 4.

    Example:

    ```python
    import zoo

    model = zoo.ProjectionGAN((32, 32, 3), num_classes=10)
    model.compile()
    model.fit(images, labels, epochs=20)  # uint8 (n, 32, 32, 3), integers (n,)
    threes = model.generate(16, labels=3, seed=0)
    ```
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
        """Residual networks with `filters` features at full resolution, or DCGAN networks with as many at half of it.

        `stages` is the number of times that the image is halved; by default down to 4 pixels or an odd side.
        `residual=False` selects the DCGAN networks.
        """
        return _normalized_networks(image_shape, latent_dim, filters, stages, residual, num_classes=num_classes)

    @staticmethod
    def default_optimizers():
        """Returns Adam(2e-4, beta_1=0, beta_2=0.9) for both networks."""
        return _adam(2e-4), _adam(2e-4)


@keras.saving.register_keras_serializable(package="zoo")
class SAGAN(GAN):
    """Self-attention GAN (Zhang et al. 2019), for images with sides divisible by 4.

    Both networks have a self-attention layer at half of the full resolution. Both have spectral normalization, except
    for a generator with `residual=False`. They minimize the hinge loss (eq. 4) of logits l,

        L_D = E[max(0, 1 - l(x))] + E[max(0, 1 + l(G(z)))],    L_G = -E[l(G(z))].

    Adam(beta_1=0, beta_2=0.9) has a learning rate of 1e-4 for the generator and 4e-4 for the discriminator, which
    therefore needs only one step per generator step. `num_classes` makes the model conditional.

    Args:
        latent_dim: int, at least 1. Size of the latent vector. Defaults to 128.
        **arguments: those of `GAN`, where `objective` defaults to `"hinge"`; network options are those of
            `SAGAN.default_networks`.

    Raises:
        InputError: As for `GAN`, or sides are not divisible by 4.

    Example:

    ```python
    import zoo

    model = zoo.SAGAN((32, 32, 3), num_classes=10)
    model.compile()
    model.fit(images, labels, epochs=20)  # uint8 (n, 32, 32, 3), integers (n,)
    threes = model.generate(16, labels=3, seed=0)
    ```
    """

    def __init__(self, image_shape, latent_dim=128, *, objective="hinge", **arguments):
        super().__init__(image_shape, latent_dim, objective=objective, **arguments)

    @staticmethod
    def default_networks(image_shape, latent_dim, filters=32, stages=None, residual=True, num_classes=None):
        """Residual networks with `filters` features at full resolution, or DCGAN networks with as many at half of it.

        `stages` is the number of times that the image is halved; by default down to 4 pixels or an odd side.
        `residual=False` selects the DCGAN networks. They take a quarter of the time and learn layouts sooner, because
        their discriminator does not sum over pixels.
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
        """Returns Adam(1e-4, beta_1=0, beta_2=0.9) and Adam(4e-4, beta_1=0, beta_2=0.9)."""
        return _adam(1e-4), _adam(4e-4)


@keras.saving.register_keras_serializable(package="zoo")
class BigGAN(SAGAN):
    """BigGAN (Brock et al. 2019): SAGAN with shared class embeddings, split latents and orthogonal regularization.

    All generator blocks share one class embedding, and each receives its own part of the latents. The generator loss
    adds a penalty that keeps weights W near orthogonal (eq. 3),

        orthogonal_weight * sum_W |W^T W * (1 - I)|^2    (* elementwise),

    so that `generate(truncation=...)` can trade variety for fidelity. The averaged generator has averaged batch
    statistics until `update_standing_statistics` computes those of the paper. The discriminator takes two steps per
    generator step. Adam(beta_1=0, beta_2=0.999) has learning rates of 5e-5 and 2e-4.

    Args:
        latent_dim: int, at least 1. Size of the latent vector. Defaults to 120.
        orthogonal_weight: float, at least 0. Beta of the orthogonal regularization; 0 disables it. Defaults to 1e-4.
        **arguments: those of `SAGAN`, where `ema_momentum` defaults to 0.9999 and `discriminator_steps` to 2; network
            options are those of `BigGAN.default_networks`.

    Raises:
        InputError: As for `SAGAN`.

    Example:

    ```python
    import zoo

    model = zoo.BigGAN((32, 32, 3), num_classes=10)
    model.compile()
    model.fit(images, labels, epochs=20)  # uint8 (n, 32, 32, 3), integers (n,)
    threes = model.generate(16, labels=3, truncation=0.5, seed=0)
    ```
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
        """Residual networks with `filters` features at the full resolution and a shared class embedding of `class_dim`.

        `stages` is the number of times that the image is halved; by default down to 4 pixels or an odd side.
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
        """Returns Adam(5e-5, beta_1=0, beta_2=0.999) and Adam(2e-4, beta_1=0, beta_2=0.999)."""
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
    """Returns the generator, the discriminator with spectral normalization, and their options with defaults filled in.

    With `generator_norm` a residual generator has spectral normalization, too.
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
