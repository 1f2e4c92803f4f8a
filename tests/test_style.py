"""Progressive and style-based GANs: their layers by definition, growing through one fit, and styles for each layer."""

import re

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
    interrupt,
    state,
    tiny_gan,
    tiny_progressive_gan,
    tiny_style_dcgan,
    tiny_style_gan,
    values,
)

import zoo
from zoo import latents
from zoo.callbacks import BackupAndRestore, Grow
from zoo.errors import InputError
from zoo.layers import equalized, growing, style
from zoo.layers.conditional_norm import ConditionalBatchNormalization, StyleBatchNormalization
from zoo.layers.growing import GrowingDiscriminator, GrowingGenerator
from zoo.layers.minibatch_std import MinibatchStd
from zoo.layers.pixel_norm import PixelNorm
from zoo.nets.style import stage_widths


def normal(*shape, seed=0):
    return np.random.RandomState(seed).standard_normal(shape).astype("float32")


def convolved(x, kernel):
    """A zero-padded convolution in float64."""
    size, (height, width) = len(kernel), x.shape[1:3]
    side = size // 2
    x = np.pad(x.astype("float64"), ((0, 0), (side, side), (side, side), (0, 0)))
    return sum(x[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(size) for j in range(size))


def enlarged(x, factor=2):
    return x.repeat(factor, 1).repeat(factor, 2)


def shrunk(x, factor=2):
    n, h, w, c = x.shape
    return x.reshape(n, h // factor, factor, w // factor, factor, c).mean((2, 4))


def resampled_convolution(x, kernel, resample):
    y = convolved(enlarged(x) if resample == "up" else x, kernel)
    return shrunk(y) if resample == "down" else y


# === Layers by definition ===


def test_equalized_dense_layers_scale_unit_weights():
    layer = equalized.EqualizedDense(300, gain=2.0, learning_rate_multiplier=0.01, initial_bias=0.5)
    layer.build((None, 200))
    kernel = layer.kernel.numpy()
    assert kernel.std() == pytest.approx(100.0, rel=0.02) and kernel.mean() == pytest.approx(0, abs=2)
    x = normal(4, 200)
    expected = x @ kernel.astype("float64") * (0.01 * 2.0 / np.sqrt(200)) + 0.5
    np.testing.assert_allclose(layer(x), expected, atol=1e-4)


@pytest.mark.parametrize("resample", [None, "up", "down"])
@pytest.mark.parametrize("size", [1, 3])
def test_equalized_convolutions_scale_unit_weights(size, resample):
    layer = equalized.EqualizedConv2D(5, size, gain=1.5, resample=resample)
    x = normal(2, 6, 4, 3)
    found = layer(x)
    layer.bias.assign(normal(5))
    kernel = layer.kernel.numpy() * 1.5 / np.sqrt(3 * size**2)
    expected = resampled_convolution(x, kernel, resample)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(layer(x), expected + normal(5), atol=1e-5)
    assert layer.compute_output_shape(x.shape) == found.shape == expected.shape
    wide = equalized.EqualizedConv2D(200, 3)
    wide.build((None, 8, 8, 100))
    assert wide.kernel.numpy().std() == pytest.approx(1.0, rel=0.01)


def test_equalized_layers_learn_alike_whatever_their_size():
    # One step of an optimizer that normalizes gradients changes every kernel by the same share.
    shares = []
    for inputs in (2, 200):
        layer = equalized.EqualizedDense(3)
        layer.build((None, inputs))
        optimizer = keras.optimizers.Adam(0.01)
        optimizer.build(layer.trainable_variables)
        before = layer.kernel.numpy()
        optimizer.apply([normal(inputs, 3), normal(3)])
        shares.append(np.abs(layer.kernel.numpy() - before).mean())
    assert shares[0] == pytest.approx(shares[1], rel=1e-3) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("resample", [None, "up"])
def test_modulated_convolutions_equal_one_kernel_for_each_image(demodulate, resample):
    layer = equalized.ModulatedConv2D(5, 3, gain=1.5, resample=resample, demodulate=demodulate)
    x, styles = normal(3, 4, 6, 4), 1 + normal(3, 4, seed=1)
    found = layer(x, styles)
    kernel = layer.kernel.numpy().astype("float64") / np.sqrt(9 * 4)
    for image, scales, result in zip(x, styles, found, strict=True):
        own = kernel * scales[:, None]
        if demodulate:
            own = own / np.sqrt((own**2).sum((0, 1, 2)) + 1e-8)
        expected = 1.5 * resampled_convolution(image[None], own, resample)[0]
        np.testing.assert_allclose(result, expected, atol=1e-5)
    layer.bias.assign(normal(5))
    np.testing.assert_allclose(layer(x, styles), found + normal(5), atol=1e-5)


def test_demodulated_features_keep_their_variance():
    layer = equalized.ModulatedConv2D(30, 3)
    x, styles = normal(2, 16, 16, 50), np.array([np.full(50, 0.01), np.full(50, 40.0)], "float32")
    deviations = keras.ops.std(layer(x, styles)[:, 1:-1, 1:-1], axis=(1, 2, 3))
    np.testing.assert_allclose(deviations, [1, 1], rtol=0.05)


def test_pixel_norm():
    x = 3 * normal(2, 4, 4, 5)
    expected = x / np.sqrt((x.astype("float64") ** 2).mean(-1, keepdims=True) + 1e-8)
    np.testing.assert_allclose(PixelNorm()(x), expected, rtol=1e-5)
    np.testing.assert_array_equal(PixelNorm()(np.zeros((1, 3), "float32")), np.zeros((1, 3)))


def test_minibatch_std_is_one_number_for_the_batch():
    x = normal(6, 4, 4, 5)
    found = MinibatchStd()(x).numpy()
    np.testing.assert_array_equal(found[..., :5], x)
    np.testing.assert_allclose(found[..., 5], np.full((6, 4, 4), x.std(0).mean()), rtol=1e-5)
    same = MinibatchStd()(np.repeat(x[:1], 6, 0)).numpy()
    assert same[..., 5].max() < 1e-3


def test_noise_is_one_number_for_each_pixel():
    layer = style.NoiseInjection()
    x = normal(3, 4, 6, 5)
    np.testing.assert_array_equal(layer(x, training=True), x)
    layer.strength.assign(0.5)
    first, second = (np.array(layer(x, training=True)) - x for _ in range(2))
    np.testing.assert_allclose(first, np.repeat(first[..., :1], 5, -1), atol=1e-6)
    assert len(np.unique(first[..., 0].round(6))) == 3 * 4 * 6
    assert np.abs(first - second).min() > 0
    assert np.std([np.array(layer(x, training=True)) - x for _ in range(30)]) == pytest.approx(0.5, rel=0.05)
    # The same for all images, and at every call, where the model draws.
    drawn = layer(x, training=False)
    np.testing.assert_array_equal(layer(x, training=False), drawn)
    np.testing.assert_allclose(drawn - x, np.broadcast_to(0.5 * layer.noise.numpy(), x.shape), atol=1e-6)


def test_the_moving_mean_moves_in_training_alone():
    layer = style.MovingMean(momentum=0.75)
    x = 1 + normal(8, 3)
    np.testing.assert_array_equal(layer(x), x)
    assert not layer.mean.numpy().any()
    np.testing.assert_array_equal(layer(x, training=True), x)
    np.testing.assert_allclose(layer.mean, x.mean(0) / 4, rtol=1e-5)
    layer(x, training=True)
    np.testing.assert_allclose(layer.mean, x.mean(0) * 7 / 16, rtol=1e-5)


def test_styles_are_mixed_in_training_alone():
    number, depth = 400, 5
    w = np.arange(number, dtype="float32")[:, None] * np.ones(3, "float32")
    layer = style.MixStyles(depth, probability=0.75)
    np.testing.assert_array_equal(layer(w), np.repeat(w[:, None], depth, 1))
    assert (style.MixStyles(depth, probability=0.0)(w, training=True) == layer(w)).numpy().all()
    found = layer(w, training=True).numpy()
    assert (found == found[..., :1]).all()
    own = found[..., 0] == np.arange(number)[:, None]
    other = found[..., 0] == (np.arange(number)[:, None] + 1) % number
    assert (own ^ other).all() and own[:, 0].all()
    firsts = own.sum(1)
    # From its first foreign layer on, all are.
    assert (own == (np.arange(depth) < firsts[:, None])).all()
    counts = np.bincount(firsts, minlength=depth + 1) / number
    np.testing.assert_allclose(counts, [0, *[0.75 / 4] * 4, 0.25], atol=0.08)


def test_the_learned_grid_is_the_same_for_all_images():
    layer = style.LearnedGrid((4, 2, 300))
    found = layer(normal(5, 7))
    np.testing.assert_array_equal(found, np.repeat(layer.grid.numpy()[None], 5, 0))
    assert np.std(found) == pytest.approx(1.0, rel=0.05)


def test_style_batch_norm_scales_and_shifts_as_the_style_says():
    layer = StyleBatchNormalization(momentum=0.5)
    x, w = 3 + 2 * normal(3, 8, 6, 4), normal(3, 5, seed=1)
    found = layer(x, w, training=True)
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    scale, shift = (np.array(linear(w))[:, None, None] for linear in (layer.scale, layer.shift))
    np.testing.assert_allclose(found, (1 + scale) * (x - mean) / np.sqrt(variance + 1e-5) + shift, rtol=1e-3, atol=1e-4)
    expected = (1 + scale) * (x - 0.5 * mean) / np.sqrt(0.5 + 0.5 * variance + 1e-5) + shift
    np.testing.assert_allclose(layer(x, w, training=False), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("norm", "least", "most"), [(StyleBatchNormalization, 1e-4, 0.01), (ConditionalBatchNormalization, 0.5, 1)]
)
def test_only_scales_of_styles_learn_slowly(norm, least, most):
    layer, w = norm(), normal(1, 96)
    layer.build((None, 4, 4, 3), w.shape)
    before = np.array(layer.scale(w))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer.scale(w))
    variables = layer.scale.trainable_variables
    keras.optimizers.Adam(8e-3).apply(tape.gradient(total, [v.value for v in variables]), variables)
    change = np.abs(np.array(layer.scale(w)) - before)
    assert (change > least).all() and (change < most).all()


@pytest.mark.parametrize(
    "layer",
    [
        equalized.EqualizedDense(3, 2.0, 0.1, 1.0),
        equalized.EqualizedConv2D(3, 1, 2.0, "up"),
        equalized.ModulatedConv2D(3, 1, 2.0, "up", False),
        PixelNorm(),
        MinibatchStd(),
        style.NoiseInjection(),
        style.MovingMean(0.5),
        style.MixStyles(4, 0.5),
        style.LearnedGrid((4, 4, 2)),
        StyleBatchNormalization(0.5),
        GrowingGenerator((8, 8, 1), [4, 2]),
        GrowingDiscriminator((8, 8, 1), [4, 2]),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_survive_serialization(layer):
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer) and again.get_config() == layer.get_config()


def test_half_precision_loses_no_norm():
    # Sums of as many squares stop growing in bfloat16.
    ones = np.ones((2, 2, 2, 3000), "float32")
    normed = PixelNorm(dtype="mixed_bfloat16")(ones)
    assert normed.dtype == "bfloat16" and float(normed[0, 0, 0, 0]) == 1
    layer = equalized.ModulatedConv2D(4, 1, dtype="mixed_bfloat16")
    x = normal(1, 16, 16, 300)
    found = keras.ops.cast(layer(x, np.ones((1, 300), "float32")), "float32")
    layer32 = equalized.ModulatedConv2D(4, 1)
    layer32.build(x.shape, (1, 300))
    layer32.kernel.assign(layer.kernel)
    np.testing.assert_allclose(found, layer32(x, np.ones((1, 300), "float32")), atol=0.05)
    assert layer.kernel.dtype == "float32"


def test_enlarging_and_shrinking():
    x = normal(2, 4, 8, 3)
    np.testing.assert_array_equal(growing.enlarge(x, 2), enlarged(x))
    np.testing.assert_allclose(growing.shrink(x, 4), shrunk(x, 4), atol=1e-6)
    np.testing.assert_allclose(growing.shrink(growing.enlarge(x, 2), 2), x, atol=1e-6)


# === Sizes ===


@pytest.mark.parametrize(
    ("shape", "widths"),
    [
        ((64, 64, 3), [64, 64, 32, 16, 8]),
        ((28, 28, 1), [32, 16, 8]),
        ((48, 48, 3), [64, 32, 16, 8]),
        ((16, 32, 3), [32, 16, 8]),
        ((8, 8, 1), [16, 8]),
    ],
)
def test_widths_double_towards_the_coarsest_grid(shape, widths):
    assert stage_widths(shape, 8) == widths


@pytest.mark.parametrize("build", [tiny_progressive_gan, tiny_style_gan])
@pytest.mark.parametrize("shape", [(30, 30, 3), (64, 66, 3), (4, 4, 1), (7, 7, 1), (20, 8, 1), (36, 36, 1)])
def test_sizes_that_no_doubling_reaches_are_refused(build, shape):
    if shape == (20, 8, 1):
        # 10 x 4 is as good a grid as any.
        assert build(shape).image_shape == shape
        return
    message = r"image_shape is \(.*\), expected sides that are a grid of 4 to 7 pixels doubled one or more"
    with pytest.raises(InputError, match=message):
        build(shape)


@pytest.mark.parametrize("build", [tiny_progressive_gan, tiny_style_gan])
def test_widths_must_be_counts(build):
    with pytest.raises(InputError, match="filters is 0, expected an integer of at least 1"):
        build(filters=0)


# === Growing: networks ===

LARGE = (16, 16, 2)


def grown(fade, **arguments):
    model = tiny_progressive_gan(LARGE, **arguments)
    model.grow(np.array(fade, "float32"))
    return model


def drawn(model, network="generator", inputs=None):
    inputs = normal(3, LATENT_DIM) if inputs is None else inputs
    return np.array(getattr(model, network)(inputs))


def test_a_new_model_has_grown():
    model = tiny_progressive_gan(LARGE)
    assert (model.stage, model.last_stage, model.alpha) == (2, 2, 1.0)
    np.testing.assert_array_equal(drawn(model), drawn(model, "ema_generator"))


@pytest.mark.parametrize("fade", [[1.0], [0.0, 1.0], [2.0, 0.0], [0.5, -0.1], [float("nan"), 0.0]])
def test_impossible_growths_are_refused(fade):
    model = tiny_progressive_gan(LARGE)
    with pytest.raises(InputError, match=r"fade (is|holds) .*, expected 2 numbers from 0 to 1, in which 0"):
        model.grow(fade)
    assert (model.stage, model.alpha) == (2, 1.0)


@pytest.mark.slow
def test_generators_fade_from_stage_to_stage():
    model = grown([0.0, 0.0])
    assert (model.stage, model.alpha) == (0, 1.0)
    before = drawn(model)
    np.testing.assert_array_equal(before, enlarged(before[:, ::4, ::4], 4))
    model.grow([1.0, 0.0])
    after = drawn(model)
    np.testing.assert_array_equal(after, enlarged(after[:, ::2, ::2], 2))
    model.grow([0.25, 0.0])
    assert (model.stage, model.alpha) == (1, 0.25)
    np.testing.assert_allclose(drawn(model), 0.75 * before + 0.25 * after, atol=1e-5)
    np.testing.assert_array_equal(drawn(model), drawn(model, "ema_generator"))
    model.grow([1.0, 1.0])
    assert (drawn(model) != enlarged(drawn(model)[:, ::2, ::2], 2)).any()


def test_a_stage_that_begins_warms_the_average_up_anew():
    model = grown([1.0, 0.0])
    for fade, expected in (([1.0, 0.0], 100), ([1.0, 0.25], 0), ([1.0, 0.5], 100), ([0.0, 0.0], 100)):
        model.averaged_steps.steps.assign(100)
        model.grow(fade)
        assert int(model.averaged_steps.steps) == expected


def test_discriminators_fade_from_stage_to_stage():
    x = normal(3, *SHAPE)
    layer = GrowingDiscriminator(SHAPE, [5, 3])

    def features(alpha):
        layer.fade.assign([alpha])
        layer.follow()
        return layer(x).numpy()

    layer(x)
    before, after = features(0.0), features(1.0)
    assert before.shape == after.shape == (3, 4, 4, 5)
    np.testing.assert_allclose(features(0.25), 0.75 * before + 0.25 * after, atol=1e-5)


def test_a_discriminator_sees_no_more_detail_than_its_stage():
    model = grown([1.0, 0.0])
    x = normal(3, *LARGE)
    coarse = enlarged(shrunk(x))
    assert np.abs(coarse - x).max() > 0.1
    np.testing.assert_allclose(model.discriminator(x), model.discriminator(coarse), atol=1e-5)
    model.grow([1.0, 0.5])
    assert np.abs(model.discriminator(x) - model.discriminator(coarse)).max() > 1e-3


def test_real_images_fade_as_generated_ones_do():
    model, x = grown([0.25, 0.0]), images(3, LARGE)
    coarse, fine = (enlarged(shrunk(x / 127.5 - 1, f), f) for f in (4, 2))
    np.testing.assert_allclose(model.prepare(x)["images"], 0.75 * coarse + 0.25 * fine, atol=1e-5)
    model.grow([1.0, 1.0])
    np.testing.assert_allclose(model.prepare(x)["images"], x / 127.5 - 1, atol=1e-6)


def test_stages_of_no_use_are_not_computed(monkeypatch):
    calls, original = [], equalized.EqualizedConv2D.call
    monkeypatch.setattr(
        equalized.EqualizedConv2D, "call", lambda self, x: (calls.append(self.name), original(self, x))[1]
    )
    model = grown([0.0, 0.0])
    calls.clear()
    drawn(model)
    assert calls == ["second_0", "to_image_0"]
    calls.clear()
    drawn(model, "discriminator", normal(2, *LARGE))
    assert calls == ["from_image_0", "last_conv"]
    model.grow([1.0, 0.0])
    calls.clear()
    drawn(model)
    assert calls == ["second_0", "first_1", "second_1", "to_image_1"]
    model.grow([0.5, 0.0])
    calls.clear()
    drawn(model)
    assert calls == ["second_0", "first_1", "second_1", "to_image_1", "to_image_0"]


def moved_by_a_step(model):
    """Names of the weights that a training step moves, by network."""
    networks = {name: getattr(model, name) for name in ("generator", "discriminator")}
    before = {name: values(network.weights) for name, network in networks.items()}
    model.train_step(images(8, model.image_shape))
    return {
        name: [
            "/".join(variable.path.split("/")[-2:])
            for variable, old in zip(network.weights, before[name], strict=True)
            if (variable.numpy() != old).any()
        ]
        for name, network in networks.items()
    }


def parameters(*layers):
    return {f"{layer}/{part}" for layer in layers for part in ("kernel", "bias")}


HEAD = ("last_conv", "hidden", "logit")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fade", "generator", "discriminator"),
    [
        ([0.0, 0.0], ("first_0", "second_0", "to_image_0"), ("from_image_0", *HEAD)),
        (
            [0.5, 0.0],
            ("first_0", "second_0", "first_1", "second_1", "to_image_0", "to_image_1"),
            ("from_image_0", "from_image_1", "first_1", "second_1", *HEAD),
        ),
    ],
)
def test_a_step_trains_the_stages_that_have_begun(fade, generator, discriminator):
    model = grown(fade)
    model.compile()
    average = values(model.ema_generator.weights)
    moved = moved_by_a_step(model)
    assert set(moved["generator"]) == parameters(*generator)
    assert set(moved["discriminator"]) == parameters(*discriminator)
    for variable, old, own in zip(model.ema_generator.weights, average, values(model.generator.weights), strict=True):
        # Weights that were never trained are their own average.
        assert (variable.numpy() != old).any() or (variable.numpy() == own).all(), variable.path


@pytest.mark.slow
def test_optimizers_know_the_stages_to_come():
    model = grown([0.0, 0.0])
    model.compile()
    for name, network in (("generator", model.generator), ("discriminator", model.discriminator)):
        slots = getattr(model, f"{name}_optimizer").variables[2:]
        assert len(slots) == 2 * (len(network.weights) - 1)


# === Growing: fit ===


class Record(keras.callbacks.Callback):
    """Stage and alpha at each step, and what is drawn after each epoch."""

    def __init__(self):
        super().__init__()
        self.steps, self.drawn = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append((self.model.stage, self.model.alpha))

    def on_epoch_end(self, epoch, logs=None):
        self.drawn.append(self.model.generate(2, seed=0))


def steps_of(grow, model, steps, at_once=1):
    """Stage and alpha at each of the steps that `fit` would take under this callback."""
    grow.set_model(model)
    grow.on_train_begin()
    for _ in range(0, steps, at_once):
        grow.on_train_batch_begin(0)
        yield model.stage, model.alpha
        model.generator_optimizer.iterations.assign_add(at_once)
        grow.on_train_batch_end(0)


SCHEDULE = [(0, 1.0)] * 2 + [(1, 0.5), (1, 1.0)] + [(1, 1.0)] * 2 + [(2, 0.5), (2, 1.0)] + [(2, 1.0)] * 2


@pytest.mark.slow
def test_stages_follow_one_another_at_their_steps():
    model = tiny_progressive_gan(LARGE)
    model.compile()
    assert list(steps_of(Grow(2, 2), model, 3)) == SCHEDULE[:3]
    # Another callback, and another optimizer, go on where the model is.
    model.compile()
    grow = Grow(2, 2)
    assert list(steps_of(grow, model, 4)) == SCHEDULE[3:7]
    with pytest.warns(UserWarning, match=r"ended at stage 2 of 2, counted from 0; the last is whole after 1 more step"):
        grow.on_train_end()
    assert list(steps_of(grow, model, 3)) == SCHEDULE[7:]
    assert int(model.grown_steps) == 10
    grow.on_train_end()


def test_stages_follow_one_another_where_keras_takes_two_steps_at_once():
    model = tiny_progressive_gan(LARGE)
    model.compile()
    assert list(steps_of(Grow(2, 2), model, 10, at_once=2)) == SCHEDULE[::2]


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"jit_compile": True}, {"steps_per_execution": 2}])
def test_one_fit_grows_from_stage_to_stage(settings):
    model = tiny_progressive_gan(LARGE)
    model.compile("sgd", "sgd", **settings)
    # Most of the time goes into compiling each stage; however it is compiled, two and the fade between show the way.
    epochs = 3 if settings else 5
    before = values(model.generator.weights)
    record = Record()
    # So does validation, which every stage traces anew.
    validation = {} if settings else {"validation_data": images(4, LARGE)}
    history = model.fit(
        images(8, LARGE), **validation, batch_size=4, epochs=epochs, verbose=0, callbacks=[Grow(2, 2), record]
    ).history
    assert record.steps == SCHEDULE[: 2 * epochs : settings.get("steps_per_execution", 1)]
    assert int(model.grown_steps) == 2 * epochs
    assert all(np.isfinite(figures).all() for figures in history.values())
    assert any((v.numpy() != old).any() for v, old in zip(model.generator.weights, before, strict=True))
    for epoch, factor in enumerate([4, 2, 2, 1, 1][:epochs]):
        pictures = record.drawn[epoch]
        assert pictures.shape == (2, *LARGE)
        assert (pictures == enlarged(pictures[:, ::factor, ::factor], factor)).all()
        assert factor == 4 or (pictures != enlarged(pictures[:, :: 2 * factor, :: 2 * factor], 2 * factor)).any()


GROWTH = (2, 8)


def grow_for(epochs, model=None, *callbacks, **arguments):
    if model is None:
        keras.utils.set_random_seed(0)
        model = tiny_progressive_gan(LARGE)
        # So few steps cost less than tracing each stage.
        model.compile(run_eagerly=True)
    arguments = {"batch_size": 4, "epochs": epochs, "verbose": 0, **arguments}
    with pytest.warns(UserWarning, match="The training ended at stage"):
        model.fit(images(12, LARGE), callbacks=[Grow(*GROWTH), *callbacks], **arguments)
    return model


@pytest.fixture(scope="module")
def grown_in_one_go():
    """State, step, stage and alpha after three epochs, in the middle of the first fade."""
    model = grow_for(3)
    return state(model), int(model.grown_steps), model.stage, model.alpha


@pytest.mark.slow
def test_a_training_killed_in_the_middle_of_a_fade_ends_bit_equal(grown_in_one_go, tmp_path):
    expected, *growth = grown_in_one_go
    assert growth == [9, 1, 7 / 8]
    keras.utils.set_random_seed(0)
    model = tiny_progressive_gan(LARGE)
    model.compile(run_eagerly=True)
    backup = BackupAndRestore(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            images(12, LARGE),
            batch_size=4,
            epochs=3,
            verbose=0,
            callbacks=[Grow(*GROWTH), AtBatch(1, 2, interrupt), backup],
        )
    assert (model.stage, model.alpha) == (1, 4 / 8)
    keras.utils.set_random_seed(99)
    model = tiny_progressive_gan(LARGE)
    model.compile(run_eagerly=True)
    grow_for(3, model, BackupAndRestore(tmp_path / "backup"))
    assert [int(model.grown_steps), model.stage, model.alpha] == growth
    assert_equal_states(state(model), expected)


@pytest.mark.slow
def test_a_model_saved_in_the_middle_of_a_fade_goes_on_bit_equal(grown_in_one_go, tmp_path):
    expected, *growth = grown_in_one_go
    model = grow_for(2)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (loaded.stage, loaded.alpha) == (model.stage, model.alpha) == (1, 0.5)
    np.testing.assert_array_equal(loaded.generate(3, seed=0), model.generate(3, seed=0))
    grow_for(3, loaded, initial_epoch=2)
    assert [int(loaded.grown_steps), loaded.stage, loaded.alpha] == growth
    assert_equal_states(state(loaded), expected)


@pytest.mark.slow
def test_presets_keep_the_growth(tmp_path):
    model = grown([0.25, 0.0])
    model.compile()
    model.grown_steps.assign(7)
    model.save_to_preset(tmp_path / "preset")
    pictures = model.generate(3, seed=0)
    for loaded in (zoo.load(tmp_path / "preset"), zoo.load(tmp_path / "preset", ema_momentum=0.5)):
        assert (loaded.stage, loaded.alpha, int(loaded.grown_steps)) == (1, 0.25, 7)
        np.testing.assert_array_equal(loaded.generate(3, seed=0), pictures)
        assert [layer.trainable for layer in loaded._growing("generator")[0].image_layers] == [True, True, False]


@pytest.mark.slow
def test_weights_of_another_stage_say_so(tmp_path):
    source, model = grown([0.5, 0.0]), tiny_progressive_gan(LARGE)
    source.compile()
    source.save_weights(tmp_path / "some.weights.h5")
    # A model that was not trained has no stage of its own.
    model.compile()
    model.load_weights(tmp_path / "some.weights.h5")
    assert (model.stage, model.alpha) == (1, 0.5)
    model.generator_optimizer.iterations.assign(3)
    model.grow([1.0, 1.0])
    message = (
        r"some\.weights\.h5 are of stage 1 \(8x8 pixels\), but the model was at stage 2 \(16x16\); it goes on at stage "
    )
    with pytest.warns(UserWarning, match=message):
        model.load_weights(tmp_path / "some.weights.h5")
    assert (model.stage, model.alpha) == (1, 0.5)


@pytest.mark.slow
def test_predicting_follows_the_stage():
    model, given = tiny_progressive_gan(SHAPE), normal(2, LATENT_DIM)

    def predict_batch():
        images = model.predict(given, verbose=0)
        np.testing.assert_allclose(images, model.ema_generator.predict_on_batch(given), atol=1e-6)
        return images

    grown_up, weights = predict_batch(), model.get_weights()
    model.grow([0.0])
    # At half the resolution each 2x2 pixels are alike.
    coarse = predict_batch().reshape(2, 4, 2, 4, 2, -1)
    np.testing.assert_allclose(coarse, np.broadcast_to(coarse[:, :, :1, :, :1], coarse.shape), atol=1e-6)
    model.set_weights(weights)
    np.testing.assert_allclose(predict_batch(), grown_up, atol=1e-6)


@pytest.mark.slow
def test_weights_of_another_number_of_stages_are_refused(tmp_path):
    grown([0.5, 0.0]).save_weights(tmp_path / "some.weights.h5")
    message = r"some\.weights\.h5 do not fit a ProgressiveGAN of 2 stages, up to 8x8 pixels \(A total of"
    with pytest.raises(InputError, match=message):
        tiny_progressive_gan((8, 8, 2)).load_weights(tmp_path / "some.weights.h5")


@pytest.mark.slow
def test_growing_needs_a_model_that_grows():
    model = tiny_gan()
    model.compile(run_eagerly=True)
    with pytest.raises(InputError, match="Grow needs a model that grows, such as ProgressiveGAN, not a GAN"):
        model.fit(images(4), batch_size=4, verbose=0, callbacks=[Grow(1, 1)])
    with pytest.raises(InputError, match="generator has 0 Growing layers, expected one"):
        zoo.ProgressiveGAN(SHAPE, LATENT_DIM, generator=tiny_gan().generator)
    other = zoo.ProgressiveGAN((16, 8, 1), LATENT_DIM, filters=2).generator
    with pytest.raises(InputError, match="generator makes"):
        zoo.ProgressiveGAN(SHAPE, LATENT_DIM, generator=other)


@pytest.mark.parametrize(("steps", "name"), [((0, 1), "stable_steps"), ((1, 0.5), "fade_steps")])
def test_impossible_schedules_are_refused(steps, name):
    with pytest.raises(InputError, match=f"{name} is .*, expected an integer of at least 1"):
        Grow(*steps)


# === Styles ===


@pytest.fixture(scope="module")
def style_gan():
    """A StyleGAN whose mean and noise are not where they began."""
    keras.utils.set_random_seed(0)
    model = tiny_style_gan(LARGE)
    stream = np.random.RandomState(1)
    for network in (model.generator, model.ema_generator):
        for variable in network.weights:
            if variable.path.endswith(("strength", "mean")):
                variable.assign(stream.normal(0.3, 0.1, variable.shape))
    return model


@pytest.mark.slow
def test_there_are_two_styles_for_each_resolution(style_gan):
    assert style_gan.num_layers == 6
    assert style_gan.mapping.input_shape == (None, LATENT_DIM)
    assert style_gan.synthesis.input_shape == (None, 6, LATENT_DIM)


@pytest.mark.slow
def test_truncation_draws_towards_the_mean(style_gan):
    whole, none, half = (style_gan.generate(4, seed=0, truncation=t) for t in (1.0, 0, 0.5))
    np.testing.assert_array_equal(style_gan.generate(4, seed=0), whole)
    mean = np.broadcast_to(style_gan.w_avg, (1, 6, LATENT_DIM))
    expected = np.clip((np.array(style_gan.synthesis(mean)) + 1) * 127.5, 0, 255)
    assert np.abs(none - expected).max() <= 0.501
    assert (none == none[:1]).all() and (whole != whole[:1]).any()
    w = style_gan.mapping(latents.sample(4, (LATENT_DIM,), seed=0)).numpy()
    w = np.repeat((style_gan.w_avg + (w - style_gan.w_avg) / 2)[:, None], 6, 1)
    assert np.abs(half - np.clip((np.array(style_gan.synthesis(w)) + 1) * 127.5, 0, 255)).max() <= 0.501


def assert_each_layer_takes_a_latent_of_its_own(model):
    given = latents.sample(5, (LATENT_DIM,), seed=1)
    layered = np.repeat(given[:, None], model.num_layers, 1)
    np.testing.assert_array_equal(model.generate(latents=layered), model.generate(latents=given))
    for layer in range(model.num_layers):
        changed = layered.copy()
        changed[:, layer] = given[::-1]
        assert (model.generate(latents=changed) != model.generate(latents=given)).any(), layer


def test_each_layer_takes_a_latent_of_its_own(style_gan):
    assert style_gan.num_layers == 6
    assert_each_layer_takes_a_latent_of_its_own(style_gan)


def test_mixed_styles_make_a_grid(style_gan):
    coarse, fine = latents.sample(2, (LATENT_DIM,), seed=2), latents.sample(3, (LATENT_DIM,), seed=3)
    grid = style_gan.mix_styles(coarse, fine, at_layer=2, truncation=0.9)
    assert grid.shape == (2, 3, *LARGE) and grid.dtype == np.uint8
    one = np.stack([coarse[1]] * 2 + [fine[2]] * 4)[None]
    np.testing.assert_array_equal(grid[1, 2], style_gan.generate(latents=one, truncation=0.9)[0])
    same = style_gan.mix_styles(coarse, coarse, at_layer=3)
    np.testing.assert_array_equal(same[[0, 1], [0, 1]], style_gan.generate(latents=coarse))


@pytest.mark.parametrize("at_layer", [0, 6, 1.5, True])
def test_styles_mix_at_a_layer_that_there_is(style_gan, at_layer):
    with pytest.raises(InputError, match=f"at_layer is {at_layer}, expected an integer"):
        style_gan.mix_styles(normal(1, LATENT_DIM), normal(1, LATENT_DIM), at_layer)


@pytest.mark.parametrize("name", ["coarse", "fine"])
def test_styles_of_another_shape_are_named(style_gan, name):
    given = {"coarse": normal(1, LATENT_DIM), "fine": normal(1, LATENT_DIM), name: normal(LATENT_DIM)}
    with pytest.raises(InputError, match=rf"{name} has shape \({LATENT_DIM},\), expected \(n, {LATENT_DIM}\)"):
        style_gan.mix_styles(**given, at_layer=1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"latents": normal(2, 5, LATENT_DIM)}, r"latents has shape \(2, 5, 4\), expected \(n, 4\) or \(n, 6, 4\)"),
        ({"latents": normal(2, 6, 3)}, r"latents has shape \(2, 6, 3\), expected"),
        ({"truncation": -0.1}, r"truncation is -0\.1, expected a number of at least 0"),
        ({"truncation": "much"}, "truncation is 'much', expected a number"),
    ],
)
def test_impossible_styles_are_refused(style_gan, given, message):
    with pytest.raises(InputError, match=message):
        style_gan.generate(**given)


@pytest.mark.slow
def test_an_image_is_found_in_the_space_of_w():
    # Descent misses some images of networks as small and as random as this, but not those of this seed.
    keras.utils.set_random_seed(0)
    model = tiny_style_gan(LARGE)
    for variable in model.synthesis.weights:
        if variable.path.startswith("conv_image") and variable.path.endswith("kernel"):
            # Within the range of images, beyond which nothing is to be found.
            variable.assign(0.1 * variable)
    originals = model.generate(2, seed=5)
    w = model.mapping(latents.sample(2, (LATENT_DIM,), seed=5)).numpy()
    np.testing.assert_array_equal(model.synthesize(w), originals)
    before = values(model.variables)
    found = model.encode_image(originals, steps=100)
    assert found.shape == (2, 6, LATENT_DIM) and found.dtype == "float32"
    distances = [
        np.mean((images.astype(float) - originals) ** 2, axis=(1, 2, 3)).min(0)
        for images in (model.synthesize(found), model.generate(64, seed=0)[:, None])
    ]
    assert (distances[0] < 0.3 * distances[1]).all()
    np.testing.assert_equal(values(model.variables), before)
    # Layers are edited apart.
    edited = found.copy()
    edited[:, 4:] = latents.move(found[:, 4:], np.ones(LATENT_DIM), [0.0, 1.0])
    changed = model.synthesize(edited) != model.synthesize(found)
    assert changed.any((1, 2, 3)).tolist() == [False, True]
    with pytest.raises(InputError, match="labels were given to a model without classes"):
        model.encode_image(originals, labels=0)
    for wrong, shape in ((found[:, :5], (2, 5, 4)), (found[:, :, :3], (2, 6, 3))):
        with pytest.raises(
            InputError, match=rf"latents has shape {re.escape(str(shape))}, expected \(n, 4\) or \(n, 6,"
        ):
            model.synthesize(wrong)
    np.testing.assert_array_equal(model.synthesize(list(found)), model.synthesize(found))


@pytest.mark.slow
def test_noise_does_not_change_what_is_drawn(style_gan):
    w = np.broadcast_to(style_gan.w_avg, (2, 6, LATENT_DIM))
    first, second = (np.array(style_gan.synthesis(w, training=True)) for _ in range(2))
    assert (first[0] != first[1]).any() and (first != second).any()
    drawn_images = np.array(style_gan.synthesis(w, training=False))
    np.testing.assert_allclose(drawn_images[0], drawn_images[1], atol=1e-5)
    np.testing.assert_array_equal(style_gan.synthesis(w, training=False), drawn_images)


def normalized_style_gan():
    """A StyleGAN of the networks of DCGAN, whose batch norms styles scale."""
    return tiny_style_dcgan(LARGE)


def spectral_style_gan():
    """The same, whose discriminator is under spectral normalization."""
    return tiny_style_dcgan(LARGE, spectral_norm=True)


def style_gan_of_hidden_end():
    """The same, whose discriminator ends in hidden layers, too."""
    return tiny_style_dcgan(LARGE, spectral_norm=True, discriminator_units=4)


@pytest.mark.slow
@pytest.mark.parametrize("build", [tiny_style_gan, normalized_style_gan, spectral_style_gan, style_gan_of_hidden_end])
def test_a_step_moves_all_weights_and_the_mean_of_w_once(build):
    model = build()
    model.compile()
    noise = {"/".join(v.path.split("/")[-2:]) for v in model.generator.weights if v.path.endswith("/noise")}
    names = {
        part: {"/".join(v.path.split("/")[-2:]) for v in getattr(model, part).weights}
        for part in ("generator", "discriminator")
    }
    model.seed_generator.state.assign([1, 2])
    keras.random.normal((8, LATENT_DIM), seed=model.seed_generator)
    # The generator's update draws second; only that one moves the mean.
    w = model.generator.get_layer("mapping")(keras.random.normal((8, LATENT_DIM), seed=model.seed_generator)).numpy()
    model.seed_generator.state.assign([1, 2])
    moved = moved_by_a_step(model)
    assert set(moved["generator"]) == names["generator"] - noise and len(noise) == 3
    # Names repeat from layer to layer.
    assert len(moved["generator"]) == len(model.generator.weights) - len(noise)
    assert set(moved["discriminator"]) == names["discriminator"]
    assert len(moved["discriminator"]) == len(model.discriminator.weights)
    np.testing.assert_allclose(model.w_avg, 0.005 * w.mean(0), rtol=1e-4, atol=1e-7)


@pytest.mark.slow
def test_styles_join_the_layers_of_a_dcgan():
    model = normalized_style_gan()
    plain = zoo.DCGAN(LARGE, LATENT_DIM, filters=3, discriminator_batch_norm=False)

    def kernels(network):
        kinds = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
        return [layer.kernel.shape for layer in network.layers if isinstance(layer, kinds)]

    assert kernels(model.synthesis) == kernels(plain.generator) and len(kernels(plain.generator)) == 3
    assert kernels(model.discriminator) == kernels(plain.discriminator) != []
    # One style for each resolution: 4, 8 and 16.
    assert model.num_layers == 3
    # Statistics that are not those of the features yet make all images grey.
    for _ in range(50):
        model.generator(normal(8, LATENT_DIM), training=True)
    model.ema_generator.set_weights(model.generator.get_weights())
    assert_each_layer_takes_a_latent_of_its_own(model)


@pytest.mark.slow
def test_second_convolutions_add_nothing_before_training_and_learn(tmp_path):
    plain, model = normalized_style_gan(), tiny_style_dcgan(LARGE, second_convolutions=2)
    synthesis = model.generator.get_layer("synthesis")
    first = {layer.name: layer for layer in plain.generator.get_layer("synthesis").layers}
    new = [layer for layer in synthesis.layers if layer.name not in first and layer.weights]
    assert [layer.name for layer in new if layer.name.startswith("second_")] == ["second_1", "second_image"]
    assert {layer.name.split("_")[1] for layer in new} == {"inner", "1", "image"}
    model.generator.get_layer("mapping").set_weights(plain.generator.get_layer("mapping").get_weights())
    for layer in synthesis.layers:
        if layer.name in first:
            layer.set_weights(first[layer.name].get_weights())
    z = normal(4, LATENT_DIM)
    np.testing.assert_array_equal(model.generator(z), plain.generator(z))

    model.compile()
    before = {layer.name: values(layer.trainable_variables) for layer in new}
    # What a kernel of zeros passes on moves at the second step.
    for _ in range(2):
        model.train_step(images(8, LARGE))
    for layer in new:
        for variable, old in zip(layer.trainable_variables, before[layer.name], strict=True):
            assert (variable.numpy() != old).any(), variable.path
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.generate(3, seed=0), model.generate(3, seed=0))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"second_convolutions": 4}, "second_convolutions is 4, expected at most 3, as many as there are resolutions"),
        ({"second_convolutions": -1}, "second_convolutions is -1, expected an integer of at least 0"),
        ({"discriminator_units": -1}, "discriminator_units is -1, expected an integer of at least 0"),
        ({"discriminator_units": 2.5}, "discriminator_units is 2.5, expected an integer of at least 0"),
    ],
)
def test_options_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        tiny_style_dcgan(LARGE, **arguments)


def test_the_networks_of_karras_have_none_of_these_options():
    with pytest.raises(
        InputError, match="StyleGAN has no second_convolutions for its default networks, which take fil"
    ):
        tiny_style_gan(LARGE, second_convolutions=1)


@pytest.mark.slow
def test_a_hidden_end_of_the_discriminator_sees_what_its_linear_one_cannot():
    model = style_gan_of_hidden_end()
    plain = {layer.name: layer for layer in spectral_style_gan().discriminator.layers}
    new = [layer for layer in model.discriminator.layers if layer.name not in plain and layer.weights]
    assert {layer.name: tuple(layer.layer.kernel.shape) for layer in new} == {
        # From 6 features at each of 16 places.
        "narrow": (6, 2),
        "hidden_0": (32, 4),
        "hidden_1": (4, 4),
        "logit_of_hidden": (4, 1),
    }
    left_or_right = np.repeat(np.eye(2, dtype="float32"), 2, 1)
    maps = normal(2, 32, 4, 4, 6) * left_or_right[:, None, None, :, None]

    def interaction(discriminator):
        """How far the logit is from a sum of what features of the left and of the right of an image say."""
        end = keras.Model(discriminator.get_layer("flatten").output, discriminator.output)
        left, right, both, none = (
            end.predict(x.reshape(32, -1), verbose=0) for x in (*maps, maps.sum(0), np.zeros_like(maps[0]))
        )
        return np.abs(both - left - right + none).mean()

    assert interaction(spectral_style_gan().discriminator) < 1e-6
    assert interaction(model.discriminator) > 1e-3


@pytest.mark.slow
def test_generators_without_styles_are_refused():
    with pytest.raises(InputError, match=r"generator has no layer mapping, expected the layers"):
        zoo.StyleGAN(SHAPE, LATENT_DIM, generator=tiny_gan().generator)


@pytest.mark.slow
def test_a_style_gan_of_classes_is_refused():
    with pytest.raises(InputError, match="num_classes is 3, expected None: styles here know no classes"):
        zoo.StyleGAN(SHAPE, LATENT_DIM, num_classes=3)
