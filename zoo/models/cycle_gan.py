"""CycleGAN: translation between two kinds of images in both directions, learned without pairs."""

import functools

import keras
from keras import ops

from zoo.errors import check_amount, check_count, check_flag, check_image_shape
from zoo.exporting.networks import drawing
from zoo.layers.image_pool import ImagePool
from zoo.models.adversarial_model import AdversarialModel
from zoo.models.image_to_image import FromImages
from zoo.nets import image_to_image
from zoo.nets.options import Count
from zoo.nets.shapes import check_layers, check_makes, check_takes
from zoo.progress import predict_batch
from zoo.training.step import num_replicas

SIDES = ("images", "source_images")


@keras.saving.register_keras_serializable(package="zoo")
class CycleGAN(FromImages, AdversarialModel):
    """Translates source images to images and back, learning from two sets without pairs (Zhu et al. 2017).

    G maps source images s to images x, F maps images to source images, and each side has a discriminator. The
    generators minimize (eq. 3)

        adversarial loss of G(s) and F(x)
        + cycle_weight * (E|F(G(s)) - s| + E|G(F(x)) - x|)
        + identity_weight * (E|G(x) - x| + E|F(s) - s|).

    The discriminators compare real images with a mixture of new and earlier generated ones. Both generators form one
    network, from and to a dict of both sides, and so do both discriminators.

    Args:
        image_shape: `(height, width, channels)` of both sides, height and width divisible by 4.
        generator: functional network that replaces the default one, from a dict of `images` and `source_images` to a
            dict of the same keys, each made from the other. Its layers `to_images` and `to_source` are the translators.
        discriminator: functional network that replaces the default one, from the same dict to a dict of logits.
        objective, penalties, augmentation, ema_momentum, discriminator_steps: as for `GAN`, where `objective` defaults
            to `"least_squares"`. The discriminators' loss and penalties are means over both sides, the generators' loss
            is a sum.
        cycle_weight: float, at least 0. Lambda; 10 in the paper. The default translators start near the identity and
            barely leave it at 10. Defaults to 1.
        identity_weight: float, at least 0. Weight of the identity loss (section 5.2), half of lambda in the paper; 0
            disables it. Defaults to 0.5.
        pool_size: int, at least 1. Number of earlier images of each side that are kept. Defaults to 64.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.
        **network_options: arguments of `default_networks`.

    Raises:
        InputError: If an argument is out of range, or networks do not fit.

    Example:

    ```python
    import zoo

    model = zoo.CycleGAN((32, 32, 3), filters=16, residual_blocks=3)
    model.compile()
    model.fit((source_images, images), batch_size=4, epochs=20)  # uint8 (n, 32, 32, 3) and (m, 32, 32, 3)
    translated = model.translate(source_images)
    restored = model.translate(translated, reverse=True)
    ```
    """

    loss_terms = ("cycle", "identity")
    trains_on_pairs = False
    translates_back = True
    left_out_of_presets = (*AdversarialModel.left_out_of_presets, "image_pool")

    def __init__(
        self,
        image_shape,
        *,
        objective="least_squares",
        cycle_weight=1.0,
        identity_weight=0.5,
        pool_size=64,
        **arguments,
    ):
        image_shape = check_image_shape(image_shape)
        check_amount(cycle_weight, "cycle_weight")
        check_amount(identity_weight, "identity_weight")
        super().__init__(image_shape, image_shape, objective=objective, **arguments)
        self.set_source_images()
        for argument in self.network_arguments:
            check_takes(argument, getattr(self, argument), dict.fromkeys(SIDES, image_shape))
        check_makes("generator", self.generator, dict.fromkeys(SIDES, image_shape))
        check_layers("generator", self.generator, "to_images", "to_source")
        self.cycle_weight, self.identity_weight = cycle_weight, identity_weight
        self.pool_size = check_count(pool_size, "pool_size")
        self.image_pool = ImagePool(self.pool_size, (len(SIDES), *image_shape), name="image_pool")

    @staticmethod
    def default_networks(
        image_shape,
        source_shape,
        filters: Count = 32,
        residual_blocks: Count = 6,
        patch_filters: Count = 64,
        patch_stages: Count = 2,
    ):
        """Two residual translators with `filters` features at the full resolution, and two patch discriminators.

        Patches are 34 pixels wide with `patch_stages=2` and 70 pixels with 3.
        """
        options = {"filters": filters, "residual_blocks": residual_blocks}
        inputs = {side: keras.Input(image_shape, name=side) for side in SIDES}
        to_images = image_to_image.translator(source_shape, **options, name="to_images")
        to_source = image_to_image.translator(image_shape, **options, name="to_source")
        generator = keras.Model(
            inputs,
            {"images": to_images(inputs["source_images"]), "source_images": to_source(inputs["images"])},
            name="generator",
        )
        judged = {side: keras.Input(image_shape, name=side) for side in SIDES}
        logits = {
            side: image_to_image.patch_discriminator(image_shape, patch_filters, patch_stages, name=f"of_{side}")(image)
            for side, image in judged.items()
        }
        return (
            generator,
            keras.Model(judged, logits, name="discriminator"),
            {**options, "patch_filters": patch_filters, "patch_stages": patch_stages},
        )

    def train_step(self, data):
        """Alternates updates of both discriminators and of both generators (Zhu et al. 2017, section 3.1)."""
        batch = self.prepare(data)
        for part in self.parts(batch):
            logs = self.update_discriminator(part)
        logs |= self.update_generator(part)
        return self.report(logs, batch)

    def generator_inputs(self, batch):
        return {side: batch[side] for side in SIDES}

    def discriminator_loss(self, batch, training=True):
        real = self.generator_inputs(batch)
        fake = self.run_frozen(self.generator, real, training)
        if training:
            pooled = self.image_pool(ops.stack([fake[side] for side in SIDES], axis=1), seed=self.seed_generator)
            fake = {side: pooled[:, index] for index, side in enumerate(SIDES)}
            real, fake = self.augmented(real, batch), self.augmented(fake, batch)
        real_logits, fake_logits = (self.discriminator(images, training=training) for images in (real, fake))
        loss = self._mean_of_sides(self.objective.discriminator_loss, real_logits, fake_logits)
        if training:
            for side in SIDES:

                def judge(images, side=side):
                    return self.run_frozen(self.discriminator, {**real, side: images}, training=True)[side]

                loss += 0.5 * self.penalized(judge, real[side], fake[side])
            if self.augmentation is not None:
                logits = ops.concatenate([real_logits[side] for side in SIDES])
                self.augmentation.update(self.objective, logits, num_replicas())
        return loss, {"discriminator_loss": loss, **self._outputs_of_sides(real_logits, fake_logits)}

    def generator_loss(self, batch, training=True):
        real = self.generator_inputs(batch)
        made = self.generated(real, training)
        logits = self.logits_for_generator(made, real, batch, training)
        adversarial = 2.0 * self._mean_of_sides(self.objective.generator_loss, *logits)
        # Both translations are translated back: F(G(s)) and G(F(x)).
        cycle = _distance(self.generated(made, training), real)
        # Each generator receives an image of its own output side: G(x) and F(s).
        swapped = {"images": real["source_images"], "source_images": real["images"]}
        identity = _distance(self.generated(swapped, training), real) if self.identity_weight else 0.0
        loss = adversarial + self.cycle_weight * cycle + self.identity_weight * identity
        return loss, {"generator_loss": loss, "cycle": cycle, "identity": identity}

    def augmented(self, images, batch):
        return {side: super(CycleGAN, self).augmented(images[side], batch) for side in SIDES}

    def _mean_of_sides(self, loss, *logits):
        return 0.5 * sum(loss(*(of_both[side] for of_both in logits)) for side in SIDES)

    def _outputs_of_sides(self, real_logits, fake_logits):
        sides = [self.output_logs(real_logits[side], fake_logits[side]) for side in SIDES]
        return {name: 0.5 * (sides[0][name] + sides[1][name]) for name in sides[0]}

    def checked_inputs(self, x):
        given = isinstance(x, dict) and x.keys() == set(SIDES)
        return {side: self.checked_images(x[side], side) for side in SIDES} if given else x

    def translate(self, images, reverse=False):
        """Translates source images to images, or with `reverse` images to source images.

        Args:
            images: uint8 or [-1, 1] images `(n, height, width, channels)`.
            reverse: bool. Whether to translate images to source images. Defaults to False.

        Returns:
            uint8 array `(n, height, width, channels)`.

        Raises:
            InputError: If images have another shape, dtype or range.
        """
        reverse = check_flag(reverse, "reverse")
        return self.translated(functools.partial(self.translate_batch, reverse=reverse), images)

    def translate_batch(self, source_images, reverse=False):
        translator = self.ema_generator.get_layer("to_source" if reverse else "to_images")
        return predict_batch(translator, source_images)

    def exported_networks(self):
        """Returns the translators of both directions, `to_images` and `to_source`."""

        def translating(name):
            translator = self.ema_generator.get_layer(name)
            return drawing(lambda image: translator(image, training=False), image=self.exported_image)

        return {name: translating(name) for name in ("to_images", "to_source")}

    def get_config(self):
        return {
            **super().get_config(),
            "cycle_weight": self.cycle_weight,
            "identity_weight": self.identity_weight,
            "pool_size": self.pool_size,
        }


def _distance(one, other):
    """Returns the sum over both sides of the mean absolute difference."""
    return sum(ops.mean(ops.abs(one[side] - other[side])) for side in SIDES)
