"""`AdversarialModel`: what all GANs share: the two updates of a step, and the averaged generator."""

import functools
import types
import warnings

import keras
from keras import ops

from zoo.callbacks import WarnOfExplodingGradients, WarnOfWinningDiscriminator
from zoo.errors import InputError, check_count, check_image_shape, check_share, shown
from zoo.exporting.networks import drawing, functional
from zoo.layers.spectral_normalization import SpectralNormalization
from zoo.layers.training_state import StepCount
from zoo.models.generative_model import GenerativeModel
from zoo.nets.building import choose_networks
from zoo.objectives import adversarial, augment
from zoo.objectives import penalties as penalties_
from zoo.training import ema
from zoo.training.checks import check_backend
from zoo.training.step import assign_everywhere, num_replicas


class AdversarialModel(GenerativeModel):
    """Base class of all GANs: a generator trained against a discriminator (Goodfellow et al. 2014, algorithm 1).

    Both networks play the minimax game (eq. 1)

        min_G max_D  E[log D(x)] + E[log(1 - D(G(z)))],

    or minimize the losses of another `objective`. The `train_step` of a subclass calls `update_discriminator` on each
    of the `parts` of a batch, and then `update_generator`, which also updates the exponential moving average of the
    generator's weights that `generate` uses. A batch therefore holds the images of `discriminator_steps` updates;
    `fit(batch_size=b)` reads b images for each. A ready-made batch is cut into equal parts without the remainder; if it
    has fewer images than parts, some images are used again.

    A subclass implements `train_step`, without which Keras would take a step of its own. It defines the networks'
    inputs in `generator_inputs` and `discriminator_inputs`, and adds terms to a loss in `discriminator_loss` or
    `generator_loss`, never in the step.

    Args:
        image_shape: `(height, width, channels)`, three positive ints.
        _code_size: second argument of `default_networks`, such as the size of a latent vector, which subclasses pass.
            Defaults to None.
        _implied: mapping of the options of `default_networks` that follow from a subclass' other arguments, such as
            `num_classes`. Defaults to none.
        generator: functional network with images in [-1, 1] as output, or None for the default one.
        discriminator: functional network from images to logits, or None for the default one.
        objective: name or instance of `zoo.objectives.adversarial`. Defaults to `"non_saturating"`.
        penalties: penalties on the discriminator, a name, an instance of `zoo.objectives.penalties`, or a list of them.
            Defaults to none.
        augmentation: augmentation of real and generated images, a name, an instance of `zoo.objectives.augment`, or
            None. Defaults to None.
        ema_momentum: float from 0 to below 1. Share of the average that each step keeps; early steps keep less.
            Defaults to 0.999.
        discriminator_steps: int, at least 1. Discriminator updates per generator update. Defaults to 1.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.
        **network_options: arguments of `default_networks`.

    Raises:
        InputError: If an argument is out of range, or the discriminator, penalties, objective and augmentation do not
            fit together.

    Example:

    ```python
    import keras
    from keras import ops

    import zoo


    class SmallGAN(zoo.AdversarialModel):
        def train_step(self, data):
            batch = self.prepare(data)
            for part in self.parts(batch):
                logs = self.update_discriminator(part)
            logs |= self.update_generator(part)
            return self.report(logs, batch)

        def generator_inputs(self, batch):
            return keras.random.normal((ops.shape(batch["images"])[0], 8), seed=self.seed_generator)


    generator = keras.Sequential([keras.Input((8,)), keras.layers.Dense(64, "tanh"), keras.layers.Reshape((8, 8, 1))])
    discriminator = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model = SmallGAN((8, 8, 1), generator=generator, discriminator=discriminator, objective="hinge")
    model.compile()
    ```
    """

    #: Whether the average also averages moving statistics, instead of copying those of the generator's last step.
    averages_statistics = False
    optimizer_names = ("generator_optimizer", "discriminator_optimizer")
    left_out_of_presets = ("averaged_steps",)
    preset_aliases = (("generator", "ema_generator"),)
    never_trained = ("ema_generator",)
    network_arguments = ("generator", "discriminator")
    #: Names of the logs that a subclass' losses return besides those of all GANs.
    loss_terms = ()

    def __init__(
        self,
        image_shape,
        _code_size=None,
        _implied=types.MappingProxyType({}),
        *,
        generator=None,
        discriminator=None,
        objective="non_saturating",
        penalties=(),
        augmentation=None,
        ema_momentum=0.999,
        discriminator_steps=1,
        name=None,
        dtype=None,
        **network_options,
    ):
        image_shape = check_image_shape(image_shape)
        given = {"generator": generator, "discriminator": discriminator}
        networks, described = choose_networks(
            type(self), given, image_shape, _code_size, dtype, network_options, _implied
        )
        generator, discriminator = networks["generator"], networks["discriminator"]
        super().__init__(
            image_shape,
            monitored=(
                "discriminator_loss",
                "generator_loss",
                "discriminator_real",
                "discriminator_fake",
                "discriminator_gradient_norm",
                "generator_gradient_norm",
                *self.loss_terms,
            ),
            name=name,
            dtype=dtype,
        )
        ema.check_momentum(ema_momentum)
        discriminator_steps = check_count(discriminator_steps, "discriminator_steps")
        self.generator, self.discriminator, self.described_networks = generator, discriminator, described
        self.objective = adversarial.get(objective)
        self.penalties = penalties_.get(penalties)
        penalties_.check(self.penalties, discriminator)
        if isinstance(self.objective, adversarial.Wasserstein) and not (self.penalties or _is_bounded(discriminator)):
            warnings.warn(
                "objective is Wasserstein's, which needs a critic of bounded slope, and nothing bounds this one's; "
                "penalties='gradient_penalty' or 'weight_clipping' does, or spectral normalization.",
                # The warning points at the caller of the subclass' constructor.
                stacklevel=3,
            )
        self.augmentation = augment.get(augmentation)
        if self.augmentation is not None:
            self.augmentation.check(self.objective)
        self.ema_momentum, self.discriminator_steps = ema_momentum, discriminator_steps
        # The average is created here, not in `compile`, so that a model without training has and saves it, too.
        self.ema_generator = ema.average_of(generator)
        self._learned = frozenset(variable.path for variable in generator.trainable_variables)
        # The optimizer's step count would restart the average when a trained model is compiled again.
        self.averaged_steps = StepCount(name="averaged_steps")
        self.updates_per_batch = discriminator_steps
        self.built = True

    def exported_networks(self):
        """Returns the averaged generator, which `generate` uses."""
        generator = functional(self.ema_generator)
        return {"generator": drawing(lambda **given: generator.run(**given)["outputs"], **generator.inputs)}

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **settings):
        """Sets one optimizer for each network.

        Keras' `LearningRateScheduler` and `ReduceLROnPlateau` set the generator's learning rate and move the
        discriminator's in proportion, and so does `model.optimizer.learning_rate = rate`. Schedules of
        `keras.optimizers.schedules` belong to one optimizer each, and no callback can set them.

        Args:
            generator_optimizer, discriminator_optimizer: Keras optimizers or their names. By default a compiled model,
                such as a preset, gets new optimizers of the same configuration, and any other model those of
                `default_optimizers`.
            **settings: `run_eagerly`, `steps_per_execution` and `jit_compile` of Keras.
        """
        optimizers = (generator_optimizer, discriminator_optimizer)
        self._compile(dict(zip(self.optimizer_names, optimizers, strict=True)), **settings)

    @staticmethod
    def default_optimizers():
        """Returns new optimizers for both networks: Adam(2e-4, beta_1=0.5), as in Radford et al. 2016."""
        return keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5)

    def optimized_variables(self):
        return {
            "generator_optimizer": self.generator.trainable_variables,
            "discriminator_optimizer": self.discriminator.trainable_variables,
        }

    def call(self, inputs):
        """Returns the averaged generator's images in [-1, 1]."""
        return self.ema_generator(inputs, training=False)

    # === The step ===

    def parts(self, batch):
        """Yields `discriminator_steps` equal parts of a batch."""
        number = ops.shape(batch["images"])[0]
        at_least = max if isinstance(number, int) else ops.maximum
        size = at_least(number // self.discriminator_steps, 1)
        for index in range(self.discriminator_steps):
            # A small last batch can have fewer images than parts and a replica none of it, so images repeat: the mean
            # of an empty part would be NaN.
            start = index * size % at_least(number, 1)
            yield {key: value[start : start + size] for key, value in batch.items()}

    def update_discriminator(self, batch):
        """Takes one step down `discriminator_loss`, and returns its logs."""
        variables = self.discriminator.trainable_variables
        logs = self.update("discriminator", self.discriminator_loss, batch, variables, self.discriminator_optimizer)
        for penalty in self.penalties:
            if isinstance(penalty, penalties_.WeightClipping):
                assign_everywhere(variables, [penalty(variable.value) for variable in variables])
        return logs

    def update_generator(self, batch):
        """Takes one step down `generator_loss`, updates the average, and returns the logs."""
        # With gradient accumulation there are fewer updates than batches.
        before = self.generator_optimizer.iterations + 0
        logs = self.update(
            "generator", self.generator_loss, batch, self.generator.trainable_variables, self.generator_optimizer
        )
        updates = self.generator_optimizer.iterations - before
        ema.follow(
            self.ema_generator, self.generator, self.averaged_steps.steps, updates, self.ema_momentum, self._is_averaged
        )
        return logs

    def _is_averaged(self, variable):
        """Returns whether the average of a variable of the generator is a mean over steps, not its last value."""
        # Weights frozen after construction are averaged, too, so that their average does not jump.
        return (
            variable.trainable
            or variable.path in self._learned
            or (self.averages_statistics and variable.path.endswith(ema.STATISTICS))
        )

    def test_step(self, data):
        batch = self.prepare(data)
        _, logs = self.discriminator_loss(batch, training=False)
        _, more = self.generator_loss(batch, training=False)
        return self.report({**logs, **more}, batch)

    def discriminator_loss(self, batch, training=True):
        """Returns the discriminator's loss on a part of the batch, and a dict of logs.

        Evaluation, `training=False`, uses the averaged generator and leaves out penalties and augmentation.
        """
        real, fake = batch["images"], self.run_frozen(self.generator, self.generator_inputs(batch), training)
        if training:
            real, fake = self.augmented(real, batch), self.augmented(fake, batch)
        loss, real_logits, fake_logits = self.discrimination(real, fake, batch, training)
        if training:
            # The penalty must not update variables, because TensorFlow forbids this in the branch that skips a lazy
            # penalty on replicas.
            judge = functools.partial(self.judge_frozen, batch=batch, training=True)
            loss += self.penalized(judge, real, fake)
            if self.augmentation is not None:
                self.augmentation.update(self.objective, real_logits, num_replicas())
        return loss, {"discriminator_loss": loss, **self.output_logs(real_logits, fake_logits)}

    def discrimination(self, real, fake, batch, training):
        """Returns the discriminator's loss without penalties, and its logits of real and generated images."""
        real_logits, fake_logits = (self.judge(images, batch, training) for images in (real, fake))
        return self.objective.discriminator_loss(real_logits, fake_logits), real_logits, fake_logits

    def penalized(self, judge, real, fake):
        """Returns the sum of all penalties on the gradient of `judge`, a function from images to logits."""
        step = self.discriminator_optimizer.iterations
        return sum(
            penalty(judge, real, fake, step, self.input_gradient, self.seed_generator)
            for penalty in self.penalties
            if isinstance(penalty, penalties_.InputGradientPenalty)
        )

    def generator_loss(self, batch, training=True):
        """Returns the generator's loss on as many images as the part of the batch has, and a dict of logs.

        Evaluation, `training=False`, uses the averaged generator and leaves out augmentation.
        """
        loss = self.adversarial_loss(self.generated(self.generator_inputs(batch), training), batch, training)
        return loss, {"generator_loss": loss}

    def adversarial_loss(self, fake, batch, training):
        """Returns the objective's generator loss on generated images."""
        return self.objective.generator_loss(*self.logits_for_generator(fake, batch["images"], batch, training))

    def logits_for_generator(self, fake, real, batch, training):
        """Returns the logits of generated images, and of real ones if the objective compares both."""

        def logits(images):
            if training:
                images = self.augmented(images, batch)
            return self.judge_frozen(images, batch, training)

        return [logits(fake), logits(real)] if self.objective.compares else [logits(fake)]

    def generated(self, inputs, training):
        """Returns the images of the generator in training, and of the averaged generator otherwise."""
        return self.generator(inputs, training=True) if training else self.ema_generator(inputs, training=False)

    def run_frozen(self, network, inputs, training):
        """Returns a network's outputs without updating its statistics; evaluation uses the averaged generator."""
        if training:
            return with_frozen_statistics(network, inputs)
        return (self.ema_generator if network is self.generator else network)(inputs, training=False)

    def judge(self, images, batch, training):
        """Returns the discriminator's logits of images under the conditions of the batch."""
        return self.discriminator(self.discriminator_inputs(images, batch), training=training)

    def judge_frozen(self, images, batch, training):
        """Returns the same logits as `judge` without updating moving statistics."""
        return self.run_frozen(self.discriminator, self.discriminator_inputs(images, batch), training)

    def generator_inputs(self, batch):
        """Returns the generator's inputs for as many images as the part of the batch has."""
        raise NotImplementedError

    def discriminator_inputs(self, images, batch):
        """Returns the discriminator's inputs for images under the conditions of the batch."""
        return images

    def augmented(self, images, batch):
        """Returns images as the discriminator sees them in training."""
        return images if self.augmentation is None else self.augmentation(images, seed=self.seed_generator)

    def output_logs(self, real_logits, fake_logits):
        return {
            "discriminator_real": ops.mean(self.objective.outputs(real_logits)),
            "discriminator_fake": ops.mean(self.objective.outputs(fake_logits)),
        }

    # === Fine-tuning ===

    def shrink_and_perturb(self, share=0.4):
        """Weakens what the discriminator learned, for fine-tuning with `fit` on a different kind of images.

        Each trainable weight becomes `share` of itself plus `1 - share` of a newly initialized one (Ash & Adams 2020,
        "On Warm-Starting Neural Network Training", section 4). The generator and both optimizers remain unchanged.

        Args:
            share: float from 0, which re-initializes the discriminator, to 1, which changes nothing.

        Raises:
            InputError: If `share` is out of range.
        """
        check_share(share, "share")
        # A clone is newly initialized with the same initializers.
        new = keras.models.clone_model(self.discriminator)
        for variable, other in zip(self.discriminator.trainable_variables, new.trainable_variables, strict=True):
            variable.assign(share * variable + (1.0 - share) * other)

    def update_standing_statistics(self, batches):
        """Recomputes the batch normalization statistics of the averaged generator (Brock et al. 2019, appendix C.1).

        After `fit` these statistics are those of about the last ten batches of the trained generator, whose weights
        differ from the average's. This method replaces them by means over images that the average draws in training
        mode without dropout. Each batch adds as many images as one generator step sees. This lowered the Fréchet
        distances of avatars and of Fashion-MNIST by 1 to 4 %. A generator without batch normalization remains
        unchanged.

        Args:
            batches: iterable of batches as `fit` takes them, for example a hundred. Their images matter only if the
                generator receives labels or other conditions that belong to them.

        Raises:
            InputError: If there are no batches, a batch has the wrong shape, or the backend is none of TensorFlow, JAX
                and PyTorch.
        """
        check_backend("update_standing_statistics")
        if not ema.has_statistics(self.generator):
            return
        try:
            batches = iter(batches)
        # The iterator of a user's object can raise errors of any type.
        except Exception:  # noqa: BLE001
            raise InputError(f"batches is {shown(batches)}, expected batches as fit takes them.") from None
        if not ema.measure_statistics(self.ema_generator, self.generator, map(self._checked_generator_inputs, batches)):
            raise InputError("batches is empty, expected at least one batch.")

    def _checked_generator_inputs(self, batch):
        """Returns the generator's inputs of one of its steps on a batch of the user."""
        self.check_batch(batch, "A batch of batches")
        return self.generator_inputs(next(self.parts(self.prepare(batch))))

    def training_callbacks(self, dataset):
        return [*super().training_callbacks(dataset), WarnOfWinningDiscriminator(), WarnOfExplodingGradients()]

    def get_config(self):
        return {
            **super().get_config(),
            "objective": keras.saving.serialize_keras_object(self.objective),
            "ema_momentum": self.ema_momentum,
            "discriminator_steps": self.discriminator_steps,
            "penalties": [keras.saving.serialize_keras_object(penalty) for penalty in self.penalties],
            "augmentation": self.augmentation and keras.saving.serialize_keras_object(self.augmentation),
        }


def with_frozen_statistics(network, inputs):
    """Runs a network in training mode without updating its moving statistics and random states."""
    outputs, _ = network.stateless_call(
        [variable.value for variable in network.trainable_variables],
        [variable.value for variable in network.non_trainable_variables],
        inputs,
        training=True,
    )
    return outputs


def _is_bounded(network):
    kinds = (SpectralNormalization, keras.layers.SpectralNormalization)
    return any(isinstance(layer, kinds) for layer in network.layers)
