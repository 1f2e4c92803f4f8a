"""`AdversarialModel`: the alternating training step that all GANs share, and the averaged generator."""

import contextlib
import functools
import warnings

import keras
from keras import ops

from zoo.errors import InputError, check_count, check_share, is_number, shown
from zoo.keras_private import variables_are_deferred
from zoo.layers.spectral_normalization import SpectralNormalization
from zoo.layers.training_state import StepCount
from zoo.models.generative_model import GenerativeModel
from zoo.objectives import adversarial, augment
from zoo.objectives import penalties as penalties_
from zoo.training.checks import check_backend
from zoo.training.step import assign_everywhere, num_replicas

_STATISTICS = ("moving_mean", "moving_variance")


class AdversarialModel(GenerativeModel):
    """Base class of all GANs: a generator trained against a discriminator (Goodfellow et al. 2014, algorithm 1).

    Both networks play the minimax game (eq. 1)

        min_G max_D  E[log D(x)] + E[log(1 - D(G(z)))],

    or minimize the losses of another `objective`. A step consists of `discriminator_steps` updates of the
    discriminator, each on a fresh part of the batch, one update of the generator, and an update of the exponential
    moving average of the generator's weights, which `generate` uses. A batch therefore holds the images of
    `discriminator_steps` updates; `fit(batch_size=b)` reads b images for each. A ready-made batch is cut into equal
    parts without the remainder; if it has fewer images than parts, some images are used again.

    A subclass defines the networks' inputs in `_generator_inputs` and `_discriminator_inputs`. It adds terms to a loss
    in `discriminator_loss` or `generator_loss`, never in the step.

    Args:
        image_shape: `(height, width, channels)`, three positive ints.
        generator: functional network with images in [-1, 1] as output.
        discriminator: functional network from images to logits.
        objective: name or instance of `zoo.objectives.adversarial`.
        ema_momentum: float from 0 to below 1. Share of the average that each step keeps; early steps keep less.
        discriminator_steps: int, at least 1. Discriminator updates per generator update.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.
        penalties: penalties on the discriminator, a name, an instance of `zoo.objectives.penalties`, or a list of them.
            Defaults to none.
        augmentation: augmentation of real and generated images, a name, an instance of `zoo.objectives.augment`, or
            None.
        monitored: tuple of str. Logs that a subclass reports in addition to those of the step.

    Raises:
        InputError: If an argument is out of range, or the discriminator, penalties, objective and augmentation do not
            fit together.

    Example:

    ```python
    import keras
    from keras import ops

    import zoo


    class SmallGAN(zoo.AdversarialModel):
        def _generator_inputs(self, batch):
            return keras.random.normal((ops.shape(batch["images"])[0], 8), seed=self.seed_generator)


    generator = keras.Sequential([keras.Input((8,)), keras.layers.Dense(64, "tanh"), keras.layers.Reshape((8, 8, 1))])
    discriminator = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model = SmallGAN((8, 8, 1), generator, discriminator, "non_saturating", ema_momentum=0.999, discriminator_steps=1)
    model.compile()
    ```
    """

    #: Whether the average also averages moving statistics, instead of copying those of the generator's last step.
    averages_statistics = False
    optimizer_names = ("generator_optimizer", "discriminator_optimizer")
    left_out_of_presets = ("averaged_steps",)
    preset_aliases = (("generator", "ema_generator"),)
    never_trained = ("ema_generator",)

    def __init__(
        self,
        image_shape,
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
        monitored=(),
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
                *monitored,
            ),
            name=name,
            dtype=dtype,
        )
        if not is_number(ema_momentum) or not 0 <= ema_momentum < 1:
            raise InputError(f"ema_momentum is {shown(ema_momentum)}, expected a number from 0 to below 1.")
        discriminator_steps = check_count(discriminator_steps, "discriminator_steps")
        self.generator, self.discriminator = generator, discriminator
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
        self.ema_generator = keras.models.clone_model(generator)
        # When a preset loads, its file provides the weights.
        if not variables_are_deferred():
            self.ema_generator.set_weights(generator.get_weights())
        self.ema_generator.trainable = False
        self._learned = frozenset(variable.path for variable in generator.trainable_variables)
        # The optimizer's step count would restart the average when a trained model is compiled again.
        self.averaged_steps = StepCount(name="averaged_steps")
        self._parts_of_batch = discriminator_steps
        self.built = True

    def export(self, filepath, *args, **kwargs):
        """Exports `ema_generator`, the network that `generate` uses, like Keras' `export`; images lie in [-1, 1]."""
        return self.ema_generator.export(filepath, *args, **kwargs)

    def _check_inputs(self, **expected):
        """Refuses networks whose inputs differ from those expected."""
        for argument, shapes in expected.items():
            takes = input_shapes(getattr(self, argument))
            if takes != shapes:
                raise InputError(f"{argument} takes {takes}, expected {shapes}.")

    def _check_layers(self, **expected):
        """Refuses networks that lack one of the layer names expected of them."""
        for argument, names in expected.items():
            if missing := names - {layer.name for layer in getattr(self, argument).layers}:
                raise InputError(f"{argument} has no layer {min(missing)}, expected the layers {sorted(names)}.")

    def _check_images(self):
        """Refuses a generator whose output is not of `image_shape`."""
        made = output_shapes(self.generator)
        if made != self.image_shape:
            raise InputError(f"generator makes {made}, expected image_shape={self.image_shape}.")

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **settings):
        """Sets one optimizer for each network.

        `LearningRateScheduler` and similar callbacks change the generator's learning rate only, since Keras knows one
        optimizer. To schedule both, give both optimizers a `keras.optimizers.schedules` object.

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

    def _optimized_variables(self):
        return {
            "generator_optimizer": self.generator.trainable_variables,
            "discriminator_optimizer": self.discriminator.trainable_variables,
        }

    def call(self, inputs):
        """Returns the averaged generator's images in [-1, 1]."""
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
        # With gradient accumulation there are fewer updates than batches.
        updates = self.generator_optimizer.iterations + 0
        logs |= self._update(
            "generator", self.generator_loss, part, self.generator.trainable_variables, self.generator_optimizer
        )
        self._update_average(self.generator_optimizer.iterations - updates)
        return self._monitor.update(logs, batch)

    def test_step(self, data):
        batch = self._canonical(data)
        _, logs = self.discriminator_loss(batch, training=False)
        _, more = self.generator_loss(batch, training=False)
        return self._monitor.update({**logs, **more}, batch)

    def discriminator_loss(self, batch, training=True):
        """Returns the discriminator's loss on a part of the batch, and a dict of logs.

        Evaluation, `training=False`, uses the averaged generator and leaves out penalties and augmentation.
        """
        real, fake = batch["images"], self._fixed(self.generator, self._generator_inputs(batch), training)
        if training:
            real, fake = self._augmented(real, batch), self._augmented(fake, batch)
        loss, real_logits, fake_logits = self._discrimination(real, fake, batch, training)
        if training:
            # The penalty must not update variables, because TensorFlow forbids this in the branch that skips a lazy
            # penalty on replicas.
            judge = functools.partial(self._judge_fixed, batch=batch, training=True)
            loss += self._penalized(judge, real, fake)
            if self.augmentation is not None:
                self.augmentation.update(self.objective, real_logits, num_replicas())
        return loss, {"discriminator_loss": loss, **self._outputs(real_logits, fake_logits)}

    def _discrimination(self, real, fake, batch, training):
        """Returns the discriminator's loss without penalties, and its logits of real and generated images."""
        real_logits, fake_logits = (self._judge(images, batch, training) for images in (real, fake))
        return self.objective.discriminator_loss(real_logits, fake_logits), real_logits, fake_logits

    def _penalized(self, judge, real, fake):
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
        loss = self._adversarial_loss(self._generated(self._generator_inputs(batch), training), batch, training)
        return loss, {"generator_loss": loss}

    def _adversarial_loss(self, fake, batch, training):
        """Returns the objective's generator loss on generated images."""
        return self.objective.generator_loss(*self._logits_for_generator(fake, batch["images"], batch, training))

    def _logits_for_generator(self, fake, real, batch, training):
        """Returns the logits of generated images, and of real ones if the objective compares both."""

        def logits(images):
            if training:
                images = self._augmented(images, batch)
            return self._judge_fixed(images, batch, training)

        return [logits(fake), logits(real)] if self.objective.compares else [logits(fake)]

    def _generated(self, inputs, training):
        """Returns the images of the generator in training, and of the averaged generator otherwise."""
        return self.generator(inputs, training=True) if training else self.ema_generator(inputs, training=False)

    def _fixed(self, network, inputs, training):
        """Returns a network's outputs without updating its statistics; evaluation uses the averaged generator."""
        if training:
            return without_moving(network, inputs)
        return (self.ema_generator if network is self.generator else network)(inputs, training=False)

    def _judge(self, images, batch, training):
        """Returns the discriminator's logits of images under the conditions of the batch."""
        return self.discriminator(self._discriminator_inputs(images, batch), training=training)

    def _judge_fixed(self, images, batch, training):
        """Returns the same logits as `_judge` without updating moving statistics."""
        return self._fixed(self.discriminator, self._discriminator_inputs(images, batch), training)

    def _generator_inputs(self, batch):
        """Returns the generator's inputs for as many images as the part of the batch has."""
        raise NotImplementedError

    def _discriminator_inputs(self, images, batch):
        """Returns the discriminator's inputs for images under the conditions of the batch."""
        return images

    def _augmented(self, images, batch):
        """Returns images as the discriminator sees them in training."""
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
                assign_everywhere(variables, [penalty(variable.value) for variable in variables])

    def _parts(self, batch):
        """Yields `discriminator_steps` equal parts of a batch."""
        number = ops.shape(batch["images"])[0]
        at_least = max if isinstance(number, int) else ops.maximum
        size = at_least(number // self.discriminator_steps, 1)
        for index in range(self.discriminator_steps):
            # A small last batch can have fewer images than parts and a replica none of it, so images repeat: the mean
            # of an empty part would be NaN.
            start = index * size % at_least(number, 1)
            yield {key: value[start : start + size] for key, value in batch.items()}

    def _update_average(self, updates):
        """Averages the trainable weights, and copies moving statistics unless `averages_statistics` is set.

        `updates` is 1, or 0 if gradient accumulation did not update any weight in this step.
        """
        self.averaged_steps.steps.assign_add(ops.cast(updates, "int32"))
        steps = ops.cast(self.averaged_steps.steps, "float32")
        momentum = ops.minimum(self.ema_momentum, (1.0 + steps) / (10.0 + steps))
        momentum = ops.where(updates > 0, momentum, 1.0)
        pairs = list(zip(self.ema_generator.weights, self.generator.weights, strict=True))
        averaged = {
            id(variable)
            for variable in self.generator.weights
            # Weights frozen after construction are averaged, too, so that their average does not jump.
            if variable.trainable
            or variable.path in self._learned
            or (self.averages_statistics and variable.path.endswith(_STATISTICS))
        }
        averages = [
            average.value + (1.0 - momentum) * (value.value - average.value) if id(value) in averaged else value.value
            for average, value in pairs
        ]
        assign_everywhere([average for average, _ in pairs], averages)

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
            InputError: If there are no batches, a batch has the wrong shape, or the backend is not TensorFlow.
        """
        check_backend("update_standing_statistics")
        average_of = {
            id(own): average for average, own in zip(self.ema_generator.weights, self.generator.weights, strict=True)
        }
        fixed = self.generator.non_trainable_variables
        statistics = [index for index, variable in enumerate(fixed) if variable.path.endswith(_STATISTICS)]
        if not statistics:
            return
        trained = [average_of[id(variable)].value for variable in self.generator.trainable_variables]
        # Random states advance from batch to batch.
        states = [average_of.get(id(variable), variable).value for variable in fixed]

        def moved(inputs, start):
            given = [start.get(index, state) for index, state in enumerate(states)]
            return self.generator.stateless_call(trained, given, inputs, training=True)[1]

        zeros, shares = {index: ops.zeros_like(fixed[index]) for index in statistics}, []
        try:
            batches = iter(batches)
        # The iterator of a user's object can raise errors of any type.
        except Exception:  # noqa: BLE001
            raise InputError(f"batches is {shown(batches)}, expected batches as fit takes them.") from None
        with _without_dropout(self.generator):
            for batch in batches:
                self._check_batch(batch, "A batch of batches")
                inputs = self._generator_inputs(next(self._parts(self._canonical(batch))))
                if not shares:
                    left = moved(inputs, zeros)
                    # Frozen batch normalization layers keep and use their statistics.
                    moving = [index for index in statistics if ops.any(left[index] != 0)]
                    zeros = {index: zeros[index] for index in moving}
                left = moved(inputs, zeros)
                if not shares:
                    # A layer moves statistics s to m s + (1 - m) b on a batch with statistics b. Two different s reveal
                    # its momentum m.
                    start = {index: 1.0 + ops.abs(left[index]) for index in moving}
                    again = moved(inputs, start)
                    rates = {index: 1.0 - (again[index] - left[index]) / start[index] for index in moving}
                shares.append(left)
                states = [state if index in statistics else left[index] for index, state in enumerate(states)]
        if not shares:
            raise InputError("batches is empty, expected at least one batch.")
        for index in moving:
            mean = sum(left[index] for left in shares) / len(shares)
            average_of[id(fixed[index])].assign(mean / rates[index])

    def _watchers(self, dataset):
        from zoo import callbacks

        return [callbacks.WarnOfWinningDiscriminator(), callbacks.WarnOfExplodingGradients()]

    def get_config(self):
        return {
            **super().get_config(),
            "objective": keras.saving.serialize_keras_object(self.objective),
            "ema_momentum": self.ema_momentum,
            "discriminator_steps": self.discriminator_steps,
            "penalties": [keras.saving.serialize_keras_object(penalty) for penalty in self.penalties],
            "augmentation": self.augmentation and keras.saving.serialize_keras_object(self.augmentation),
        }


def without_moving(network, inputs):
    """Runs a network in training mode without updating its moving statistics and random states."""
    outputs, _ = network.stateless_call(
        [variable.value for variable in network.trainable_variables],
        [variable.value for variable in network.non_trainable_variables],
        inputs,
        training=True,
    )
    return outputs


@contextlib.contextmanager
def _without_dropout(network):
    """Disables dropout for a network that runs in training mode inside this context."""
    rates = {layer: layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)}
    for layer in rates:
        layer.rate = 0.0
    try:
        yield
    finally:
        for layer, rate in rates.items():
            layer.rate = rate


def _is_bounded(network):
    kinds = (SpectralNormalization, keras.layers.SpectralNormalization)
    return any(isinstance(layer, kinds) for layer in network.layers)


def input_shapes(network):
    """Returns the shape of a network's input without the batch axis, or a dict of the shapes of its inputs."""
    # `inputs` also works for a Sequential, which has no `input`.
    return _shapes(network.inputs[0] if len(network.inputs) == 1 else network.input)


def output_shapes(network):
    """Returns the shape of a network's output without the batch axis, or a dict of the shapes of its outputs."""
    return _shapes(network.outputs[0] if len(network.outputs) == 1 else network.output)


def _shapes(tensors):
    return keras.tree.map_structure(lambda tensor: tuple(tensor.shape[1:]), tensors)
