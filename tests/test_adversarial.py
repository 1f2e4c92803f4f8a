"""The alternating step against its formulas, and what two optimizers, replicas and NaNs do to it."""

import contextlib
import functools
import json
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import (
    LATENT_DIM,
    SHAPE,
    AtBatch,
    assert_equal_states,
    images,
    moved,
    one_update,
    restless_gan,
    state,
    tiny_dcgan,
    tiny_gan,
    tiny_progressive_gan,
    tiny_style_gan,
    tiny_vae,
    values,
)
from keras import layers

import zoo
from zoo.callbacks import BackupAndRestore
from zoo.errors import InputError, NonFiniteError
from zoo.objectives.adversarial import NonSaturating
from zoo.objectives.penalties import R1
from zoo.random_state import random_states

# === The step by hand ===


def copy_of(network):
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    for own, other in zip(random_states(copy), random_states(network), strict=True):
        own.assign(other)
    return copy


@contextlib.contextmanager
def left_as_it_is(network):
    before = values(network.non_trainable_variables)
    yield
    for variable, value in zip(network.non_trainable_variables, before, strict=True):
        variable.assign(value)


def sgd(rate):
    def update(variables, gradients):
        for variable, gradient in zip(variables, gradients, strict=True):
            variable.assign_sub(rate * gradient)

    return update


def adam(rate, beta_1, beta_2, epsilon):
    moments, step = {}, 0

    def update(variables, gradients):
        nonlocal step
        step += 1
        for variable, gradient in zip(variables, gradients, strict=True):
            first, second = moments.get(id(variable), (0.0, 0.0))
            first = beta_1 * first + (1 - beta_1) * gradient
            second = beta_2 * second + (1 - beta_2) * gradient**2
            moments[id(variable)] = first, second
            scale = rate * (1 - beta_2**step) ** 0.5 / (1 - beta_1**step)
            variable.assign_sub(scale * first / (second**0.5 + epsilon))

    return update


class ByHand:
    """Algorithm 1 of Goodfellow et al. 2014 in plain TensorFlow, on copies of a model's networks."""

    def __init__(self, model, objective, optimizer, weight=0.0, interval=1):
        self.generator, self.discriminator = copy_of(model.generator), copy_of(model.discriminator)
        self.average = values(model.ema_generator.weights)
        self.seeds = keras.random.SeedGenerator(0)
        self.seeds.state.assign(model.seed_generator.state)
        self.update_generator, self.update_discriminator = optimizer(), optimizer()
        self.objective, self.weight, self.interval = objective, weight, interval
        self.momentum, self.done = model.ema_momentum, 0

    def latents(self, number):
        return keras.random.normal((number, LATENT_DIM), seed=self.seeds)

    def step(self, real):
        generator, discriminator = self.generator, self.discriminator
        weights = [v.value for v in discriminator.trainable_variables]
        with tf.GradientTape() as tape:
            with left_as_it_is(generator):
                fake = generator(self.latents(len(real)), training=True)
            on_real = tf.sigmoid(discriminator(real, training=True))
            on_fake = tf.sigmoid(discriminator(fake, training=True))
            d_loss = -tf.reduce_mean(tf.math.log(on_real)) - tf.reduce_mean(tf.math.log(1 - on_fake))
            if self.weight and self.done % self.interval == 0:
                with tf.GradientTape() as inner, left_as_it_is(discriminator):
                    inner.watch(real)
                    logits = discriminator(real, training=True)
                norms = tf.reduce_sum(inner.gradient(logits, real) ** 2, axis=[1, 2, 3])
                d_loss += self.interval * self.weight / 2 * tf.reduce_mean(norms)
        self.update_discriminator(discriminator.trainable_variables, tape.gradient(d_loss, weights))

        weights = [v.value for v in generator.trainable_variables]
        with tf.GradientTape() as tape:
            fake = generator(self.latents(len(real)), training=True)
            with left_as_it_is(discriminator):
                on_fake = tf.sigmoid(discriminator(fake, training=True))
            if self.objective == "minimax":
                g_loss = tf.reduce_mean(tf.math.log(1 - on_fake))
            else:
                g_loss = -tf.reduce_mean(tf.math.log(on_fake))
        self.update_generator(generator.trainable_variables, tape.gradient(g_loss, weights))

        self.done += 1
        momentum = min(self.momentum, (1 + self.done) / (10 + self.done))
        trainable = {id(v) for v in generator.trainable_variables}
        self.average = [
            momentum * average + (1 - momentum) * v.numpy() if id(v) in trainable else v.numpy()
            for average, v in zip(self.average, generator.weights, strict=True)
        ]
        return float(d_loss), float(g_loss)


norm_free_dcgan = functools.partial(tiny_dcgan, discriminator_batch_norm=False)
penalized_dcgan = functools.partial(norm_free_dcgan, objective="minimax", penalties=R1(1.0, 2))

# A large epsilon, since Adam divides gradients that are rounding errors by their own size.
ADAM = {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}
OPTIMIZERS = {
    "sgd": (lambda: keras.optimizers.SGD(0.05), lambda: sgd(0.05)),
    "adam": (lambda: keras.optimizers.Adam(0.01, **ADAM), lambda: adam(0.01, **ADAM)),
}


@pytest.mark.parametrize(
    ("build", "objective", "optimizer", "penalty"),
    [
        (restless_gan, "minimax", "adam", {}),
        (restless_gan, "non_saturating", "sgd", {}),
        (tiny_gan, "non_saturating", "adam", {"weight": 3.0, "interval": 2}),
        (tiny_dcgan, "minimax", "sgd", {}),
        pytest.param(tiny_gan, "minimax", "sgd", {"weight": 3.0}, marks=pytest.mark.slow),
        pytest.param(tiny_dcgan, "non_saturating", "adam", {}, marks=pytest.mark.slow),
        pytest.param(norm_free_dcgan, "minimax", "adam", {"weight": 3.0}, marks=pytest.mark.slow),
        pytest.param(tiny_style_gan, "non_saturating", "adam", {"weight": 0.3, "interval": 2}, marks=pytest.mark.slow),
        pytest.param(tiny_progressive_gan, "minimax", "adam", {"weight": 0.3}, marks=pytest.mark.slow),
        pytest.param(norm_free_dcgan, "non_saturating", "sgd", {"weight": 3.0, "interval": 2}, marks=pytest.mark.slow),
    ],
)
def test_steps_equal_the_formula(build, objective, optimizer, penalty):
    theirs, ours = OPTIMIZERS[optimizer]
    penalties = {"penalties": R1(**penalty)} if penalty else {}
    model = build(objective=objective, ema_momentum=0.2, **penalties)
    model.compile(theirs(), theirs())
    by_hand = ByHand(model, objective, ours, **penalty)
    # A third step for the penalty that rests on the second.
    for step in range(3 if penalty else 2):
        real = images(8, seed=step)
        logs = model.train_step(real)
        expected = by_hand.step(tf.constant(real / 127.5 - 1, "float32"))
        # The logs are means over the steps so far, so only the first shows one step alone.
        if step == 0:
            found = float(logs["discriminator_loss"]), float(logs["generator_loss"])
            assert found == pytest.approx(expected, rel=1e-5)
        for network, copy in ((model.generator, by_hand.generator), (model.discriminator, by_hand.discriminator)):
            for variable, value in zip(network.weights, copy.get_weights(), strict=True):
                np.testing.assert_allclose(variable, value, rtol=1e-4, atol=2e-6, err_msg=f"{step} {variable.path}")
        for variable, value in zip(model.ema_generator.weights, by_hand.average, strict=True):
            np.testing.assert_allclose(variable, value, rtol=1e-4, atol=2e-6, err_msg=f"{step} {variable.path}")


@pytest.mark.slow
def test_fit_takes_the_same_steps_and_shows_the_means_of_their_figures():
    model, twin = restless_gan(), restless_gan()
    twin.set_weights(model.get_weights())
    twin.seed_generator.state.assign(model.seed_generator.state)
    batches = [images(4, seed=step) for step in range(2)]
    for each in (model, twin):
        each.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05))
    steps = []
    for batch in batches:
        twin.reset_metrics()
        steps.append(twin.train_step(batch))
    history = model.fit(tf.data.Dataset.from_tensor_slices(np.stack(batches)), verbose=0).history
    for one, other in zip(values(model.weights), values(twin.weights), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert len(history) == 6
    for name, (shown,) in history.items():
        np.testing.assert_allclose(shown, np.mean([float(step[name]) for step in steps]), rtol=1e-4, err_msg=name)


class Talkative(zoo.GAN):
    """Reports a figure that it never announced."""

    def generator_loss(self, batch, training=True):
        loss, logs = super().generator_loss(batch, training)
        return loss, {**logs, "diversity": loss}


@pytest.mark.slow
def test_a_figure_that_was_not_announced_is_named():
    gan = restless_gan()
    model = Talkative(SHAPE, LATENT_DIM, generator=gan.generator, discriminator=gan.discriminator)
    model.compile()
    with pytest.raises(InputError, match="reports 'diversity', expected one of monitored"):
        model.train_step(images(4))


# === Who moves what ===


@pytest.mark.slow
@pytest.mark.parametrize("updated", ["generator", "discriminator"])
@pytest.mark.parametrize("build", [restless_gan, tiny_dcgan])
def test_an_update_moves_one_network_alone(build, updated):
    model = build()
    model.compile()
    network = getattr(model, updated)
    moving = [v for v in network.non_trainable_variables if v.path.endswith(("mean", "variance"))]
    statistics, weights = values(moving), values(network.trainable_variables)
    one_update(model, updated, images(8))
    assert moving and all(moved(statistics, moving))
    assert all(moved(weights, network.trainable_variables))


class Recording(zoo.GAN):
    """Keeps the parts of the batch that its losses were given."""

    def discriminator_loss(self, batch, training=True):
        self.seen.append(("discriminator", batch))
        return super().discriminator_loss(batch, training)

    def generator_loss(self, batch, training=True):
        self.seen.append(("generator", batch))
        return super().generator_loss(batch, training)


@pytest.mark.slow
def test_each_discriminator_step_takes_a_fresh_part_and_leaves_the_remainder():
    gan = restless_gan()
    networks = {"generator": gan.generator, "discriminator": gan.discriminator}
    model = Recording(SHAPE, LATENT_DIM, **networks, objective="minimax", ema_momentum=0.9, discriminator_steps=3)
    model.seen = []
    model.compile()
    batch = {"images": images(11), "labels": np.arange(11, dtype="int32")}
    model.train_step(batch)
    assert [who for who, _ in model.seen] == ["discriminator"] * 3 + ["generator"]
    assert [list(part["labels"]) for _, part in model.seen] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [6, 7, 8]]
    for _, part in model.seen:
        np.testing.assert_allclose(part["images"], batch["images"][part["labels"]] / 127.5 - 1, atol=1e-6)
    assert int(model.discriminator_optimizer.iterations) == 3
    assert int(model.generator_optimizer.iterations) == 1


@pytest.mark.slow
def test_batch_size_means_images_per_discriminator_update():
    model = tiny_gan(discriminator_steps=2)
    model.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01), run_eagerly=True)
    model.fit(images(14), batch_size=3, verbose=0)
    # 14 images make two batches of 2 * 3.
    assert int(model.discriminator_optimizer.iterations) == 4
    assert int(model.generator_optimizer.iterations) == 2


def test_a_batch_smaller_than_the_discriminator_steps_is_refused():
    model = tiny_gan(discriminator_steps=3)
    model.compile()
    with pytest.raises(ValueError, match=r"first batch of x has 2 images, expected at least 3"):
        model.fit(tf.data.Dataset.from_tensors(images(2)), verbose=0)


# === The average ===


@pytest.mark.slow
def test_the_average_follows_its_formula_through_the_warm_up():
    model = restless_gan(ema_momentum=0.3)
    model.compile(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.5))
    average = values(model.ema_generator.weights)
    trainable = {id(v) for v in model.generator.trainable_variables}
    momenta = []
    for step in range(1, 5):
        model.train_step(images(6, seed=step))
        momenta.append(min(0.3, (1 + step) / (10 + step)))
        for index, variable in enumerate(model.generator.weights):
            (value,) = values([variable])
            if id(variable) in trainable:
                average[index] = momenta[-1] * average[index] + (1 - momenta[-1]) * value
                np.testing.assert_allclose(model.ema_generator.weights[index], average[index], rtol=1e-5, atol=1e-7)
                assert (average[index] != value).any()
            else:
                np.testing.assert_array_equal(model.ema_generator.weights[index], value)
    assert momenta[0] < momenta[1] < momenta[2] == momenta[3] == 0.3


class OfOnesOwn(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


def subclassed():
    network = OfOnesOwn()
    network(np.zeros((1, LATENT_DIM)))
    return network


@pytest.mark.parametrize(
    "network", ["x", keras.Sequential([keras.layers.Dense(3)]), subclassed()], ids=["text", "unbuilt", "subclassed"]
)
def test_what_is_no_network_is_refused(network):
    for argument in ("generator", "discriminator"):
        with pytest.raises(InputError, match=f"{argument} is .*, expected a functional Keras network of known inputs"):
            zoo.GAN(SHAPE, LATENT_DIM, **{argument: network})


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_networks_that_end_in_half_precision_are_refused(precision):
    networks = dict(zip(("generator", "discriminator"), zoo.GAN.default_networks(SHAPE, LATENT_DIM)[:2], strict=True))
    for argument, network in networks.items():
        halved = keras.layers.Activation("linear", dtype=precision)(network.output)
        with pytest.raises(InputError, match=f'{argument} makes {precision}, expected float32: .* dtype="float32"'):
            zoo.GAN(SHAPE, LATENT_DIM, **{argument: keras.Model(network.input, halved)})


def gap_of_the_average(optimizers, steps, **arguments):
    """How far a model's average, one away from weights that stay, is from them after some steps."""
    model = tiny_gan(**arguments)
    model.compile()
    model.averaged_steps.steps.assign(10_000)
    kernel = model.generator.trainable_variables[0]
    average = next(v for v in model.ema_generator.weights if v.path == kernel.path)
    average.assign(kernel + 1.0)
    model.compile(*optimizers)
    for _ in range(steps):
        model.train_step(images(4))
    return float(np.mean(average - kernel))


def test_the_average_goes_on_where_a_trained_model_is_compiled_anew():
    still = [keras.optimizers.SGD(0.0) for _ in range(2)]
    assert gap_of_the_average(still, 1, ema_momentum=0.999) == pytest.approx(0.999, rel=1e-5)


@pytest.mark.slow
def test_the_average_moves_with_updates_and_not_with_the_batches_that_they_accumulate():
    still = [keras.optimizers.SGD(0.0, gradient_accumulation_steps=4) for _ in range(2)]
    assert gap_of_the_average(still, 8, ema_momentum=0.9) == pytest.approx(0.9**2, rel=1e-5)


@pytest.mark.slow
def test_updates_that_a_loss_scaler_skips_do_not_count_for_the_mean_gradient():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = tiny_gan()
        model.compile()
    finally:
        keras.config.set_dtype_policy("float32")
    scaler = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.0), initial_scale=2.0**127)
    model.compile(keras.optimizers.SGD(0.0), scaler)
    history = model.fit(images(8), batch_size=4, epochs=60, verbose=0).history
    norms = np.array(history["discriminator_gradient_norm"])
    # Of none there is no mean; of no epoch is it infinite.
    skipped = np.isnan(norms)
    assert skipped[0] and not skipped[np.argmin(skipped) :].any()
    assert 0 < norms[-1] < np.inf and np.isfinite(norms[~skipped]).all()


@pytest.mark.slow
def test_the_gradient_norm_is_that_of_the_loss_whatever_an_optimizer_scales_it_by():
    norms = []
    for scale in (None, 1024.0):
        keras.utils.set_random_seed(0)
        model = tiny_gan()
        model.compile(*(keras.optimizers.SGD(0.0, loss_scale_factor=scale) for _ in range(2)), run_eagerly=True)
        norms.append(model.fit(images(4), batch_size=4, verbose=0).history["generator_gradient_norm"])
    assert norms[1] == pytest.approx(norms[0], rel=1e-4)


@pytest.mark.slow
def test_the_average_exists_and_is_saved_without_training(tmp_path):
    model = tiny_dcgan()
    drawn = model.generate(3, seed=1)
    np.testing.assert_equal(values(model.ema_generator.weights), values(model.generator.weights))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert not loaded.compiled
    np.testing.assert_equal(values(loaded.ema_generator.weights), values(model.generator.weights))
    np.testing.assert_array_equal(loaded.generate(3, seed=1), drawn)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [{"augmentation": "adaptive"}, {"penalties": R1(100.0)}])
def test_evaluation_judges_images_of_the_average_and_moves_nothing(arguments, monkeypatch):
    model = restless_gan(**arguments)
    if model.augmentation is not None:
        model.augmentation.probability.assign(1.0)
    for variable in model.ema_generator.weights:
        if variable.path.endswith("kernel"):
            variable.assign(2.0 * variable)
    latents = np.random.RandomState(0).normal(size=(8, LATENT_DIM)).astype("float32")
    monkeypatch.setattr(model, "generator_inputs", lambda batch: latents)
    batch = model.prepare({"images": images(8)})
    fake, of_generator = (network(latents, training=False) for network in (model.ema_generator, model.generator))
    assert np.abs(fake - of_generator).max() > 0.01
    real_logits, fake_logits = (model.discriminator(given, training=False) for given in (batch["images"], fake))
    expected = np.mean(np.logaddexp(0, -np.array(real_logits))) + np.mean(np.logaddexp(0, np.array(fake_logits)))
    loss, logs = model.discriminator_loss(batch, training=False)
    assert float(loss) == float(logs["discriminator_loss"]) == pytest.approx(expected, rel=1e-5)

    model.compile(run_eagerly=True)
    before = values(model.weights)
    model.evaluate(images(8), batch_size=4, verbose=0)
    assert not any(moved(before, model.weights))


def test_generate_uses_the_average():
    model = tiny_gan()
    drawn = model.generate(3, seed=1)
    for variable in model.generator.weights:
        variable.assign(variable * 0 + 1)
    np.testing.assert_array_equal(model.generate(3, seed=1), drawn)
    model.ema_generator.set_weights(model.generator.get_weights())
    assert (model.generate(3, seed=1) != drawn).any()


@pytest.mark.slow
@pytest.mark.parametrize("build", [restless_gan, tiny_style_gan])
def test_a_discriminator_is_shrunk_and_perturbed_and_nothing_else_moves(build):
    model = build()
    frozen = next(layer for layer in model.discriminator.layers if layer.weights)
    frozen.trainable = False
    moving = model.discriminator.trainable_variables
    for variable in moving:
        variable.assign(100.0 + 0.0 * variable)
    still = [*model.generator.weights, *model.ema_generator.weights, *frozen.weights]
    still += model.discriminator.non_trainable_variables
    before = values(still)
    model.shrink_and_perturb(0.25)
    assert not any(moved(before, still))
    # What a network begins with: kernels that are small and differ, biases of 0, scales of 1.
    added = [array - 25.0 for array in values(moving)]
    for variable, array in zip(moving, added, strict=True):
        if variable.path.endswith("kernel"):
            assert array.size == 1 or array.std() > 1e-3
            assert np.abs(array).max() < 5
        else:
            assert np.abs(array - (0.75 if variable.path.endswith("gamma") else 0.0)).max() < 1e-4

    again = values(moving)
    model.shrink_and_perturb(1)
    assert not any(moved(again, moving))
    model.shrink_and_perturb(0)
    assert max(np.abs(array).max() for array in values(moving)) < 10


@pytest.mark.parametrize("share", [-0.1, 1.5, "0.4", None])
def test_impossible_shares_are_refused(share):
    with pytest.raises(InputError, match=f"share is {share!r}, expected a number from 0 to 1."):
        tiny_gan().shrink_and_perturb(share)


@pytest.mark.parametrize("ema_momentum", [-0.1, 1, 1.5])
def test_impossible_momenta_are_refused(ema_momentum):
    with pytest.raises(InputError, match=f"ema_momentum is {ema_momentum}, expected a number from 0"):
        tiny_gan(ema_momentum=ema_momentum)


@pytest.mark.parametrize("steps", [0, -1, 1.5])
def test_impossible_discriminator_steps_are_refused(steps):
    with pytest.raises(InputError, match=f"discriminator_steps is {steps}, expected an integer of at least 1"):
        tiny_gan(discriminator_steps=steps)


# === Two optimizers ===


def optimizers_in(model):
    return {id(value): value for value in vars(model).values() if isinstance(value, keras.optimizers.Optimizer)}


def test_compile_round_trip_keeps_both_optimizers_and_the_settings():
    model = tiny_gan()
    model.compile(keras.optimizers.RMSprop(0.03, rho=0.8), keras.optimizers.SGD(0.04), steps_per_execution=2)
    twin = tiny_gan()
    twin.compile_from_config(json.loads(json.dumps(model.get_compile_config())))
    assert isinstance(twin.generator_optimizer, keras.optimizers.RMSprop)
    assert isinstance(twin.discriminator_optimizer, keras.optimizers.SGD)
    assert twin.generator_optimizer.get_config() == model.generator_optimizer.get_config()
    assert twin.discriminator_optimizer.get_config() == model.discriminator_optimizer.get_config()
    assert twin.steps_per_execution == 2
    assert tiny_gan().get_compile_config() is None


def test_optimizers_are_built_on_their_own_variables_and_there_is_no_third():
    model = restless_gan()
    model.compile()
    for name, network in (("generator_optimizer", model.generator), ("discriminator_optimizer", model.discriminator)):
        optimizer = getattr(model, name)
        assert optimizer.built
        slots = [tuple(v.shape) for v in optimizer.variables][2:]
        expected = [tuple(v.shape) for v in network.trainable_variables]
        assert sorted(slots) == sorted(expected * 2)
    assert list(optimizers_in(model)) == [id(model.generator_optimizer), id(model.discriminator_optimizer)]
    assert model.optimizer.iterations is model.generator_optimizer.iterations


@pytest.mark.slow
def test_a_saved_model_restores_both_optimizers_bit_equal(tmp_path):
    model = restless_gan(penalties=R1(0.5, 4), ema_momentum=0.7, discriminator_steps=2)
    model.compile(keras.optimizers.Adam(0.01), keras.optimizers.RMSprop(0.02))
    for step in range(2):
        model.train_step(images(8, seed=step))
    before = state(model)
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive, archive.open("model.weights.h5") as file:
        saved = [name for name in h5py.File(file, "r") if "optimizer" in name]
    assert saved == ["discriminator_optimizer", "generator_optimizer"]

    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_equal_states(state(loaded), before)
    assert len(optimizers_in(loaded)) == 2
    assert loaded.ema_momentum == 0.7 and loaded.discriminator_steps == 2
    (penalty,) = loaded.penalties
    assert (type(loaded.objective), penalty.weight, penalty.interval) == (NonSaturating, 0.5, 4)


@pytest.mark.slow
def test_schedules_move_both_rates_and_are_saved(tmp_path):
    model = tiny_gan()
    rates = {"generator_optimizer": 0.25, "discriminator_optimizer": 0.5}
    fall = keras.optimizers.schedules.PolynomialDecay
    model.compile(*(keras.optimizers.SGD(fall(rate, 4, end_learning_rate=0.0)) for rate in rates.values()))
    model.fit(images(12), batch_size=4, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for name, rate in rates.items():
        # Three of four steps are done.
        for found in (model, loaded):
            assert float(getattr(found, name).learning_rate) == pytest.approx(rate / 4)
    loaded.fit(images(4), batch_size=4, verbose=0)
    assert float(loaded.generator_optimizer.learning_rate) == 0.0


def test_one_optimizer_for_both_networks_is_refused():
    optimizer = keras.optimizers.Adam()
    with pytest.raises(InputError, match="generator_optimizer and discriminator_optimizer are the same object"):
        tiny_gan().compile(optimizer, optimizer)


@pytest.mark.parametrize("name", ["generator_optimizer", "discriminator_optimizer"])
def test_optimizers_that_average_weights_themselves_are_refused(name):
    averaging = keras.optimizers.Adam(use_ema=True)
    for optimizer in (averaging, keras.optimizers.LossScaleOptimizer(averaging)):
        with pytest.raises(InputError, match=f"{name} has use_ema=True, expected False; the model's ema_momentum"):
            tiny_gan().compile(**{name: optimizer})
    # Keras looks after the only one of a model.
    tiny_vae().compile(averaging)


def test_optimizers_of_another_model_are_refused_and_its_own_are_not():
    other, model = tiny_gan(), tiny_gan()
    other.compile()
    with pytest.raises(InputError, match="discriminator_optimizer has moments of other variables than the model"):
        model.compile(keras.optimizers.Adam(), other.discriminator_optimizer)
    assert not model.compiled
    own = other.generator_optimizer, other.discriminator_optimizer
    other.compile(*own)
    assert (other.generator_optimizer, other.discriminator_optimizer) == own
    # Layers that are frozen by now have moments to spare, those that no longer are have none.
    other.generator.layers[1].trainable = False
    other.compile(*own)
    frozen = keras.optimizers.Adam()
    other.compile(frozen, own[1])
    other.generator.layers[1].trainable = True
    with pytest.raises(InputError, match="generator_optimizer has moments of other variables"):
        other.compile(frozen, own[1])
    with pytest.raises(InputError, match="generator_optimizer lacks variables that are trained since it was compiled"):
        other.fit(images(4), batch_size=4)


@pytest.mark.slow
def test_what_is_exchanged_between_two_fits_is_taken_up():
    model = tiny_gan()
    model.compile()
    variables = model.generator.trainable_variables
    model.fit(images(4), batch_size=4, verbose=0)
    first = model.train_function
    model.fit(images(4), batch_size=4, verbose=0)
    assert model.train_function is first
    frozen = next(layer for layer in model.generator.layers if layer.weights)
    frozen.trainable = False
    before, kept = values(variables), {variable.path for variable in frozen.weights}
    model.fit(images(4), batch_size=4, verbose=0)
    for variable, has_moved in zip(variables, moved(before, variables), strict=True):
        assert has_moved == (variable.path not in kept)
    # A number goes into the variable that the graph reads, a schedule is another object.
    frozen.trainable = True
    model.generator_optimizer.learning_rate = keras.optimizers.schedules.PolynomialDecay(0.0, 10, 0.0)
    before = values(variables)
    model.fit(images(4), batch_size=4, verbose=0)
    assert not any(moved(before, variables))


def test_the_average_does_not_leap_to_weights_that_are_frozen():
    model = tiny_gan(ema_momentum=0.9)
    model.averaged_steps.steps.assign(10_000)
    layer, average = model.generator.layers[1], model.ema_generator.layers[1]
    layer.trainable = False
    layer.kernel.assign(layer.kernel + 1.0)
    model.compile()
    before = values([average.kernel])[0]
    model.train_step(images(4))
    np.testing.assert_allclose(average.kernel - before, 0.1, atol=1e-5)


@pytest.mark.slow
def test_a_loss_scaler_of_ones_own_is_saved_with_its_state(tmp_path):
    model = tiny_gan()
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3), initial_scale=4.0), "sgd")
    model.fit(images(16), batch_size=8, verbose=0)
    model.save(tmp_path / "gan.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert isinstance(loaded.generator_optimizer, keras.optimizers.LossScaleOptimizer)
    np.testing.assert_equal(values(loaded.generator_optimizer.variables), values(model.generator_optimizer.variables))


@pytest.mark.slow
def test_who_gives_one_optimizer_keeps_the_settings_of_the_other():
    model = tiny_gan()
    model.compile("sgd", keras.optimizers.Adam(3e-3, beta_1=0.25))
    model.compile(keras.optimizers.Adam(1e-4))
    assert float(model.generator_optimizer.learning_rate) == pytest.approx(1e-4)
    kept = model.discriminator_optimizer
    assert float(kept.learning_rate) == pytest.approx(3e-3) and kept.beta_1 == 0.25 and int(kept.iterations) == 0
    model.fit(images(8), batch_size=8, verbose=0)
    assert int(kept.iterations) == 1


# === Ways to compile ===


@pytest.mark.slow
def test_fit_runs_several_steps_an_execution():
    model = penalized_dcgan()
    model.compile(steps_per_execution=2)
    history = model.fit(images(24), batch_size=8, epochs=2, verbose=0).history
    assert all(np.isfinite(figures).all() for figures in history.values())
    assert int(model.optimizer.iterations) == 6


# === NaN ===


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("generator_optimizer", r"The discriminator's loss or gradient became NaN or infinite at step 2;"),
        ("discriminator_optimizer", r"The generator's loss or gradient became NaN or infinite at step 1;"),
    ],
)
def test_a_nan_learning_rate_is_named_at_the_next_update(broken, message):
    model = tiny_gan()
    model.compile(**{broken: keras.optimizers.SGD(float("nan"))}, run_eagerly=True)
    with pytest.raises(NonFiniteError, match=message):
        model.fit(images(16), batch_size=4, verbose=0)
    assert model.first_failure() is not None


@pytest.mark.slow
def test_an_exploding_step_is_named():
    model = tiny_gan()
    model.compile(discriminator_optimizer=keras.optimizers.SGD(1e30), run_eagerly=True)
    with pytest.raises(NonFiniteError, match=r"^The (generator|discriminator)'s .* at step [123]; .* usually helps\.$"):
        model.fit(images(32), batch_size=4, verbose=0)


@pytest.mark.slow
def test_an_infinite_loss_with_a_finite_gradient_is_named(monkeypatch):
    model = tiny_gan()
    model.compile()
    loss_of = model.generator_loss

    def infinite(batch):
        loss, logs = loss_of(batch)
        return loss + float("inf"), logs

    monkeypatch.setattr(model, "generator_loss", infinite)
    with pytest.raises(NonFiniteError, match=r"^The generator's loss or gradient became NaN or infinite at step 1;"):
        model.fit(images(8), batch_size=4, verbose=0)


def spoil_the_rate(model):
    model.generator_optimizer.learning_rate = float("nan")


@pytest.mark.slow
@pytest.mark.parametrize("batch", [0, 2])
def test_a_backup_from_before_the_nan_stays_usable(tmp_path, batch):
    def build():
        keras.utils.set_random_seed(0)
        model = tiny_gan()
        model.compile(run_eagerly=True)
        return model

    with pytest.raises(NonFiniteError):
        # Of three batches, the last leaves no later update in its epoch to notice.
        build().fit(
            images(12),
            batch_size=4,
            epochs=3,
            verbose=0,
            callbacks=[AtBatch(1, batch, spoil_the_rate), BackupAndRestore(tmp_path / "backup")],
        )
    model = build()
    # A run of as many epochs as the backup holds restores it and trains no further.
    model.fit(images(12), batch_size=4, epochs=1, verbose=0, callbacks=[BackupAndRestore(tmp_path / "backup")])
    assert int(model.generator_optimizer.iterations) == 3
    assert all(np.isfinite(value).all() for value in values(model.variables))
    expected = build()
    expected.fit(images(12), batch_size=4, epochs=1, verbose=0)
    assert_equal_states(state(model), state(expected))


@pytest.mark.slow
def test_a_failure_is_forgotten_by_the_next_fit():
    model = tiny_gan()
    model.compile(generator_optimizer=keras.optimizers.SGD(float("nan")), run_eagerly=True)
    weights = model.get_weights()
    with pytest.raises(NonFiniteError):
        model.fit(images(8), batch_size=4, verbose=0)
    model.set_weights(weights)
    model.compile("adam", run_eagerly=True)
    model.fit(images(8), batch_size=4, verbose=0)
    assert model.first_failure() is None


def test_networks_that_do_not_fit_are_refused():
    wrong = keras.Sequential([keras.Input((LATENT_DIM,)), layers.Dense(16), layers.Reshape((4, 4, 1))])
    with pytest.raises(InputError, match=r"generator makes \(4, 4, 1\), expected image_shape=\(8, 8, 1\)"):
        zoo.GAN(SHAPE, LATENT_DIM, generator=wrong)


@pytest.mark.slow
def test_a_last_batch_of_fewer_images_than_steps_gives_some_twice():
    model = tiny_gan(discriminator_steps=2)
    model.compile("sgd", "sgd")
    batches = tf.data.Dataset.from_tensor_slices(images(9)).batch(8)
    assert np.isfinite(model.fit(batches, verbose=0).history["discriminator_loss"]).all()


@pytest.mark.parametrize(
    ("build", "settings", "says"),
    [
        (tiny_vae, {"metrics": ["mae"]}, "compile was given metrics, expected optimizer, run_eagerly"),
        (tiny_gan, {"optimizer": "adam"}, "compile was given optimizer, expected generator_optimizer, discriminator_o"),
        (tiny_gan, {"loss": "mse"}, "compile was given loss"),
        (tiny_gan, {"steps_per_execution": 0}, "steps_per_execution is 0, expected an integer of at least 1"),
        (tiny_gan, {"jit_compile": "foo"}, "jit_compile is 'foo', expected True, False or 'auto'"),
    ],
)
def test_what_compile_would_ignore_is_refused(build, settings, says):
    with pytest.raises(InputError, match=says):
        build().compile(**settings)
