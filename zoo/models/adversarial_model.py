"""`AdversarialModel`: the alternating step of every GAN, and the averaged generator."""

import functools

import keras
from keras import ops

from zoo.errors import InputError, check_count
from zoo.models.generative_model import GenerativeModel
from zoo.objectives import adversarial


class AdversarialModel(GenerativeModel):
    """A generator against a discriminator (Goodfellow et al. 2014, algorithm 1).

    A step is `discriminator_steps` updates of the discriminator, each on a fresh part of the batch, then one of the
    generator, then the exponential moving average of the generator's weights, which `generate` uses. So a batch holds
    `discriminator_steps` times the images of one update; `fit(batch_size=b)` sees to that, a ready-made batch is cut
    into equal parts and a remainder left out. What a subclass adds to a loss it adds in `discriminator_loss` or
    `generator_loss`, never in the step.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: size of the latent vector z ~ N(0, 1).
        generator: network from latents to images in [-1, 1].
        discriminator: network from images to logits.
        objective: name or instance (`zoo.objectives.adversarial`).
        ema_momentum: share of the average that stays at each step; early steps average over fewer.
        discriminator_steps: discriminator updates for each of the generator.
        name, dtype: as for every Keras model.

    Raises:
        InputError: an argument out of range, or networks that do not fit together.
    """

    generate_arguments = ("latents",)
    optimizer_names = ("generator_optimizer", "discriminator_optimizer")
    preset_aliases = (("generator", "ema_generator"),)

    def __init__(
        self,
        image_shape,
        latent_dim,
        generator,
        discriminator,
        objective,
        ema_momentum,
        discriminator_steps,
        name=None,
        dtype=None,
    ):
        super().__init__(
            image_shape,
            monitored=(
                "discriminator_loss",
                "generator_loss",
                "discriminator_real",
                "discriminator_fake",
                "discriminator_gradient_norm",
                "generator_gradient_norm",
            ),
            name=name,
            dtype=dtype,
        )
        if not 0 <= ema_momentum < 1:
            raise InputError(f"ema_momentum is {ema_momentum!r}, expected a number from 0 up to, not including, 1.")
        latent_dim = check_count(latent_dim, "latent_dim")
        discriminator_steps = check_count(discriminator_steps, "discriminator_steps")
        if tuple(generator.input_shape[1:]) != (latent_dim,):
            raise InputError(f"generator takes {generator.input_shape[1:]}, expected latent_dim={latent_dim}.")
        if tuple(generator.output_shape[1:]) != self.image_shape:
            raise InputError(f"generator makes {generator.output_shape[1:]}, expected image_shape={self.image_shape}.")
        if tuple(discriminator.input_shape[1:]) != self.image_shape:
            raise InputError(
                f"discriminator takes {discriminator.input_shape[1:]}, expected image_shape={self.image_shape}."
            )
        self.latent_dim = latent_dim
        self.generator, self.discriminator = generator, discriminator
        self.objective = adversarial.get(objective)
        self.ema_momentum, self.discriminator_steps = ema_momentum, discriminator_steps
        # Here and not in compile, so that the average exists, and is saved, whether or not the model is trained.
        self.ema_generator = keras.models.clone_model(generator)
        self.ema_generator.set_weights(generator.get_weights())
        self.ema_generator.trainable = False
        self._parts_of_batch = discriminator_steps
        self.built = True

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **settings):
        """Sets one optimizer for each network.

        `LearningRateScheduler` and the like move the generator's rate only, since Keras knows one optimizer; give
        both optimizers a `keras.optimizers.schedules` object to move both.

        Args:
            generator_optimizer, discriminator_optimizer: Keras optimizers or their names; default those of
                `default_optimizers`.
            **settings: `run_eagerly`, `steps_per_execution`, `jit_compile` of Keras.
        """
        default = self.default_optimizers()
        self._compile(
            {
                "generator_optimizer": generator_optimizer or default[0],
                "discriminator_optimizer": discriminator_optimizer or default[1],
            },
            **settings,
        )

    @staticmethod
    def default_optimizers():
        """New optimizers for generator and discriminator: Adam, the rate 2e-4 and beta_1 0.5 (Radford et al. 2016)."""
        return keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5)

    def _optimized_variables(self):
        return {
            "generator_optimizer": self.generator.trainable_variables,
            "discriminator_optimizer": self.discriminator.trainable_variables,
        }

    def call(self, latents):
        """Images in [-1, 1] from latents, by the averaged generator."""
        return self.ema_generator(latents, training=False)

    def train_step(self, data):
        batch = self._canonical(data)
        for part in self._parts(batch):
            logs = self._update(
                "discriminator",
                self.discriminator_loss,
                part,
                self.discriminator.trainable_variables,
                self.discriminator_optimizer,
            )
        logs |= self._update(
            "generator", self.generator_loss, part, self.generator.trainable_variables, self.generator_optimizer
        )
        self._update_average()
        return self._monitor.update(logs)

    def test_step(self, data):
        batch = self._canonical(data)
        real_logits = self.discriminator(batch["images"], training=False)
        fake_logits = self.discriminator(self.ema_generator(self._latents(batch), training=False), training=False)
        return self._monitor.update(
            {
                "discriminator_loss": self.objective.discriminator_loss(real_logits, fake_logits),
                "generator_loss": self.objective.generator_loss(fake_logits),
                "discriminator_real": ops.mean(ops.sigmoid(real_logits)),
                "discriminator_fake": ops.mean(ops.sigmoid(fake_logits)),
            }
        )

    def discriminator_loss(self, batch):
        """The discriminator's loss on a part of the batch, and its mean outputs on real and generated images."""
        real = batch["images"]
        fake = _without_moving(self.generator, self._latents(batch))
        real_logits = self.discriminator(real, training=True)
        fake_logits = self.discriminator(fake, training=True)
        loss = self.objective.discriminator_loss(real_logits, fake_logits)
        for penalty in self.objective.penalties:
            loss += penalty(
                functools.partial(self.discriminator, training=True),
                real,
                fake,
                self.discriminator_optimizer.iterations,
                self.input_gradient,
            )
        return loss, {
            "discriminator_loss": loss,
            "discriminator_real": ops.mean(ops.sigmoid(real_logits)),
            "discriminator_fake": ops.mean(ops.sigmoid(fake_logits)),
        }

    def generator_loss(self, batch):
        """The generator's loss, on as many images as the batch part has."""
        fake = self.generator(self._latents(batch), training=True)
        loss = self.objective.generator_loss(_without_moving(self.discriminator, fake))
        return loss, {"generator_loss": loss}

    def _latents(self, batch):
        return keras.random.normal((ops.shape(batch["images"])[0], self.latent_dim), seed=self.seed_generator)

    def _parts(self, batch):
        """Cuts every entry of a batch into `discriminator_steps` equal parts."""
        size = ops.shape(batch["images"])[0] // self.discriminator_steps
        for index in range(self.discriminator_steps):
            yield {key: value[index * size : (index + 1) * size] for key, value in batch.items()}

    def _update_average(self):
        """EMA of the trainable weights; moving statistics are copied, being averages already."""
        steps = ops.cast(self.generator_optimizer.iterations, "float32")
        momentum = ops.minimum(self.ema_momentum, (1.0 + steps) / (10.0 + steps))
        pairs = list(zip(self.ema_generator.weights, self.generator.weights, strict=True))
        trainable = {id(variable) for variable in self.generator.trainable_variables}
        averages = [
            average.value + (1.0 - momentum) * (value.value - average.value) if id(value) in trainable else value.value
            for average, value in pairs
        ]
        self._assign_everywhere([average for average, _ in pairs], averages)

    def _generate_batch(self, latents):
        return self.ema_generator.predict_on_batch(latents)

    def get_config(self):
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "objective": keras.saving.serialize_keras_object(self.objective),
            "ema_momentum": self.ema_momentum,
            "discriminator_steps": self.discriminator_steps,
        }


def _without_moving(network, inputs):
    """Runs a network in training mode and leaves its moving statistics and random states as they are."""
    outputs, _ = network.stateless_call(
        [variable.value for variable in network.trainable_variables],
        [variable.value for variable in network.non_trainable_variables],
        inputs,
        training=True,
    )
    return outputs
