"""`AdversarialModel`: the alternating step of every GAN, and the averaged generator."""

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
    """A generator against a discriminator (Goodfellow et al. 2014, algorithm 1).

    A step is `discriminator_steps` updates of the discriminator, each on a fresh part of the batch, then one of the
    generator, then the exponential moving average of the generator's weights, which `generate` uses. So a batch holds
    `discriminator_steps` times the images of one update; `fit(batch_size=b)` sees to that, a ready-made batch is cut
    into equal parts and a remainder left out, and one of fewer images than parts gives some of them again. What a
    subclass adds to a loss it adds in `discriminator_loss` or `generator_loss`, never in the step.

    What the networks take besides images a subclass says in `_generator_inputs` and `_discriminator_inputs`.

    Args:
        image_shape: `(height, width, channels)`.
        generator: network to images in [-1, 1].
        discriminator: network from images to logits.
        objective: name or instance (`zoo.objectives.adversarial`).
        ema_momentum: share of the average that stays at each step; early steps average over fewer.
        discriminator_steps: discriminator updates for each of the generator.
        name, dtype: as for every Keras model.
        penalties: on the discriminator, a name, an instance (`zoo.objectives.penalties`), or a list of them.
        augmentation: of real and generated images alike, name or instance (`zoo.objectives.augment`), or None.
        monitored: figures that a subclass reports to `fit` besides those of the step.

    Raises:
        InputError: an argument out of range, or discriminator, penalties, objective and augmentation that do not fit
            together.
    """

    #: Whether moving statistics are averaged like weights, rather than those of the generator's last step.
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
                # Of who calls the constructor of a class above.
                stacklevel=3,
            )
        self.augmentation = augment.get(augmentation)
        if self.augmentation is not None:
            self.augmentation.check(self.objective)
        self.ema_momentum, self.discriminator_steps = ema_momentum, discriminator_steps
        # Here and not in compile, so that the average exists, and is saved, whether or not the model is trained.
        self.ema_generator = keras.models.clone_model(generator)
        # The weights of a preset that is being loaded follow from its file.
        if not variables_are_deferred():
            self.ema_generator.set_weights(generator.get_weights())
        self.ema_generator.trainable = False
        self._learned = frozenset(variable.path for variable in generator.trainable_variables)
        # Not the optimizer's, since the average goes on where a model that was trained is compiled anew.
        self.averaged_steps = StepCount(name="averaged_steps")
        self._parts_of_batch = discriminator_steps
        self.built = True

    def export(self, filepath, *args, **kwargs):
        """Keras' `export` of `ema_generator`, the network that `generate` draws with; its images lie in [-1, 1]."""
        return self.ema_generator.export(filepath, *args, **kwargs)

    def _check_inputs(self, **expected):
        """Refuses networks that take other inputs than those expected of each."""
        for argument, shapes in expected.items():
            takes = input_shapes(getattr(self, argument))
            if takes != shapes:
                raise InputError(f"{argument} takes {takes}, expected {shapes}.")

    def _check_layers(self, **expected):
        """Refuses networks that lack layers of the names that are expected of each."""
        for argument, names in expected.items():
            if missing := names - {layer.name for layer in getattr(self, argument).layers}:
                raise InputError(f"{argument} has no layer {min(missing)}, expected the layers {sorted(names)}.")

    def _check_images(self):
        """Refuses a generator of images of another shape."""
        made = output_shapes(self.generator)
        if made != self.image_shape:
            raise InputError(f"generator makes {made}, expected image_shape={self.image_shape}.")

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **settings):
        """Sets one optimizer for each network.

        `LearningRateScheduler` and the like move the generator's rate only, since Keras knows one optimizer; give
        both optimizers a `keras.optimizers.schedules` object to move both.

        Args:
            generator_optimizer, discriminator_optimizer: Keras optimizers or their names; default those of a compiled
                model anew, such as a preset's, else of `default_optimizers`.
            **settings: `run_eagerly`, `steps_per_execution`, `jit_compile` of Keras.
        """
        optimizers = (generator_optimizer, discriminator_optimizer)
        self._compile(dict(zip(self.optimizer_names, optimizers, strict=True)), **settings)

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
        # Which are fewer than batches where gradients are accumulated.
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
        """The discriminator's loss on a part of the batch, and its mean outputs on real and generated images.

        Outside of training without penalties and augmentation, and on images of the averaged generator.
        """
        real, fake = batch["images"], self._fixed(self.generator, self._generator_inputs(batch), training)
        if training:
            real, fake = self._augmented(real, batch), self._augmented(fake, batch)
        loss, real_logits, fake_logits = self._discrimination(real, fake, batch, training)
        if training:
            # Without moving variables, which replicas may not do where a lazy penalty is skipped.
            judge = functools.partial(self._judge_fixed, batch=batch, training=True)
            loss += self._penalized(judge, real, fake)
            if self.augmentation is not None:
                self.augmentation.update(self.objective, real_logits, num_replicas())
        return loss, {"discriminator_loss": loss, **self._outputs(real_logits, fake_logits)}

    def _discrimination(self, real, fake, batch, training):
        """What the discriminator minimizes but for penalties, and its logits of real and generated images."""
        real_logits, fake_logits = (self._judge(images, batch, training) for images in (real, fake))
        return self.objective.discriminator_loss(real_logits, fake_logits), real_logits, fake_logits

    def _penalized(self, judge, real, fake):
        """The penalties on the gradient of `judge`, a function from images to logits."""
        step = self.discriminator_optimizer.iterations
        return sum(
            penalty(judge, real, fake, step, self.input_gradient, self.seed_generator)
            for penalty in self.penalties
            if isinstance(penalty, penalties_.InputGradientPenalty)
        )

    def generator_loss(self, batch, training=True):
        """The generator's loss, on as many images as the batch part has.

        Outside of training that of the averaged generator, without augmentation.
        """
        loss = self._adversarial_loss(self._generated(self._generator_inputs(batch), training), batch, training)
        return loss, {"generator_loss": loss}

    def _adversarial_loss(self, fake, batch, training):
        """What the objective says to the generator of its images."""
        return self.objective.generator_loss(*self._logits_for_generator(fake, batch["images"], batch, training))

    def _logits_for_generator(self, fake, real, batch, training):
        """The discriminator's logits of generated images, and of real ones where the objective compares them."""

        def logits(images):
            if training:
                images = self._augmented(images, batch)
            return self._judge_fixed(images, batch, training)

        return [logits(fake), logits(real)] if self.objective.compares else [logits(fake)]

    def _generated(self, inputs, training):
        """What the generator that trains makes of its inputs, and outside of training the averaged one."""
        return self.generator(inputs, training=True) if training else self.ema_generator(inputs, training=False)

    def _fixed(self, network, inputs, training):
        """A network's outputs in training, without moving its statistics; outside of training the average's."""
        if training:
            return without_moving(network, inputs)
        return (self.ema_generator if network is self.generator else network)(inputs, training=False)

    def _judge(self, images, batch, training):
        """The discriminator's logits of images that go with the conditions of the batch."""
        return self.discriminator(self._discriminator_inputs(images, batch), training=training)

    def _judge_fixed(self, images, batch, training):
        """The same by `_fixed`."""
        return self._fixed(self.discriminator, self._discriminator_inputs(images, batch), training)

    def _generator_inputs(self, batch):
        """What the generator is given to make as many images as a part of the batch has."""
        raise NotImplementedError

    def _discriminator_inputs(self, images, batch):
        """What the discriminator is given to judge images that go with the conditions of the batch."""
        return images

    def _augmented(self, images, batch):
        """Images as the discriminator sees them in training."""
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
        """Cuts every entry of a batch into `discriminator_steps` equal parts."""
        number = ops.shape(batch["images"])[0]
        at_least = max if isinstance(number, int) else ops.maximum
        size = at_least(number // self.discriminator_steps, 1)
        for index in range(self.discriminator_steps):
            # A last, ready-made batch may have too few: the mean of none is NaN. A replica may have none of it.
            start = index * size % at_least(number, 1)
            yield {key: value[start : start + size] for key, value in batch.items()}

    def _update_average(self, updates):
        """EMA of the trainable weights; moving statistics are copied, being averages already, unless asked for.

        `updates` is 1, or 0 where no weight was updated, so that only the statistics have moved.
        """
        self.averaged_steps.steps.assign_add(ops.cast(updates, "int32"))
        steps = ops.cast(self.averaged_steps.steps, "float32")
        momentum = ops.minimum(self.ema_momentum, (1.0 + steps) / (10.0 + steps))
        momentum = ops.where(updates > 0, momentum, 1.0)
        pairs = list(zip(self.ema_generator.weights, self.generator.weights, strict=True))
        averaged = {
            id(variable)
            for variable in self.generator.weights
            # Those that were frozen since the model was made, too, lest the average leap to them.
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
        """Makes the discriminator less sure of what it learned, for a `fit` on images of another kind than before.

        Each of its weights becomes `share` of itself plus `1 - share` of a newly initialized one (Ash & Adams 2020, "On
        Warm-Starting Neural Network Training", section 4). The generator stays, and so do both optimizers.

        Args:
            share: from 0, for a discriminator that knows nothing, to 1, for the one that is there.

        Raises:
            InputError: `share` is not such a number.
        """
        check_share(share, "share")
        # A clone has the initializers, and what they draw now.
        new = keras.models.clone_model(self.discriminator)
        for variable, other in zip(self.discriminator.trainable_variables, new.trainable_variables, strict=True):
            variable.assign(share * variable + (1.0 - share) * other)

    def update_standing_statistics(self, batches):
        """Measures the statistics of the averaged generator's batch norms anew (Brock et al. 2019, appendix C.1).

        `fit` leaves it those of about the last ten batches of the generator that trains, whose weights are others. Here
        they become the means over what the average draws as in training, but for dropout, once for each batch and as
        many images as one step of the generator sees, which took 1 to 4 % from the Fréchet distances of avatars and of
        Fashion-MNIST. A generator without batch norms stays as it is.

        Args:
            batches: iterable of batches as `fit` takes them, a hundred say, of which images count only where the
                generator is given labels or other conditions that belong to them.

        Raises:
            InputError: there are no batches, or one of the wrong shape, or another backend than TensorFlow.
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
        # The random states among them go on from batch to batch.
        states = [average_of.get(id(variable), variable).value for variable in fixed]

        def moved(inputs, start):
            given = [start.get(index, state) for index, state in enumerate(states)]
            return self.generator.stateless_call(trained, given, inputs, training=True)[1]

        zeros, shares = {index: ops.zeros_like(fixed[index]) for index in statistics}, []
        try:
            batches = iter(batches)
        # The iterator of an object may raise anything.
        except Exception:  # noqa: BLE001
            raise InputError(f"batches is {shown(batches)}, expected batches as fit takes them.") from None
        with _without_dropout(self.generator):
            for batch in batches:
                self._check_batch(batch, "A batch of batches")
                inputs = self._generator_inputs(next(self._parts(self._canonical(batch))))
                if not shares:
                    left = moved(inputs, zeros)
                    # Frozen norms keep theirs, and draw by them.
                    moving = [index for index in statistics if ops.any(left[index] != 0)]
                    zeros = {index: zeros[index] for index in moving}
                left = moved(inputs, zeros)
                if not shares:
                    # From s, statistics b of a batch move them to m s + (1 - m) b, and layers keep m to themselves.
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
    """Runs a network in training mode and leaves its moving statistics and random states as they are."""
    outputs, _ = network.stateless_call(
        [variable.value for variable in network.trainable_variables],
        [variable.value for variable in network.non_trainable_variables],
        inputs,
        training=True,
    )
    return outputs


@contextlib.contextmanager
def _without_dropout(network):
    """Within it a network run in training mode drops nothing."""
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
    """The shape of one entry of a network's input, or a dict of those of its inputs."""
    # A Sequential has no `input`.
    return _shapes(network.inputs[0] if len(network.inputs) == 1 else network.input)


def output_shapes(network):
    """The same of its output."""
    return _shapes(network.outputs[0] if len(network.outputs) == 1 else network.output)


def _shapes(tensors):
    return keras.tree.map_structure(lambda tensor: tuple(tensor.shape[1:]), tensors)
