"""The rectified flow: images drawn by following a learned velocity from noise."""

import functools
import math

import keras
import numpy as np
from keras import ops

from zoo import latents as latent_vectors
from zoo.data.image_set import ImageSet
from zoo.errors import InputError, check_amount, check_count, check_image_shape, check_share
from zoo.exporting.networks import functional
from zoo.latents import check_seed
from zoo.layers.training_state import StepCount
from zoo.models.prompted import Prompted
from zoo.nets.building import choose_networks
from zoo.nets.flow import velocity_network
from zoo.nets.options import Count, CountFromZero
from zoo.nets.shapes import check_makes, check_takes
from zoo.progress import predict_batch
from zoo.sampling.conditions import Amount, CompletedImages, Latents, Mask, Prompts, Solver, Steps
from zoo.sampling.integration import SOLVERS, integrated
from zoo.text import Tokenizer
from zoo.training import ema, step

# The distance between two of the 256 grey values in [-1, 1].
_LEVEL = 2.0 / 255.0


@keras.saving.register_keras_serializable(package="zoo")
class RectifiedFlow(Prompted):
    """Rectified flow (Liu et al. 2023), which is flow matching along straight lines (Lipman et al. 2023).

    A network v learns the velocity on straight lines from noise x0 ~ N(0, I) to images x1 (eq. 1 of Liu et al.),

        min_v E |v(x_t, t) - (x1 - x0)|^2,    x_t = (1 - t) x0 + t x1,

    at times t = 1 / (1 + exp(-n)), n ~ N(0, 1), of which most lie in the middle (Esser et al. 2024, section 3.1). An
    image is drawn by following dx = v(x, t) dt from noise at t = 0 to t = 1. `generate` uses a moving average of the
    weights.

    Classes or texts y may condition the images. Training drops a share of `condition_dropout` of them, so that the
    network knows the velocity without a condition, too. Classifier-free guidance (Ho & Salimans 2022, eq. 6) then draws
    with

        v(x, t) + guidance * (v(x, t | y) - v(x, t)),

    where 1 is the model's own distribution, and more yields images that fit y more clearly and vary less.

    The paths of a trained flow are curved, so that few steps err. Trained on pairs of noise and the images that it
    becomes, `fit(model.pairs(...))`, a flow becomes straighter and draws in one to four steps (reflow; Liu et al. 2023,
    section 2.2). Guidance of the pairs becomes a part of the flow.

    Args:
        image_shape: `(height, width, channels)`.
        field: functional network that replaces the default one, from a dict of noisy `images` and of `times` `(n,)`
            to velocities of `image_shape`. With classes, it also takes `labels` `(n,)`, where `num_classes` means no
            class; with a vocabulary, `prompts` `(n, max_words)`, where zeros mean no text.
        num_classes: int or None. Number of classes that the labels name; None for a model without classes. Defaults to
            None.
        class_names: list of `num_classes` texts for `generate`, or None. Defaults to None.
        vocabulary: list of the words that prompts may contain, as `zoo.text.vocabulary_of(prompts)` returns it, or None
            for a model without texts. Defaults to None.
        max_words: int, at least 1. Maximal number of words in a prompt. Defaults to 40.
        example_prompts: list of texts that `generate` draws from if it is given no prompts, or None. Defaults to None.
        condition_dropout: float from 0 to 1. Share of the labels or prompts that training drops. Defaults to 0.1.
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

    #: Lowest and highest value of an image.
    drawn_range = (-1.0, 1.0)
    left_out_of_presets = ("averaged_steps",)
    preset_aliases = (("field", "ema_field"),)
    never_trained = ("ema_field",)
    network_arguments = ("field",)

    def __init__(
        self,
        image_shape,
        *,
        field=None,
        num_classes=None,
        class_names=None,
        vocabulary=None,
        max_words=40,
        example_prompts=None,
        condition_dropout=0.1,
        steps=25,
        guidance=1.0,
        ema_momentum=0.999,
        name=None,
        dtype=None,
        **network_options,
    ):
        image_shape = check_image_shape(image_shape)
        super().__init__(image_shape, monitored=("loss", "field_gradient_norm"), name=name, dtype=dtype)
        self.set_classes(num_classes, class_names)
        if num_classes is not None and vocabulary is not None:
            raise InputError("num_classes and vocabulary were given, expected at most one of them.")
        self.max_words = check_count(max_words, "max_words")
        tokenizer = None if vocabulary is None else Tokenizer(vocabulary, max_words)
        self.prompts = None if vocabulary is None else Prompts(tokenizer, example_prompts, compared=False)
        self.trained_conditions = self.label_conditions if self.prompts is None else (self.prompts,)
        self.condition_dropout = check_share(condition_dropout, "condition_dropout")
        self.steps, self.guidance = check_count(steps, "steps"), check_amount(guidance, "guidance")
        self.ema_momentum = ema.check_momentum(ema_momentum)
        words = None if tokenizer is None else (tokenizer.size, tokenizer.max_words)
        implied = {"num_classes": num_classes, "words": words}
        networks, self.described_networks = choose_networks(
            type(self), {"field": field}, image_shape, None, dtype, network_options, implied
        )
        self.field = networks["field"]
        given = {} if num_classes is None else {"labels": ()}
        given |= {} if words is None else {"prompts": words[1:]}
        check_takes("field", self.field, {"images": image_shape, "times": (), **given})
        check_makes("field", self.field, image_shape)
        self.ema_field = ema.average_of(self.field)
        self.averaged_steps = StepCount(name="averaged_steps")
        self.latent_dim = math.prod(image_shape)
        self.conditions = self.conditions_for(image_shape)
        self.built = True
        # The attribute holds a function, because Keras would save a model as a part of this one.
        self._divergence = functools.partial(predict_batch, _Divergence(self.ema_field))

    @staticmethod
    def default_networks(
        image_shape,
        _,
        filters: Count = 64,
        patch_size: Count = 2,
        stages: CountFromZero = 1,
        blocks: Count = 2,
        num_classes=None,
        words=None,
    ):
        """A U-Net over patches of `patch_size` by `patch_size` pixels, with `filters` features at its resolution.

        `stages` is the number of times that the patches are halved, and `blocks` the number of residual blocks at each
        resolution, on the way down and on the way up.
        """
        options = {"patch_size": patch_size, "stages": stages, "blocks": blocks}
        network = velocity_network(image_shape, filters, **options, num_classes=num_classes, words=words)
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
        logs = self.update("field", self.velocity_error, batch, self.field.trainable_variables, self.optimizer)
        updates = self.optimizer.iterations - before
        ema.follow(self.ema_field, self.field, self.averaged_steps.steps, updates, self.ema_momentum)
        return self.report(logs, batch)

    def test_step(self, data):
        batch = self.prepare(data)
        _, logs = self.velocity_error(batch, training=False)
        return self.report(logs, batch)

    def velocity_error(self, batch, training=True):
        """Returns the mean squared error of the velocity, and a dict of logs.

        The lines begin at the batch's `latents`, or at new noise if it has none. Evaluation, `training=False`, uses the
        averaged network and drops no labels.
        """
        images = batch["images"]
        number, seed = ops.shape(images)[0], self.seed_generator
        if "latents" in batch:
            noise = ops.reshape(batch["latents"], ops.shape(images))
        else:
            noise = keras.random.normal(ops.shape(images), seed=seed)
        times = ops.sigmoid(keras.random.normal((number,), seed=seed))
        t = ops.reshape(times, (-1, 1, 1, 1))
        inputs = {"images": (1.0 - t) * noise + t * images, "times": times}
        for condition in self.trained_conditions:
            given = ops.cast(batch[condition.name], "int32")
            inputs[condition.name] = self._with_dropout(given) if training else given
        field = self.field if training else self.ema_field
        loss = ops.mean(ops.square(field(inputs, training=training) - (images - noise)))
        return loss, {"loss": loss}

    def _with_dropout(self, given):
        """Returns labels `(n,)` or prompts `(n, max_words)`, some of them replaced by no condition."""
        dropped = keras.random.uniform((ops.shape(given)[0],), seed=self.seed_generator) < self.condition_dropout
        return ops.where(ops.reshape(dropped, (-1, *(1 for _ in given.shape[1:]))), self._nothing, given)

    @property
    def _nothing(self):
        """The label or word number that means no condition."""
        return 0 if self.classes is None else self.num_classes

    def optimized_variables(self):
        return {"optimizer": self.field.trainable_variables}

    def call(self, inputs):
        """Returns the averaged network's velocities; inputs are those of `field`."""
        return self.ema_field(inputs, training=False)

    # === Using ===

    def conditions_for(self, image_shape):
        """Returns the conditions of `generate` for images of a shape that this flow draws or that are made of them."""
        return (
            *self.trained_conditions,
            CompletedImages(image_shape),
            Mask(image_shape),
            Latents(self.latent_dim),
            Steps(),
            *([Amount("guidance")] if self.trained_conditions else []),
            Solver(SOLVERS),
        )

    def sample(self, noise, steps=None, guidance=None, solver="heun", source_images=None, mask=None, **given):
        noise = np.reshape(noise, (-1, *self.image_shape))

        def completed(images, time):
            return np.where(mask[:, :, None], (1.0 - time) * noise + time * source_images, images)

        velocity = self._velocity(given, self.guidance if guidance is None else guidance)
        after = {} if mask is None else {"after_step": completed}
        return integrated(velocity, noise, steps or self.steps, solver, **after)

    def pairs(self, number, *, steps=None, guidance=None, seed=0):
        """Draws noise and the images that it becomes, as training data for a straighter flow.

        Labels are drawn uniformly, and prompts from the example prompts.

        Args:
            number: int, at least 1. Number of pairs.
            steps: int, at least 1, or None. Steps of Heun's method; None is the model's `steps`. Defaults to None.
            guidance: float, at least 0, or None. Guidance of the images; None is the model's. Defaults to None.
            seed: int. Seed of the noise and the conditions. Defaults to 0.

        Returns:
            `zoo.data.ImageSet` of float32 `images`, their `latents`, and their labels or prompts.

        Raises:
            InputError: If an argument is out of range, or a model of prompts has no example prompts.
        """
        number, seed = check_count(number, "number"), check_seed(seed)
        steps = self.steps if steps is None else check_count(steps, "steps")
        guidance = self.guidance if guidance is None else check_amount(guidance, "guidance")
        for condition in self.trained_conditions:
            if condition.required:
                raise InputError("example_prompts is None, expected the texts that pairs are drawn from.")
        given = {condition.name: condition.drawn(number, seed) for condition in self.trained_conditions}
        noise = latent_vectors.sample(number, self.noise_shape, seed)

        drawn = functools.partial(self.sample, steps=steps, guidance=guidance)
        images = self.in_batches(drawn, {"noise": noise, **given}, "drawing pairs")
        images = np.clip(images, *self.drawn_range).astype("float32")
        return ImageSet(images, latents=noise, class_names=self.class_names, **given)

    def encode_image(self, images, labels=None, *, prompts=None, steps=None):
        """Finds the noise that images are drawn from, by following the flow backwards from the images.

        `generate(latents=model.encode_image(images, labels=a), labels=b)` draws the same images as members of another
        class.

        Args:
            images: uint8 or [-1, 1] images `(n, height, width, channels)`.
            labels: integers or names `(n,)`, or one for all. A model with classes requires them; any other model
                refuses them.
            prompts: texts, one for each image or one for all. A model with a vocabulary requires them; any other model
                refuses them.
            steps: int, at least 1, or None. Number of steps; None is the model's `steps`. Defaults to None.

        Returns:
            float32 array `(n, latent_dim)`, the `latents` of `generate`.

        Raises:
            InputError: If images have another shape or range, or conditions are missing, out of range, or not the
                model's.
        """
        images = self.checked_images(images)
        return self.noise_of(images, self.given_conditions(len(images), labels, prompts), steps)

    def noise_of(self, images, given, steps=None):
        """Returns the noise of floats `(n, *image_shape)` under checked conditions, for `encode_image`."""
        steps = self.steps if steps is None else check_count(steps, "steps")

        def noise_of(images, **given):
            return integrated(self._velocity(given, 1.0), images, steps, "heun", backwards=True)

        return self.in_batches(noise_of, {"images": images, **given}, "finding the noise").reshape(len(images), -1)

    def given_conditions(self, number, labels=None, prompts=None):
        """Returns the checked conditions of `number` given images, a dict of one entry or none."""
        labels = self.labels_for(number, labels)
        if self.prompts is not None:
            return {"prompts": self.prompts.checked_for(number, prompts)}
        if prompts is not None:
            raise InputError("prompts were given to a model without a vocabulary, expected None.")
        return {} if labels is None else {"labels": labels}

    def log_prob(self, images, labels=None, *, prompts=None, steps=None, seed=0):
        """Estimates log p(x) of each 8-bit image, or log p(x | y), by the instantaneous change of variables.

        Along the flow, the log density changes by the divergence of the velocity (Chen et al. 2018, eq. 8). The
        divergence is estimated without bias by one random vector of signs for each image, the same for all steps
        (Grathwohl et al. 2019, eq. 7). Images are spread over their rounding intervals by uniform noise, for which the
        mean of the result is a lower bound on log p(x) (Theis et al. 2016, eq. 6).

        Args:
            images: uint8 or [-1, 1] images `(n, height, width, channels)`.
            labels, prompts, steps: as for `encode_image`.
            seed: int. Seed of the noise and the signs. Defaults to 0.

        Returns:
            float64 array `(n,)` in nats.

        Raises:
            InputError: As for `encode_image`.
        """
        images = self.checked_images(images)
        given = self.given_conditions(len(images), labels, prompts)
        steps = self.steps if steps is None else check_count(steps, "steps")
        stream = np.random.Generator(np.random.Philox(key=[check_seed(seed), 2]))
        spread = images + _LEVEL * (stream.random(images.shape, "float32") - 0.5)
        signs = np.where(stream.random(images.shape, "float32") < 0.5, -1.0, 1.0).astype("float32")

        def log_density(spread, signs, **given):
            def field(state, time):
                inputs = self._inputs(state[:, :-1].reshape(spread.shape), time, given)
                velocity, divergence = self._divergence({**inputs, "signs": signs})
                return np.concatenate([velocity.reshape(len(state), -1), divergence[:, None]], axis=1)

            state = np.concatenate([spread.reshape(len(spread), -1), np.zeros((len(spread), 1), "float32")], axis=1)
            state = integrated(field, state, steps, "heun", backwards=True)
            noise, change = state[:, :-1].astype("float64"), state[:, -1]
            return -0.5 * np.square(noise).sum(1) - 0.5 * self.latent_dim * math.log(2.0 * math.pi) + change

        rows = {"spread": spread, "signs": signs, **given}
        return self.in_batches(log_density, rows, "estimating") + self.latent_dim * math.log(_LEVEL)

    def _velocity(self, given, guidance):
        """Returns the averaged network as a function of images and a time, guided towards the conditions."""

        def velocity(images, time):
            towards = predict_batch(self.ema_field, self._inputs(images, time, given))
            if not given or guidance == 1.0:
                return towards
            nothing = {name: np.full_like(rows, self._nothing) for name, rows in given.items()}
            free = predict_batch(self.ema_field, self._inputs(images, time, nothing))
            return free + guidance * (towards - free)

        return velocity

    def _inputs(self, images, time, given):
        return {"images": images.astype("float32"), "times": np.full(len(images), time, "float32"), **given}

    # === Files ===

    def exported_networks(self):
        """Returns the averaged network, whose velocities lead from noise to images."""
        velocity = functional(self.ema_field)
        ranges = {"times": (0.0, 1.0)}
        # Labels have one number more than classes, for no class.
        ranges |= {} if self.classes is None else {"labels": (0, self.num_classes)}
        ranges |= {} if self.prompts is None else {"prompts": self.exported_tokens.range}
        inputs = {name: value._replace(range=ranges.get(name)) for name, value in velocity.inputs.items()}
        return {"velocity": velocity._replace(inputs=inputs)}

    def exported_facts(self):
        return {**super().exported_facts(), "steps": self.steps, "guidance": self.guidance}

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "class_names": self.class_names,
            "vocabulary": self.vocabulary and list(self.vocabulary),
            "max_words": self.max_words,
            "example_prompts": self.example_prompts and list(self.example_prompts),
            "condition_dropout": self.condition_dropout,
            "steps": self.steps,
            "guidance": self.guidance,
            "ema_momentum": self.ema_momentum,
        }


class _Divergence(keras.Model):
    """Computes velocities and the estimate of their divergence; it is a model so that Keras compiles it everywhere."""

    def __init__(self, network):
        super().__init__(name="divergence", dtype="float32")
        self.field = network
        self.built = True

    def call(self, inputs):
        signs = inputs["signs"]
        given = {name: value for name, value in inputs.items() if name != "signs"}

        def along_signs(images):
            return self.field({**given, "images": images}, training=False) * signs

        axes = tuple(range(1, len(signs.shape)))
        divergence = ops.sum(signs * step.input_gradient(along_signs, given["images"]), axis=axes)
        return self.field(given, training=False), divergence
