"""StyleGAN: a mapping network turns latents into styles that control each layer of the generator."""

import keras
import numpy as np
from keras import ops

from zoo import latents as latent_vectors
from zoo.errors import InputError, check_count, shown
from zoo.exporting.networks import Network, Values, drawing
from zoo.images import to_uint8
from zoo.models.gan import GAN
from zoo.nets import style
from zoo.nets.options import Count, Share
from zoo.nets.shapes import check_layers
from zoo.objectives.penalties import R1
from zoo.progress import predict_batch
from zoo.sampling.conditions import Amount, Latents, StyleLatents
from zoo.sampling.inversion import inverted, nearest_latents
from zoo.training.checks import check_backend

# Number of samples of w that its standard deviation is estimated from.
_SAMPLES_OF_W = 1024


@keras.saving.register_keras_serializable(package="zoo")
class StyleGAN(GAN):
    """Style-based GAN (Karras et al. 2019), by default as revised in 2020.

    A mapping network turns latents z into intermediate latents w. Each layer of the synthesis network takes its style
    from w: early layers determine pose and shape, late layers colours. In the revision a style s scales a convolution's
    kernel k, which is then normalized (2020, eqs. 1 and 3):

        k' = s * k / sqrt(sum (s * k)^2 + epsilon).

    The networks do not grow; skip connections take the place of growth, as in the revision. Path length regularization
    and filters around resampling are left out.

    `generate` also takes latents `(n, num_layers, latent_dim)`, one for each layer. `truncation` moves w towards its
    mean over training, mean + truncation * (w - mean) (2019, appendix B).

    In training, the layers of an image may follow two different latents (style mixing), and every pixel receives new
    noise. `generate` does not mix, and its noise is fixed.

    Args:
        latent_dim: int, at least 1. Size of z and w. Defaults to 128.
        generator: as for `GAN`, with layers `mapping` and `synthesis` like those of `zoo.nets.style.style_generator`.
        penalties: as for `GAN`. Defaults to R1 with weight 1 at every 16th step.
        **arguments: those of `GAN` without classes; network options are those of `StyleGAN.default_networks`.

    Raises:
        InputError: If an argument is out of range, or sides are not 4 to 7 pixels times a power of two.

    Example:

    ```python
    import zoo

    model = zoo.StyleGAN((32, 32, 3), filters=8)
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 32, 32, 3)
    new_images = model.generate(16, truncation=0.7, seed=0)
    ```
    """

    def __init__(self, image_shape, latent_dim=128, *, penalties=None, **arguments):
        penalties = R1(1.0, interval=16) if penalties is None else penalties
        if (classes := arguments.get("num_classes")) is not None:
            raise InputError(f"num_classes is {shown(classes)}, expected None: styles here know no classes.")
        super().__init__(image_shape, latent_dim, penalties=penalties, **arguments)
        check_layers("generator", self.generator, "mapping", "synthesis")
        self._latents = StyleLatents(self.latent_dim, self.num_layers)
        self.conditions = (self._latents, Amount("truncation"))

    @staticmethod
    def default_networks(
        image_shape, latent_dim, filters: Count = 16, mapping_layers: Count = 4, mixing_probability: Share = 0.9
    ):
        """Networks with `filters` features at full resolution, and twice as many at each below, up to eight times.

        The mapping network has `mapping_layers` dense layers. In training, a share of `mixing_probability` of the
        images mixes the styles of two latents.
        """
        synthesis = style.style_synthesis(image_shape, latent_dim, filters)
        return (
            style.style_generator(synthesis, mapping_layers, mixing_probability),
            style.style_discriminator(image_shape, filters),
            {"filters": filters, "mapping_layers": mapping_layers, "mixing_probability": mixing_probability},
        )

    @staticmethod
    def default_optimizers():
        """Returns Adam(2e-3, beta_1=0, beta_2=0.99) for both networks (Karras et al. 2020, appendix B)."""
        return tuple(keras.optimizers.Adam(2e-3, beta_1=0.0, beta_2=0.99, epsilon=1e-8) for _ in range(2))

    @property
    def mapping(self):
        """The averaged network from latents z `(n, latent_dim)` to intermediate latents w `(n, d)`."""
        return self.ema_generator.get_layer("mapping")

    @property
    def synthesis(self):
        """The averaged network from w of each layer, `(n, num_layers, d)`, to images in [-1, 1]."""
        return self.ema_generator.get_layer("synthesis")

    @property
    def num_layers(self):
        """The number of layers with their own style, from coarse to fine; default networks have two per resolution."""
        return self.synthesis.input_shape[1]

    @property
    def w_avg(self):
        """The mean of w over training, float32 `(d,)`."""
        return ops.convert_to_numpy(self.mapping.get_layer("moving_mean").mean)

    def mix_styles(self, coarse, fine, at_layer, truncation=None):
        """Draws a grid of images that combine the coarse styles of one set of latents with the fine styles of another.

        Args:
            coarse: latents `(rows, latent_dim)` of the layers before `at_layer`.
            fine: latents `(columns, latent_dim)` of the other layers.
            at_layer: int from 1 to `num_layers - 1`.
            truncation: as for `generate`.

        Returns:
            uint8 array `(rows, columns, height, width, channels)`.

        Raises:
            InputError: If there is no such layer, or latents have another shape.
        """
        if check_count(at_layer, "at_layer") >= self.num_layers:
            raise InputError(f"at_layer is {at_layer!r}, expected an integer from 1 to {self.num_layers - 1}.")
        of_one = Latents(self.latent_dim)
        coarse, fine = of_one.checked(coarse, "coarse"), of_one.checked(fine, "fine")
        mixed = np.empty((len(coarse), len(fine), self.num_layers, self.latent_dim), "float32")
        mixed[:, :, :at_layer] = coarse[:, None, None]
        mixed[:, :, at_layer:] = fine[:, None]
        images = self.generate(latents=mixed.reshape(-1, *mixed.shape[2:]), truncation=truncation)
        return images.reshape(*mixed.shape[:2], *self.image_shape)

    def sample(self, latents, truncation=1.0):
        rows = latents.reshape(-1, self.latent_dim)
        w = predict_batch(self.mapping, rows)
        w = self.w_avg + np.float32(truncation) * (w - self.w_avg)
        return self._synthesize_batch(w.reshape(len(latents), -1, w.shape[-1]))

    def exported_networks(self):
        """Returns both networks apart, so that each layer can follow other latents."""

        def find_styles(latents, truncation):
            w, mean = self.mapping(latents, training=False), self.mapping.get_layer("moving_mean").mean
            return {"styles": mean + truncation[:, None] * (w - mean)}

        def draw(styles):
            return self.synthesis(styles, training=False)

        latents = {"latents": Values((self.latent_dim,)), "truncation": Values((), range=(0.0, None))}
        return {
            "mapping": Network(find_styles, latents),
            "synthesis": drawing(draw, styles=Values(self.synthesis.input_shape[1:])),
        }

    def _synthesize_batch(self, w):
        return predict_batch(self.synthesis, np.broadcast_to(w, (len(w), self.num_layers, w.shape[-1])))

    def synthesize(self, latents):
        """Draws images from intermediate latents, such as those that `encode_image` finds.

        Args:
            latents: w `(n, latent_dim)`, or one for each layer `(n, num_layers, latent_dim)`.

        Returns:
            uint8 array `(n, height, width, channels)`.

        Raises:
            InputError: If latents have another shape, or are not finite.
        """
        w = self._latents.checked(latents)
        w = w.reshape(len(w), -1, w.shape[-1])
        return to_uint8(self.in_batches(self._synthesize_batch, {"w": w}, "generating"))

    def encode_image(self, images, *, labels=None, steps=300, seed=0):
        """Finds intermediate latents of each layer whose images resemble given ones (Abdal et al. 2019).

        The search is that of `GAN.encode_image` in the space W+, which contains more images than that of z. The descent
        starts at the w of the best of 64 random latents. The loss includes a small multiple of the squared distance
        from the mean of w, in standard deviations. `synthesize` draws the result, and `zoo.latents` edits it.

        Args:
            images: uint8 or [-1, 1] images `(n, height, width, channels)`.
            labels: None, because there are no classes.
            steps: int, at least 1. Steps of Adam, whose learning rate falls from 0.05 standard deviations to 0.
                Defaults to 300.
            seed: int. Seed of the random latents. Defaults to 0.

        Returns:
            float32 array `(n, num_layers, latent_dim)`.

        Raises:
            InputError: If images have another shape or range, labels are given, or the backend is none
                of TensorFlow, JAX and PyTorch.
        """
        check_backend("encode_image")
        images, steps = self.checked_images(images), check_count(steps, "steps")
        self.labels_for(len(images), labels)
        z = latent_vectors.sample(_SAMPLES_OF_W, self.noise_shape, seed)
        w = predict_batch(self.mapping, z)
        mean, spread = self.w_avg, w.std(0)

        def draw(moves):
            return self.synthesis(ops.add(mean, ops.multiply(spread, moves)), training=False)

        candidates = self._synthesize_batch(w[: self.generation_batch, None])
        nearest = nearest_latents(images, w[: self.generation_batch], candidates)
        start = np.repeat(((nearest - mean) / spread)[:, None], self.num_layers, 1)
        return mean + spread * inverted(images, draw, start, steps)
