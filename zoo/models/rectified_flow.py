"""The rectified flow: images drawn by following a learned velocity from noise."""

import functools
import math

import keras
import numpy as np
from keras import ops

from zoo.errors import check_amount, check_count, check_image_shape, check_share
from zoo.exporting.networks import functional
from zoo.latents import check_seed
from zoo.layers.training_state import StepCount
from zoo.models.generative_model import GenerativeModel
from zoo.nets.building import choose_networks
from zoo.nets.flow import velocity_network
from zoo.nets.options import Count, CountFromZero
from zoo.nets.shapes import check_makes, check_takes
from zoo.progress import predict_batch
from zoo.sampling.batches import padded
from zoo.sampling.conditions import Amount, CompletedImages, Latents, Mask, Solver, Steps
from zoo.sampling.integration import SOLVERS, integrated
from zoo.training import ema, step

# The distance between two of the 256 grey values in [-1, 1].
_LEVEL = 2.0 / 255.0


@keras.saving.register_keras_serializable(package="zoo")
class RectifiedFlow(GenerativeModel):
    """Rectified flow (Liu et al. 2023), which is flow matching along straight lines (Lipman et al. 2023).

    A network v learns the velocity on straight lines from noise x0 ~ N(0, I) to images x1 (eq. 1 of Liu et al.),

        min_v E |v(x_t, t) - (x1 - x0)|^2,    x_t = (1 - t) x0 + t x1,

    at times t = 1 / (1 + exp(-n)), n ~ N(0, 1), of which most lie in the middle (Esser et al. 2024, section 3.1). An
    image is drawn by following dx = v(x, t) dt from noise at t = 0 to t = 1. `generate` uses a moving average of the
    weights.

    With classes, a share of `label_dropout` of the labels is dropped in training, so that the network knows the
    velocity without a class, too. Classifier-free guidance (Ho & Salimans 2022, eq. 6) then draws with

        v(x, t) + guidance * (v(x, t | label) - v(x, t)),

    where 1 is the model's own distribution, and more yields clearer members of a class with less variety.

    Args:
        image_shape: `(height, width, channels)`.
        network: functional network that replaces the default one, from a dict of noisy `images`, of `times` `(n,)` and,
            with classes, of `labels` `(n,)`, where `num_classes` means no class, to velocities of `image_shape`.
        num_classes: int or None. Number of classes that the labels name; None for an unconditional model. Defaults to
            None.
        class_names: list of `num_classes` texts for `generate`, or None. Defaults to None.
        label_dropout: float from 0 to 1. Share of the labels that training drops. Defaults to 0.1.
        steps: int, at least 1. Steps of `generate` unless it is told otherwise. Defaults to 25.
        guidance: float, at least 0. Guidance of `generate` unless it is told otherwise. Defaults to 1.
        ema_momentum: float from 0 to below 1. Share of the average that each step keeps; early steps keep less.
            Defaults to 0.999.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.
        **network_options: arguments of `default_networks`.

    Raises:
        InputError: If an argument is out of range.

    Example:

    ```python
    import zoo

    model = zoo.RectifiedFlow((28, 28, 1), num_classes=10)
    model.compile()
    model.fit(images, labels, epochs=20)  # uint8 (n, 28, 28, 1), integers (n,)
    threes = model.generate(16, labels=3, guidance=2.0, seed=0)
    ```
    """

    left_out_of_presets = ("averaged_steps",)
    preset_aliases = (("network", "ema_network"),)
    never_trained = ("ema_network",)
    network_arguments = ("network",)

    def __init__(
        self,
        image_shape,
        *,
        network=None,
        num_classes=None,
        class_names=None,
        label_dropout=0.1,
        steps=25,
        guidance=1.0,
        ema_momentum=0.999,
        name=None,
        dtype=None,
        **network_options,
    ):
        image_shape = check_image_shape(image_shape)
        super().__init__(image_shape, monitored=("loss", "network_gradient_norm"), name=name, dtype=dtype)
        self.set_classes(num_classes, class_names)
        self.label_dropout = check_share(label_dropout, "label_dropout")
        self.steps, self.guidance = check_count(steps, "steps"), check_amount(guidance, "guidance")
        self.ema_momentum = ema.check_momentum(ema_momentum)
        networks, self.described_networks = choose_networks(
            type(self), {"network": network}, image_shape, None, dtype, network_options, {"num_classes": num_classes}
        )
        self.network = networks["network"]
        takes = {"images": image_shape, "times": (), **({} if num_classes is None else {"labels": ()})}
        check_takes("network", self.network, takes)
        check_makes("network", self.network, image_shape)
        self.ema_network = ema.average_of(self.network)
        self.averaged_steps = StepCount(name="averaged_steps")
        self.latent_dim = math.prod(image_shape)
        self.trained_conditions = self.label_conditions
        guided = () if num_classes is None else (Amount("guidance"),)
        self.conditions = (
            *self.label_conditions,
            CompletedImages(image_shape),
            Mask(image_shape),
            Latents(self.latent_dim),
            Steps(),
            *guided,
            Solver(SOLVERS),
        )
        self.built = True
        # The attribute holds a function, because Keras would save a model as a part of this one.
        self._divergence = functools.partial(predict_batch, _Divergence(self.ema_network))

    @staticmethod
    def default_networks(
        image_shape,
        _,
        filters: Count = 64,
        patch_size: Count = 2,
        stages: CountFromZero = 1,
        blocks: Count = 2,
        num_classes=None,
    ):
        """A U-Net over patches of `patch_size` by `patch_size` pixels, with `filters` features at its resolution.

        `stages` is the number of times that the patches are halved, and `blocks` the number of residual blocks at each
        resolution, on the way down and on the way up.
        """
        options = {"patch_size": patch_size, "stages": stages, "blocks": blocks}
        network = velocity_network(image_shape, filters, **options, num_classes=num_classes)
        return network, {"filters": filters, **options}

    @staticmethod
    def default_optimizers():
        """Returns Adam with a learning rate of 5e-4."""
        return (keras.optimizers.Adam(5e-4),)

    # === The step ===

    def train_step(self, data):
        """Takes a step down the error of the velocity, and updates the average."""
        batch = self.prepare(data)
        before = self.optimizer.iterations + 0
        logs = self.update("network", self.velocity_error, batch, self.network.trainable_variables, self.optimizer)
        updates = self.optimizer.iterations - before
        ema.follow(self.ema_network, self.network, self.averaged_steps.steps, updates, self.ema_momentum)
        return self.report(logs, batch)

    def test_step(self, data):
        batch = self.prepare(data)
        _, logs = self.velocity_error(batch, training=False)
        return self.report(logs, batch)

    def velocity_error(self, batch, training=True):
        """Returns the mean squared error of the velocity, and a dict of logs.

        Evaluation, `training=False`, uses the averaged network and drops no labels.
        """
        images = batch["images"]
        number, seed = ops.shape(images)[0], self.seed_generator
        noise = keras.random.normal(ops.shape(images), seed=seed)
        times = ops.sigmoid(keras.random.normal((number,), seed=seed))
        t = ops.reshape(times, (-1, 1, 1, 1))
        inputs = {"images": (1.0 - t) * noise + t * images, "times": times}
        if self.classes is not None:
            labels = ops.cast(batch["labels"], "int32")
            if training:
                dropped = keras.random.uniform((number,), seed=seed) < self.label_dropout
                labels = ops.where(dropped, self.num_classes, labels)
            inputs["labels"] = labels
        network = self.network if training else self.ema_network
        loss = ops.mean(ops.square(network(inputs, training=training) - (images - noise)))
        return loss, {"loss": loss}

    def optimized_variables(self):
        return {"optimizer": self.network.trainable_variables}

    def call(self, inputs):
        """Returns the averaged network's velocities; inputs are those of `network`."""
        return self.ema_network(inputs, training=False)

    # === Using ===

    def sample(self, noise, labels=None, steps=None, guidance=None, solver="heun", source_images=None, mask=None):
        noise = np.reshape(noise, (-1, *self.image_shape))

        def completed(images, time):
            return np.where(mask[:, :, None], (1.0 - time) * noise + time * source_images, images)

        velocity = self._velocity(labels, self.guidance if guidance is None else guidance)
        given = {} if mask is None else {"after_step": completed}
        return integrated(velocity, noise, steps or self.steps, solver, **given)

    def encode_image(self, images, labels=None, *, steps=None):
        """Finds the noise that images are drawn from, by following the flow backwards from the images.

        `generate(latents=model.encode_image(images, labels=a), labels=b)` draws the same images as members of another
        class.

        Args:
            images: uint8 or [-1, 1] images `(n, height, width, channels)`.
            labels: integers or names `(n,)`, or one for all. A model with classes requires them; any other model
                refuses them.
            steps: int, at least 1, or None. Number of steps; None is the model's `steps`. Defaults to None.

        Returns:
            float32 array `(n, latent_dim)`, the `latents` of `generate`.

        Raises:
            InputError: If images have another shape or range, or labels are missing, out of range, or given without
                classes.
        """
        images, labels = self.checked_images(images), self.labels_for(len(images), labels)
        steps = self.steps if steps is None else check_count(steps, "steps")

        def noise_of(images, labels):
            return integrated(self._velocity(labels, 1.0), images, steps, "heun", backwards=True)

        return self._in_batches(noise_of, images, labels).reshape(len(images), -1)

    def log_prob(self, images, labels=None, *, steps=None, seed=0):
        """Estimates log p(x) of each 8-bit image, or log p(x | label), by the instantaneous change of variables.

        Along the flow, the log density changes by the divergence of the velocity (Chen et al. 2018, eq. 8). The
        divergence is estimated without bias by one random vector of signs for each image, the same for all steps
        (Grathwohl et al. 2019, eq. 7). Images are spread over their rounding intervals by uniform noise, for which the
        mean of the result is a lower bound on log p(x) (Theis et al. 2016, eq. 6).

        Args:
            images: uint8 or [-1, 1] images `(n, height, width, channels)`.
            labels: as for `encode_image`.
            steps: as for `encode_image`.
            seed: int. Seed of the noise and the signs. Defaults to 0.

        Returns:
            float64 array `(n,)` in nats.

        Raises:
            InputError: As for `encode_image`.
        """
        images, labels = self.checked_images(images), self.labels_for(len(images), labels)
        steps = self.steps if steps is None else check_count(steps, "steps")
        stream = np.random.Generator(np.random.Philox(key=[check_seed(seed), 2]))
        spread = images + _LEVEL * (stream.random(images.shape, "float32") - 0.5)
        signs = np.where(stream.random(images.shape, "float32") < 0.5, -1.0, 1.0).astype("float32")

        def log_density(spread, signs, labels):
            def field(state, time):
                given = self._inputs(state[:, :-1].reshape(spread.shape), time, labels)
                velocity, divergence = self._divergence({**given, "signs": signs})
                return np.concatenate([velocity.reshape(len(state), -1), divergence[:, None]], axis=1)

            state = np.concatenate([spread.reshape(len(spread), -1), np.zeros((len(spread), 1), "float32")], axis=1)
            state = integrated(field, state, steps, "heun", backwards=True)
            noise, change = state[:, :-1].astype("float64"), state[:, -1]
            return -0.5 * np.square(noise).sum(1) - 0.5 * self.latent_dim * math.log(2.0 * math.pi) + change

        return self._in_batches(log_density, spread, signs, labels) + self.latent_dim * math.log(_LEVEL)

    def _velocity(self, labels, guidance):
        """Returns the averaged network as a function of images and a time, guided towards the labels."""

        def velocity(images, time):
            towards = predict_batch(self.ema_network, self._inputs(images, time, labels))
            if labels is None or guidance == 1.0:
                return towards
            unknown = np.full_like(labels, self.num_classes)
            free = predict_batch(self.ema_network, self._inputs(images, time, unknown))
            return free + guidance * (towards - free)

        return velocity

    def _inputs(self, images, time, labels):
        inputs = {"images": images.astype("float32"), "times": np.full(len(images), time, "float32")}
        return inputs if labels is None else {**inputs, "labels": labels}

    def _in_batches(self, function, *rows):
        """Applies a function to rows of any number, `generation_batch` at a time; None has no rows."""
        size, results = self.generation_batch, []
        for start in range(0, len(rows[0]), size):
            part = [None if each is None else each[start : start + size] for each in rows]
            result = function(*(None if each is None else padded(each, size) for each in part))
            results.append(result[: len(part[0])])
        return np.concatenate(results)

    # === Files ===

    def exported_networks(self):
        """Returns the averaged network, whose velocities lead from noise to images."""
        velocity = functional(self.ema_network)
        ranges = {"times": (0.0, 1.0), "labels": (0, self.num_classes)}
        inputs = {name: value._replace(range=ranges.get(name)) for name, value in velocity.inputs.items()}
        return {"velocity": velocity._replace(inputs=inputs)}

    def exported_facts(self):
        return {**super().exported_facts(), "steps": self.steps, "guidance": self.guidance}

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "class_names": self.class_names,
            "label_dropout": self.label_dropout,
            "steps": self.steps,
            "guidance": self.guidance,
            "ema_momentum": self.ema_momentum,
        }


class _Divergence(keras.Model):
    """Computes velocities and the estimate of their divergence; it is a model so that Keras compiles it everywhere."""

    def __init__(self, network):
        super().__init__(name="divergence", dtype="float32")
        self.network = network
        self.built = True

    def call(self, inputs):
        signs = inputs["signs"]
        given = {name: value for name, value in inputs.items() if name != "signs"}

        def along_signs(images):
            return self.network({**given, "images": images}, training=False) * signs

        axes = tuple(range(1, len(signs.shape)))
        divergence = ops.sum(signs * step.input_gradient(along_signs, given["images"]), axis=axes)
        return self.network(given, training=False), divergence
