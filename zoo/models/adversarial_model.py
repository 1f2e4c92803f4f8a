"""`AdversarialModel`: the alternating step of every GAN, and the averaged generator."""

import functools

import keras
import numpy as np
from keras import ops

from zoo import latents as latent_vectors
from zoo.errors import InputError, check_count
from zoo.metrics import nearest_neighbors
from zoo.models.generative_model import GenerativeModel
from zoo.objectives import adversarial, augment
from zoo.objectives import penalties as penalties_

# How much the square of a latent weighs beside that of a pixel in the search for the latents of an image.
_PRIOR_WEIGHT = 0.01
_STATISTICS = ("moving_mean", "moving_variance")


class AdversarialModel(GenerativeModel):
    """A generator against a discriminator (Goodfellow et al. 2014, algorithm 1).

    A step is `discriminator_steps` updates of the discriminator, each on a fresh part of the batch, then one of the
    generator, then the exponential moving average of the generator's weights, which `generate` uses. So a batch holds
    `discriminator_steps` times the images of one update; `fit(batch_size=b)` sees to that, a ready-made batch is cut
    into equal parts and a remainder left out. What a subclass adds to a loss it adds in `discriminator_loss` or
    `generator_loss`, never in the step.

    With `num_classes` both networks are given labels: the discriminator those of real images, and the generator the
    same ones for as many images of its own.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: size of the latent vector z ~ N(0, 1).
        generator: network from latents to images in [-1, 1]; with `num_classes`, from a dict of `latents` and `labels`.
        discriminator: network from images to logits; with `num_classes`, from a dict of `images` and `labels`.
        objective: name or instance (`zoo.objectives.adversarial`).
        ema_momentum: share of the average that stays at each step; early steps average over fewer.
        discriminator_steps: discriminator updates for each of the generator.
        name, dtype: as for every Keras model.
        penalties: on the discriminator, a name, an instance (`zoo.objectives.penalties`), or a list of them.
        augmentation: of real and generated images alike, name or instance (`zoo.objectives.augment`), or None.
        num_classes: how many classes the labels name, or None for a model without labels.
        class_names: their names, for `generate`, or None.

    Raises:
        InputError: an argument out of range, or networks, penalties, objective and augmentation that do not fit
            together.
    """

    #: Whether moving statistics are averaged like weights, rather than those of the generator's last step.
    averages_statistics = False
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
        *,
        penalties=(),
        augmentation=None,
        num_classes=None,
        class_names=None,
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
        self._set_classes(num_classes, class_names)
        takes = self._input_shape(generator, "generator", "latents")
        if takes != (latent_dim,):
            raise InputError(f"generator takes {takes}, expected latent_dim={latent_dim}.")
        if tuple(generator.output_shape[1:]) != self.image_shape:
            raise InputError(f"generator makes {generator.output_shape[1:]}, expected image_shape={self.image_shape}.")
        takes = self._input_shape(discriminator, "discriminator", "images")
        if takes != self.image_shape:
            raise InputError(f"discriminator takes {takes}, expected image_shape={self.image_shape}.")
        self.latent_dim = latent_dim
        self.generator, self.discriminator = generator, discriminator
        self.objective = adversarial.get(objective)
        self.penalties = penalties_.get(penalties)
        penalties_.check(self.penalties, discriminator)
        self.augmentation = augment.get(augmentation)
        if self.augmentation is not None:
            self.augmentation.check(self.objective)
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

    def call(self, inputs):
        """Images in [-1, 1] from what the generator takes, by its average."""
        return self.ema_generator(inputs, training=False)

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
            self._clip_weights()
        logs |= self._update(
            "generator", self.generator_loss, part, self.generator.trainable_variables, self.generator_optimizer
        )
        self._update_average()
        return self._monitor.update(logs)

    def test_step(self, data):
        batch = self._canonical(data)
        fake = self.ema_generator(self._generator_inputs(batch), training=False)
        real_logits, fake_logits = (self._judge(images, batch, training=False) for images in (batch["images"], fake))
        return self._monitor.update(
            {
                "discriminator_loss": self.objective.discriminator_loss(real_logits, fake_logits),
                "generator_loss": self.objective.generator_loss(fake_logits),
                **self._outputs(real_logits, fake_logits),
            }
        )

    def discriminator_loss(self, batch):
        """The discriminator's loss on a part of the batch, and its mean outputs on real and generated images."""
        real = self._augmented(batch["images"])
        fake = self._augmented(_without_moving(self.generator, self._generator_inputs(batch)))
        judge = functools.partial(self._judge, batch=batch, training=True)
        real_logits, fake_logits = judge(real), judge(fake)
        loss = self.objective.discriminator_loss(real_logits, fake_logits)
        for penalty in self.penalties:
            if isinstance(penalty, penalties_.InputGradientPenalty):
                step = self.discriminator_optimizer.iterations
                loss += penalty(judge, real, fake, step, self.input_gradient, self.seed_generator)
        if self.augmentation is not None:
            self.augmentation.update(self.objective, real_logits)
        return loss, {"discriminator_loss": loss, **self._outputs(real_logits, fake_logits)}

    def generator_loss(self, batch):
        """The generator's loss, on as many images as the batch part has."""
        fake = self._augmented(self.generator(self._generator_inputs(batch), training=True))
        loss = self.objective.generator_loss(
            _without_moving(self.discriminator, self._with_labels("images", fake, batch))
        )
        return loss, {"generator_loss": loss}

    def _judge(self, images, batch, training):
        """The discriminator's logits of images that have the labels of the batch."""
        return self.discriminator(self._with_labels("images", images, batch), training=training)

    def _generator_inputs(self, batch):
        """Random latents, and the labels of the batch, as the generator takes them."""
        return self._with_labels("latents", self._latents(batch), batch)

    def _with_labels(self, name, values, batch):
        if self.num_classes is None:
            return values
        return {name: values, "labels": ops.cast(batch["labels"], "int32")}

    def _augmented(self, images):
        return images if self.augmentation is None else self.augmentation(images, seed=self.seed_generator)

    def _outputs(self, real_logits, fake_logits):
        return {
            "discriminator_real": ops.mean(self.objective.outputs(real_logits)),
            "discriminator_fake": ops.mean(self.objective.outputs(fake_logits)),
        }

    def _clip_weights(self):
        for penalty in self.penalties:
            if isinstance(penalty, penalties_.WeightClipping):
                variables = self.discriminator.trainable_variables
                self._assign_everywhere(variables, [penalty(variable.value) for variable in variables])

    def _latents(self, batch):
        return keras.random.normal((ops.shape(batch["images"])[0], self.latent_dim), seed=self.seed_generator)

    def _parts(self, batch):
        """Cuts every entry of a batch into `discriminator_steps` equal parts."""
        size = ops.shape(batch["images"])[0] // self.discriminator_steps
        for index in range(self.discriminator_steps):
            yield {key: value[index * size : (index + 1) * size] for key, value in batch.items()}

    def _update_average(self):
        """EMA of the trainable weights; moving statistics are copied, being averages already, unless asked for."""
        steps = ops.cast(self.generator_optimizer.iterations, "float32")
        momentum = ops.minimum(self.ema_momentum, (1.0 + steps) / (10.0 + steps))
        pairs = list(zip(self.ema_generator.weights, self.generator.weights, strict=True))
        averaged = {
            id(variable)
            for variable in self.generator.weights
            if variable.trainable or (self.averages_statistics and variable.path.endswith(_STATISTICS))
        }
        averages = [
            average.value + (1.0 - momentum) * (value.value - average.value) if id(value) in averaged else value.value
            for average, value in pairs
        ]
        self._assign_everywhere([average for average, _ in pairs], averages)

    @property
    def generate_arguments(self):
        return ("latents",) if self.num_classes is None else ("labels", "latents")

    def _generate_batch(self, latents, labels=None):
        return self.ema_generator.predict_on_batch(self._with_labels("latents", latents, {"labels": labels}))

    # === Using ===

    def encode_image(self, images, *, labels=None, steps=300, seed=0):
        """Latents whose images are near to given ones, found by gradient descent (Zhu et al. 2016, section 3.1).

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
            InputError: images of another shape or range, or labels that are missing or out of range.
        """
        images, steps = self._checked(images), check_count(steps, "steps")
        candidates = latent_vectors.sample(self.generation_batch, self.noise_shape, seed)
        labels = self._labels_of(len(images), labels)
        start = np.empty((len(images), self.latent_dim), "float32")
        for label in [None] if labels is None else np.unique(labels):
            rows = slice(None) if label is None else labels == label
            conditions = {} if label is None else {"labels": np.repeat(label, len(candidates))}
            drawn = self._generate_batch(candidates, **conditions)
            nearest, _ = nearest_neighbors(_flat(images[rows]), _flat(drawn))
            start[rows] = candidates[nearest]

        def loss(latents):
            drawn = self.ema_generator(self._with_labels("latents", latents, {"labels": labels}), training=False)
            # A sum over the images, so that each is sought as if it were alone.
            return ops.sum(ops.mean(ops.square(drawn - images), axis=(1, 2, 3))) + _PRIOR_WEIGHT * ops.sum(
                ops.mean(ops.square(latents), axis=1)
            )

        return self._minimized(loss, start, steps, 0.05)

    def _watchers(self, dataset):
        from zoo import callbacks

        watchers = [callbacks.WarnOfWinningDiscriminator(), callbacks.WarnOfExplodingGradients()]
        # Data sets that the zoo did not read tell no images in advance.
        if hasattr(dataset, "images"):
            watchers.append(callbacks.WarnOfModeCollapse(dataset.images))
        return watchers

    def _input_shape(self, network, argument, name):
        """The shape of one entry of a network's input `name`, or `InputError`."""
        # A Sequential has no `input`.
        inputs = network.inputs[0] if len(network.inputs) == 1 else network.input
        if self.num_classes is None:
            if isinstance(inputs, dict):
                raise InputError(
                    f"{argument} takes {sorted(inputs)}, expected {name} alone, since num_classes is None."
                )
            return tuple(inputs.shape[1:])
        if not isinstance(inputs, dict) or set(inputs) != {name, "labels"}:
            takes = sorted(inputs) if isinstance(inputs, dict) else f"{name} alone"
            raise InputError(
                f"{argument} takes {takes}, expected a dict of {name} and labels; num_classes is {self.num_classes}."
            )
        return tuple(inputs[name].shape[1:])

    def get_config(self):
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "objective": keras.saving.serialize_keras_object(self.objective),
            "penalties": [keras.saving.serialize_keras_object(penalty) for penalty in self.penalties],
            "augmentation": self.augmentation and keras.saving.serialize_keras_object(self.augmentation),
            "num_classes": self.num_classes,
            "class_names": self.class_names,
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


def _flat(images):
    return np.asarray(images).reshape(len(images), -1)
