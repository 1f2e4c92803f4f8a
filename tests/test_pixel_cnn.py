"""PixelCNN: causality, exact likelihoods against closed forms, and sampling against the loop over whole images."""

import io
import itertools
import math
import sys
import time
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import SHAPE, images, load_warning, run_script, tiny_pixel_cnn, values
from scipy import special, stats

import zoo
from zoo import data, latents
from zoo.errors import InputError
from zoo.nets.pixel_cnn import gated_pixel_cnn
from zoo.objectives import likelihoods
from zoo.sampling.codes import CodeSampler

# Every likelihood, with and without classes, with one channel and several that depend on one another.
VARIANTS = {
    "bernoulli": {},
    "bernoulli_classes": {"num_classes": 3},
    "bernoulli_class_maps": {"num_classes": 3, "class_map_features": 2},
    "bernoulli_two_channels": {"shape": (3, 4, 2)},
    "categorical": {"likelihood": "categorical", "levels": 5},
    "categorical_rgb_classes": {"shape": (3, 4, 3), "likelihood": "categorical", "levels": 4, "num_classes": 3},
    "logistic_mixture": {"likelihood": "logistic_mixture", "num_mixtures": 3},
    "logistic_mixture_rgb_classes": {
        "shape": (3, 4, 3),
        "likelihood": "logistic_mixture",
        "levels": 16,
        "num_mixtures": 2,
        "num_classes": 3,
    },
}


def variant(name, **arguments):
    return tiny_pixel_cnn(**{"shape": (4, 5, 1), **VARIANTS[name], **arguments})


def labels_of(model, number):
    return {} if model.num_classes is None else {"labels": np.arange(number) % model.num_classes}


def grid_of(codes, model):
    """uint8 images of codes."""
    return np.rint(np.asarray(codes) * 255 / (model.likelihood.levels - 1)).astype("uint8")


def every_grid(model):
    """All codes that an image can have."""
    size = math.prod(model.image_shape)
    return np.array(list(itertools.product(range(model.likelihood.levels), repeat=size))).reshape(
        -1, *model.image_shape
    )


# === Causality ===


def influence(network, grid_shape):
    """Which code (row, column, channel) has a gradient to which output (row, column, index), from random features."""
    features = network.get_layer("code_input").output
    tail = keras.Model(features, network.output)
    x = tf.random.stateless_normal((4, *grid_shape), seed=(0, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = tail(x)
    return (tape.batch_jacobian(outputs, x).numpy() != 0).any(0)


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "groups"), [(1, 1), (3, 3), (2, 1)])
def test_an_output_depends_on_every_earlier_code_and_on_no_other(channels, groups):
    # The farthest code, four columns to the right, takes four blocks.
    height, width = 4, 5
    network = gated_pixel_cnn(
        (height, width, channels), 2, 2 * channels, 12, 5, first_kernel_size=3, channel_groups=groups
    )
    found = influence(network, (height, width, channels))
    for y, x, index in np.ndindex(height, width, 2 * channels):
        # Outputs belong to the channels in turn; without groups, all belong to the pixel as a whole.
        own = y * width * channels + x * channels + (index % channels if groups > 1 else 0)
        expected = (np.arange(height * width * channels) < own).reshape(height, width, channels)
        np.testing.assert_array_equal(found[y, x, index], expected, err_msg=f"row {y}, column {x}, output {index}")


@pytest.mark.slow
def test_embedded_codes_are_as_causal():
    network = gated_pixel_cnn((2, 3, 2), 7, 4, 8, 3, first_kernel_size=3, channel_groups=2, embedding_dim=3)
    codes = np.random.RandomState(0).randint(0, 7, (1, 2, 3, 2))
    before = network({"codes": codes}).numpy().reshape(-1, 2, 2)
    for place in range(12):
        changed = codes.copy()
        changed.reshape(-1)[place] = (changed.reshape(-1)[place] + 1) % 7
        moved = (network({"codes": changed}).numpy().reshape(-1, 2, 2) != before).any(1).reshape(-1)
        np.testing.assert_array_equal(moved, np.arange(12) > place)


# === Probabilities add up to one ===


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((2, 3, 1), {}),
        ((2, 1, 3), {"num_classes": 2}),
        ((1, 2, 2), {"likelihood": "categorical", "levels": 3}),
        ((2, 2, 1), {"likelihood": "logistic_mixture", "levels": 4, "num_mixtures": 2}),
        ((1, 1, 2), {"likelihood": "logistic_mixture", "levels": 17, "num_mixtures": 3}),
        ((1, 1, 1), {"likelihood": "logistic_mixture"}),
    ],
)
def test_the_probabilities_of_all_images_add_up_to_one(shape, arguments):
    model = tiny_pixel_cnn(shape, **arguments)
    every = grid_of(every_grid(model), model)
    labels = 1 if model.num_classes else None
    log_prob = model.log_prob(every, labels)
    assert log_prob.shape == (len(every),) and log_prob.dtype == np.float64
    assert np.exp(log_prob).sum() == pytest.approx(1, abs=1e-5)
    dimensions = math.prod(shape)
    np.testing.assert_allclose(model.bits_per_dim(every, labels), -log_prob / dimensions / math.log(2))


def test_each_channel_of_a_logistic_mixture_adds_up_to_one():
    likelihood = likelihoods.get("logistic_mixture", num_mixtures=4)
    rng = np.random.default_rng(0)
    # Scales from far below the distance of two levels to far above the range.
    outputs = rng.normal(0, 4, (50, likelihood.num_outputs(3))).astype("float32")
    codes = rng.integers(0, 256, (50, 3))
    for channel in range(3):
        found = special.logsumexp(likelihood.log_probabilities(outputs, codes, channel).numpy().astype("float64"), 1)
        np.testing.assert_allclose(found, 0, atol=2e-4)


# === Closed forms ===


def outputs_and_codes(likelihood, channels, scale=1.5, seed=0):
    rng = np.random.default_rng(seed)
    outputs = rng.normal(0, scale, (3, 2, 2, likelihood.num_outputs(channels))).astype("float32")
    return outputs, rng.integers(0, likelihood.levels, (3, 2, 2, channels)).astype("int32")


def test_bernoulli_is_scipys():
    likelihood = likelihoods.get("bernoulli")
    logits, codes = outputs_and_codes(likelihood, 2)
    expected = stats.bernoulli.logpmf(codes, special.expit(logits.astype("float64")))
    np.testing.assert_allclose(likelihood.log_likelihood(codes, logits), expected.sum((1, 2, 3)), rtol=1e-5)
    found = likelihood.log_probabilities(logits[:, 0, 0], codes[:, 0, 0], 1).numpy()
    np.testing.assert_allclose(found[:, 1], special.log_expit(logits[:, 0, 0, 1]), rtol=1e-5)
    np.testing.assert_allclose(np.exp(found).sum(1), 1, rtol=1e-6)


def test_categorical_is_the_softmax_of_each_channels_logits():
    likelihood = likelihoods.get("categorical", 5)
    outputs, codes = outputs_and_codes(likelihood, 3)
    log_p = special.log_softmax(outputs.reshape(3, 2, 2, 5, 3).astype("float64"), axis=3)
    expected = np.take_along_axis(log_p, codes[:, :, :, None], axis=3)
    np.testing.assert_allclose(likelihood.log_likelihood(codes, outputs), expected.sum((1, 2, 3, 4)), rtol=1e-5)
    found = likelihood.log_probabilities(outputs[:, 1, 0], codes[:, 1, 0], 2)
    np.testing.assert_allclose(found, log_p[:, 1, 0, :, 2], rtol=1e-5)


def mixture_by_hand(likelihood, outputs, codes):
    """log p of one pixel's codes under a mixture of logistics, in float64 by scipy."""
    count, levels = likelihood.num_mixtures, likelihood.levels
    parts = outputs.astype("float64").reshape(-1, count)
    x, half = 2 * codes / (levels - 1) - 1, 1 / (levels - 1)
    joint, place = special.log_softmax(parts[0]), 1
    for channel, code in enumerate(codes):
        mean, scale = parts[place].copy(), np.exp(np.maximum(parts[place + 1], -7))
        for earlier in range(channel):
            mean += np.tanh(parts[place + 2 + earlier]) * x[earlier]
        place += 2 + channel
        above = 1.0 if code == levels - 1 else stats.logistic.cdf(x[channel] + half, mean, scale)
        below = 0.0 if code == 0 else stats.logistic.cdf(x[channel] - half, mean, scale)
        joint = joint + np.log(above - below)
    assert place == len(parts)
    return special.logsumexp(joint)


@pytest.mark.parametrize(("channels", "levels"), [(1, 256), (3, 256), (2, 2)])
def test_the_logistic_mixture_is_differences_of_scipys_distribution(channels, levels):
    likelihood = likelihoods.get("logistic_mixture", levels, 3)
    outputs, codes = outputs_and_codes(likelihood, channels, scale=0.7)
    expected = [
        sum(mixture_by_hand(likelihood, outputs[i, y, x], codes[i, y, x]) for y in range(2) for x in range(2))
        for i in range(3)
    ]
    np.testing.assert_allclose(likelihood.log_likelihood(codes, outputs), expected, rtol=2e-5)


def test_the_logistic_mixture_loses_no_digits_far_away():
    # One component at black with a scale of exp(-5): white is about 300 scales away.
    likelihood = likelihoods.get("logistic_mixture", num_mixtures=1)
    outputs = np.float32([[[[0, -1, -5]]]])
    found = [float(likelihood.log_likelihood(np.int32([[[[code]]]]), outputs)[0]) for code in (0, 200, 254, 255)]
    scale = math.exp(-5)
    for code, value in zip((200, 254), found[1:3], strict=True):
        lower = (2 * code - 1) / 255 / scale
        assert value == pytest.approx(-lower + math.log1p(-math.exp(-2 / 255 / scale)), rel=1e-5)
    assert found[3] == pytest.approx(-(2 - 1 / 255) / scale, rel=1e-5)
    assert found[0] == pytest.approx(-math.log1p(math.exp(-1 / 255 / scale)), rel=1e-4)


@pytest.mark.parametrize("name", ["bernoulli", "categorical", "logistic_mixture"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_likelihood_is_the_product_of_what_sampling_draws_from(name, channels):
    likelihood = likelihoods.get(name, None if name == "bernoulli" else 6)
    outputs, codes = outputs_and_codes(likelihood, channels)
    total = np.zeros(3)
    for y, x, channel in np.ndindex(2, 2, channels):
        log_p = likelihood.log_probabilities(outputs[:, y, x], codes[:, y, x], channel).numpy()
        total += log_p[np.arange(3), codes[:, y, x, channel]]
    np.testing.assert_allclose(likelihood.log_likelihood(codes, outputs), total, rtol=1e-5)


@pytest.mark.parametrize("levels", [2, 3, 7, 200, 256])
def test_levels_are_the_nearest_and_keep_their_place_as_uint8(levels):
    likelihood = likelihoods.get("categorical", levels)
    codes = np.arange(levels)
    grey = np.rint((likelihood.images(codes).numpy() + 1) * 127.5)
    np.testing.assert_array_equal(likelihood.nearest(grey.astype("float32") / np.float32(127.5) - 1), codes)
    every = np.linspace(-1, 1, 1001, dtype="float32")
    distance = np.abs(likelihood.images(likelihood.nearest(every)).numpy() - every)
    assert distance.max() <= 1 / (levels - 1) + 1e-6


@pytest.mark.slow
def test_likelihoods_that_take_long_show_a_bar(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    class Wait(keras.callbacks.Callback):
        def on_predict_batch_begin(self, batch, logs=None):
            time.sleep(0.6)

    model, terminal = tiny_pixel_cnn(), Terminal()
    predict = model._log_likelihoods

    def slow(*arguments, callbacks, **options):
        return predict(*arguments, callbacks=[Wait(), *callbacks], **options)

    monkeypatch.setattr(model, "_log_likelihoods", slow)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert model.log_prob(images(250)).shape == (250,)
    assert "likelihoods:  67%" in terminal.getvalue() and "2/3" in terminal.getvalue()


# === The network and the step by hand ===


def conv(x, kernel, top, left):
    """A full odd-sized convolution whose kernel is zero but for `kernel`, put at (top, left)."""
    size = 2 * max(top, left, kernel.shape[1] - 1 - left) + 1
    centre = size // 2
    whole = tf.pad(
        kernel,
        [
            [centre - top, size - centre + top - kernel.shape[0]],
            [centre - left, size - centre + left - kernel.shape[1]],
            [0, 0],
            [0, 0],
        ],
    )
    return tf.nn.conv2d(x, whole, 1, "SAME")


def gate(x):
    a, b = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
    return tf.tanh(a) * tf.sigmoid(b)


def allowed(shape, groups, own):
    """1 where feature i of a pixel may see feature j of it."""
    mask = np.zeros(shape, "float32")
    for i, j in np.ndindex(*shape):
        mask[i, j] = i % groups < j % groups or (own and i % groups == j % groups)
    return mask


def network_by_hand(network, codes, levels, labels=None):
    """The outputs by whole convolutions with masked kernels, from the network's variables by name."""
    weights = {variable.path: variable.value for variable in network.variables}
    channels = codes.shape[-1]
    groups = network.get_layer("block_0").channel_groups
    v = h = 2 * tf.cast(codes, "float32") / (levels - 1) - 1
    index = 0
    while f"block_{index}/vertical/kernel" in weights:
        block = {path.split("/", 1)[1]: w for path, w in weights.items() if path.startswith(f"block_{index}/")}
        kernel = block["vertical/kernel"]
        reach = kernel.shape[1] // 2
        a = conv(v, kernel, top=reach, left=reach) + block["vertical/bias"]
        kernel = block["horizontal/kernel"]
        taps = kernel.shape[1]
        if groups > 1:
            own = allowed(kernel.shape[2:], groups, own=index > 0)
            kernel = tf.concat([kernel[:, :-1], (kernel[0, -1] * own)[None, None]], axis=1)
        b = conv(h, kernel, top=0, left=reach) + block["horizontal/bias"] + a @ block["link/kernel"]
        assert taps == reach + (index > 0 or groups > 1)
        if labels is not None:
            condition = tf.gather(weights["class_vectors/embeddings"], labels) @ block["condition_0/kernel"]
            condition = condition[:, None, None]
            if "class_maps/embeddings" in weights:
                maps = tf.gather(weights["class_maps/embeddings"], labels)
                maps = tf.reshape(maps, (*codes.shape[:3], -1))
                condition += maps @ block["condition_1/kernel"]
            half = condition.shape[-1] // 2
            a += condition[..., :half]
            b += condition[..., half:]
        v, g = gate(a), gate(b)
        out = block["output/kernel"] * allowed(block["output/kernel"].shape, groups, own=True)
        g = g @ out + block["output/bias"]
        h = g if index == 0 else h + g
        index += 1
    for name in ("head", "outputs"):
        kernel = weights[f"{name}/kernel"] * allowed(weights[f"{name}/kernel"].shape, groups, own=True)
        h = tf.nn.relu(h) @ kernel + weights[f"{name}/bias"]
    assert channels % groups == 0
    return h


@pytest.mark.parametrize("name", ["bernoulli_class_maps", "categorical_rgb_classes", "logistic_mixture"])
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_the_network_equals_whole_convolutions_with_masks(name, kernel_size):
    model = variant(name, kernel_size=kernel_size, first_kernel_size=8 - kernel_size, num_blocks=3)
    levels = model.likelihood.levels
    codes = np.random.RandomState(0).randint(0, levels, (3, *model.image_shape))
    labels = labels_of(model, 3)
    expected = network_by_hand(model.network, codes, levels, **labels)
    np.testing.assert_allclose(model.network({"codes": codes, **labels}), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_a_step_equals_the_formula():
    model = tiny_pixel_cnn(num_classes=3)
    model.compile(keras.optimizers.SGD(0.01))
    batch = {"images": images(4), "labels": np.array([0, 2, 1, 2])}
    seeds = keras.random.SeedGenerator(0)
    seeds.state.assign(model.seed_generator.state)
    grey = batch["images"].astype("float32") / 255
    x = tf.cast(keras.random.uniform(grey.shape, seed=seeds) < grey, "float32")
    variables = [v.value for v in model.trainable_variables]
    with tf.GradientTape() as tape:
        p = tf.sigmoid(network_by_hand(model.network, x, 2, batch["labels"]))
        loss = -tf.reduce_mean(tf.reduce_sum(x * tf.math.log(p) + (1 - x) * tf.math.log(1 - p), axis=[1, 2, 3]))
    gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]
    expected = [v.numpy() - 0.01 * g.numpy() for v, g in zip(variables, gradients, strict=True)]
    logs = model.train_step(batch)
    assert float(logs["loss"]) == pytest.approx(float(loss), rel=1e-5)
    assert float(logs["bits_per_dim"]) == pytest.approx(float(loss) / 64 / math.log(2), rel=1e-5)
    norm = math.sqrt(sum(float(tf.reduce_sum(g**2)) for g in gradients))
    assert float(logs["network_gradient_norm"]) == pytest.approx(norm, rel=1e-4)
    for variable, value in zip(model.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=1e-4, atol=1e-6, err_msg=variable.path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["categorical_rgb_classes", "logistic_mixture_rgb_classes"])
def test_fit_learns_one_image(name):
    model = variant(name)
    x, y = np.repeat(images(1, model.image_shape), 8, axis=0), np.zeros(8, "int64")
    model.compile(keras.optimizers.Adam(0.02))
    history = model.fit(x, y, batch_size=8, epochs=30, verbose=0).history
    assert set(history) == {"loss", "bits_per_dim", "network_gradient_norm"}
    assert history["loss"][-1] < 0.6 * history["loss"][0]
    found = model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(-model.log_prob(x, 0).mean(), rel=1e-5)


@pytest.mark.slow
def test_evaluating_counts_each_image_alike_where_the_last_batch_is_smaller():
    model = variant("categorical_rgb_classes")
    x = images(5, model.image_shape)
    model.compile()
    found = model.evaluate(x, np.zeros(5, "int64"), batch_size=4, verbose=0, return_dict=True)
    nats = -model.log_prob(x, 0)
    assert found["loss"] == pytest.approx(nats.mean(), rel=1e-5)
    assert (nats[:4].mean() + nats[4]) / 2 != pytest.approx(nats.mean(), rel=1e-3)


@pytest.mark.slow
def test_each_step_binarizes_anew_and_log_prob_by_its_seed():
    model = tiny_pixel_cnn()
    grey = np.full((4, *SHAPE), 128, "uint8")
    one, other = (float(model.negative_log_likelihood({"images": grey / np.float32(255)})[0]) for _ in range(2))
    assert one != other
    found = model.log_prob(grey, seed=3)
    np.testing.assert_array_equal(model.log_prob(grey, seed=3), found)
    assert (model.log_prob(grey, seed=4) != found).all()
    binary = np.random.RandomState(0).choice([0, 255], (150, *SHAPE)).astype("uint8")
    found = model.log_prob(binary)
    np.testing.assert_array_equal(model.log_prob(binary, seed=9), found)
    np.testing.assert_allclose(model.log_prob(binary / np.float32(127.5) - 1), found, rtol=1e-6)
    loss, _ = model.negative_log_likelihood({"images": binary / np.float32(127.5) - 1})
    assert float(loss) == pytest.approx(-found.mean(), rel=1e-5)


# === Sampling ===


def loop(network, likelihood, noise, conditions=None, temperature=1.0, codes=None, keep=None):
    """The textbook sampler: the whole network for every channel of every pixel.

    Returns the codes, and how far each uniform number was from where its code would change.
    """
    codes = np.zeros(noise.shape, "int32") if codes is None else np.where(keep[:, :, None], codes, 0).astype("int32")
    margin = np.ones(noise.shape)
    conditions = {name: tf.constant(value) for name, value in (conditions or {}).items()}
    run = tf.function(lambda grid: network({"codes": grid, **conditions}))
    for y, x, channel in np.ndindex(*noise.shape[1:]):
        if keep is not None and keep[y, x]:
            continue
        outputs = run(tf.constant(codes))[:, y, x]
        log_p = likelihood.log_probabilities(outputs, tf.constant(codes[:, y, x]), channel).numpy().astype("float64")
        steps = np.cumsum(special.softmax(log_p / temperature, axis=-1), axis=-1)[:, :-1]
        uniform = noise[:, y, x, channel, None]
        codes[:, y, x, channel] = (uniform >= steps).sum(-1)
        margin[:, y, x, channel] = np.abs(uniform - steps).min(-1)
    return codes, margin


def assert_same_codes(found, expected):
    """Equal, but for images from the first code on whose noise was on the edge."""
    codes, margin = expected
    for one, other, edge in zip(found, codes, margin, strict=True):
        different = np.flatnonzero(one.ravel() != other.ravel())
        assert not len(different) or edge.ravel()[different[0]] < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_generate_equals_the_loop_over_whole_images(name):
    model = variant(name)
    noise = latents.sample(9, model.image_shape, seed=5, distribution="uniform")
    labels = labels_of(model, 9)
    expected = loop(model.network, model.likelihood, noise, labels)
    drawn = model.generate(9, seed=5, **labels)
    found = model.likelihood.nearest(drawn / np.float32(127.5) - 1).numpy()
    np.testing.assert_array_equal(grid_of(found, model), drawn)
    assert_same_codes(found, expected)
    assert len(np.unique(found)) > 1


@pytest.mark.slow
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_large_kernels_and_temperatures_equal_the_loop(kernel_size):
    model = variant("categorical", kernel_size=kernel_size, first_kernel_size=7, num_blocks=3)
    noise = latents.sample(6, model.image_shape, seed=1, distribution="uniform")
    for temperature in (0.4, 2.0):
        found = model.likelihood.nearest(
            model.generate(6, seed=1, temperature=temperature) / np.float32(127.5) - 1
        ).numpy()
        assert_same_codes(found, loop(model.network, model.likelihood, noise, temperature=temperature))


@pytest.mark.slow
def test_a_prior_over_codes_of_another_model_equals_the_loop():
    # What a VQ-VAE needs: codes without order, more than 256, classes, and a map of the codes above.
    keras.utils.set_random_seed(3)
    likelihood = likelihoods.get("categorical", levels=300)
    network = gated_pixel_cnn(
        (4, 3, 1),
        300,
        likelihood.num_outputs(1),
        8,
        3,
        num_classes=4,
        condition_shape=(4, 3, 5),
        embedding_dim=6,
    )
    for variable in network.trainable_variables:
        variable.assign(variable + np.random.RandomState(1).normal(0, 0.4, variable.shape))
    conditions = {
        "labels": np.int32([0, 1, 2, 3, 3]),
        "condition": np.random.RandomState(0).normal(size=(5, 4, 3, 5)).astype("float32"),
    }
    noise = latents.sample(5, (4, 3, 1), seed=0, distribution="uniform")
    found = CodeSampler(network, likelihood).sample(noise, **conditions)
    assert found.dtype == np.int32 and found.shape == (5, 4, 3, 1)
    assert_same_codes(found, loop(network, likelihood, noise, conditions))
    without = CodeSampler(network, likelihood).sample(noise, **{**conditions, "condition": 0 * conditions["condition"]})
    assert (found != without).any()


@pytest.mark.slow
def test_images_are_drawn_as_often_as_they_are_likely():
    model = tiny_pixel_cnn((2, 2, 1))
    every = every_grid(model)
    expected = np.exp(model.log_prob(grid_of(every, model)))
    drawn = model.generate(6400, seed=0)
    counts = [(drawn == image).all((1, 2, 3)).sum() for image in grid_of(every, model)]
    assert sum(counts) == 6400
    # scipy asks for a sum that is exact beyond float32.
    assert stats.chisquare(counts, 6400 * expected / expected.sum(dtype="float64")).pvalue > 1e-3
    assert expected.max() > 3 * expected.min()


def test_drawing_inverts_the_distribution():
    p = np.float32([0.2, 0.5, 0.3])
    uniform = np.float32([0, 0.1999, 0.2001, 0.6999, 0.7001, 1])
    log_p = np.log(np.tile(p, (6, 1)))
    np.testing.assert_array_equal(likelihoods.draw(log_p, uniform), [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(likelihoods.draw(log_p, uniform, 0.01)[1:-1], [1, 1, 1, 1])
    # p ** 0.5, normalized, has its steps at 0.263 and 0.678.
    steps = np.cumsum(np.sqrt(p)) / np.sqrt(p).sum()
    around = np.float32([steps[0] - 1e-3, steps[0] + 1e-3, steps[1] - 1e-3, steps[1] + 1e-3])
    np.testing.assert_array_equal(likelihoods.draw(log_p[:4], around, 2.0), [0, 1, 1, 2])


@pytest.mark.slow
def test_low_temperatures_draw_likelier_images():
    model = tiny_pixel_cnn()
    cold, plain = (model.log_prob(model.generate(64, seed=0, temperature=t)).mean() for t in (0.3, 1.0))
    assert cold > plain + 1
    np.testing.assert_array_equal(model.generate(4, seed=0, temperature=1), model.generate(4, seed=0))


@pytest.mark.slow
def test_scoring_moves_no_random_state():
    model = tiny_pixel_cnn()
    before = values(model.variables)
    model.log_prob(images(2))
    np.testing.assert_equal(values(model.variables), before)


# === Completion ===


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bernoulli", "categorical_rgb_classes", "logistic_mixture"])
def test_completion_keeps_what_is_masked_and_draws_the_rest_given_it(name):
    model = variant(name)
    height, width, _ = model.image_shape
    mask = np.zeros((height, width), bool)
    mask[: height // 2] = True
    mask[height - 1, width - 2] = True
    codes = np.random.RandomState(0).randint(0, model.likelihood.levels, (5, *model.image_shape))
    source, labels = grid_of(codes, model), labels_of(model, 5)
    drawn = model.generate(source_images=source, mask=mask, seed=2, **labels)
    np.testing.assert_array_equal(drawn[:, mask], source[:, mask])
    assert (drawn[:, ~mask] != source[:, ~mask]).any()
    noise = latents.sample(5, model.image_shape, seed=2, distribution="uniform")
    found = model.likelihood.nearest(drawn / np.float32(127.5) - 1).numpy()
    assert_same_codes(found, loop(model.network, model.likelihood, noise, labels, codes=codes, keep=mask))


@pytest.mark.slow
def test_completing_draws_rows_below_from_the_models_conditional():
    model = tiny_pixel_cnn((2, 2, 1))
    top = np.uint8([[255, 0]])[..., None]
    source = np.concatenate([top, np.zeros_like(top)])
    drawn = model.generate(3200, source_images=source, mask=np.array([[True, True], [False, False]]), seed=0)
    every = grid_of(every_grid(model), model)
    every = every[(every[:, 0] == top[0]).all((1, 2))]
    p = np.exp(model.log_prob(every))
    counts = [(drawn == image).all((1, 2, 3)).sum() for image in every]
    assert stats.chisquare(counts, 3200 * p / p.sum()).pvalue > 1e-3


@pytest.mark.slow
def test_everything_kept_returns_the_source_with_its_grey_values_and_nothing_kept_ignores_it():
    model = variant("bernoulli")
    source = images(3, model.image_shape)
    np.testing.assert_array_equal(model.generate(source_images=source, mask=np.ones((4, 5), bool)), source)
    floats = source / np.float32(127.5) - 1
    np.testing.assert_array_equal(model.generate(source_images=floats, mask=np.ones((4, 5), bool)), source)
    drawn = model.generate(3, source_images=source, mask=np.zeros((4, 5), bool), seed=0)
    np.testing.assert_array_equal(drawn, model.generate(3, seed=0))


# === Saving, precision, backends ===


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "classes", "fresh"),
    [
        ("bernoulli_class_maps", 7, {"network/class_vectors/embeddings", "network/class_maps/embeddings"}),
        ("bernoulli_class_maps", None, None),
    ],
)
def test_other_classes_renew_what_knows_classes_alone(name, classes, fresh, tmp_path):
    variant(name).save_to_preset(tmp_path / "preset")
    if fresh is None:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            changed = zoo.load(tmp_path / "preset", num_classes=classes)
    else:
        changed, named = load_warning(tmp_path / "preset", num_classes=classes)
        assert named == fresh
    assert changed.num_classes == classes
    assert changed.generate(1, seed=0, **labels_of(changed, 1)).shape == (1, 4, 5, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dtype", "name"), [("mixed_float16", "categorical_rgb_classes"), ("mixed_bfloat16", "logistic_mixture")]
)
def test_mixed_precision_keeps_outputs_and_sums_in_float32(dtype, name):
    model = variant(name, dtype=dtype)
    x, labels = images(8, model.image_shape), labels_of(model, 8)
    assert model.network.get_layer("block_1").compute_dtype == dtype.removeprefix("mixed_")
    batch = {"images": x, **labels}
    assert keras.backend.standardize_dtype(model(batch).dtype) == "float32"
    assert model.network.get_layer("outputs").compute_dtype == "float32"
    plain = variant(name)
    plain.set_weights(model.get_weights())
    np.testing.assert_allclose(model.log_prob(x, **labels), plain.log_prob(x, **labels), rtol=0.02)
    np.testing.assert_allclose(model(batch), plain(batch), atol=0.3)
    model.compile(run_eagerly=True)
    history = model.fit(data.batches(data.ImageSet(x, labels.get("labels")), 4), verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert model.generate(2, seed=0, **({} if model.num_classes is None else {"labels": 1})).shape[0] == 2


DRAW = """
import sys
import keras, numpy, zoo
backend, *folders = sys.argv[1:]
assert keras.backend.backend() == backend
mask = numpy.arange(12).reshape(3, 4) < 5
for folder in folders:
    model = zoo.load(f"{folder}/preset")
    x = numpy.load(f"{folder}/x.npy")
    numpy.savez(
        f"{folder}/{backend}.npz",
        drawn=model.generate(16, seed=0),
        completed=model.generate(source_images=x, mask=mask, labels=1, seed=0),
        log_prob=model.log_prob(x, 1),
    )
"""


@pytest.mark.slow
def test_other_backends_draw_what_tensorflow_draws(tmp_path, monkeypatch):
    models = {name: variant(name) for name in ("categorical_rgb_classes", "logistic_mixture_rgb_classes")}
    x, mask = images(4, (3, 4, 3)), np.arange(12).reshape(3, 4) < 5
    for name, model in models.items():
        model.save_to_preset(tmp_path / name / "preset")
        np.save(tmp_path / name / "x.npy", x)
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    backends = ("jax", "torch")
    for backend in backends:
        monkeypatch.setenv("KERAS_BACKEND", backend)
        run_script(DRAW, backend, *(tmp_path / name for name in models))
    for name, model in models.items():
        drawn = model.generate(16, seed=0)
        completed = model.generate(source_images=x, mask=mask, labels=1, seed=0)
        log_prob = model.log_prob(x, 1)
        for backend in backends:
            with np.load(tmp_path / name / f"{backend}.npz") as found:
                np.testing.assert_array_equal(found["drawn"], drawn)
                np.testing.assert_array_equal(found["completed"], completed)
                np.testing.assert_allclose(found["log_prob"], log_prob, rtol=1e-5)


# === Errors ===


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (8, 8)}, r"image_shape is \(8, 8\), expected \(height, width, channels\)"),
        ({"filters": 0}, "filters is 0, expected an integer of at least 1"),
        ({"filters": 64, "image_shape": (8, 8, 3)}, "filters is 64, expected a multiple of 3, the number of channels"),
        ({"num_blocks": 1.5}, "num_blocks is 1.5, expected an integer of at least 1"),
        ({"kernel_size": 4}, "kernel_size is 4, expected an odd number of at least 3"),
        ({"first_kernel_size": 1}, "first_kernel_size is 1, expected an odd number of at least 3"),
        ({"likelihood": "gaussian"}, "likelihood is 'gaussian', expected one of bernoulli, categorical, logistic_mixt"),
        ({"levels": 4}, r"levels is 4, expected 2 \(or None\) for the bernoulli likelihood"),
        ({"likelihood": "categorical", "levels": 1}, "levels is 1, expected at least 2"),
        ({"likelihood": "categorical", "levels": 257}, "levels is 257, expected at most 256"),
        ({"likelihood": "logistic_mixture", "num_mixtures": 0}, "num_mixtures is 0, expected an integer of at least 1"),
        ({"num_classes": 0}, "num_classes is 0, expected an integer of at least 1"),
        ({"class_map_features": 0, "num_classes": 3}, "class_map_features is 0, expected an integer of at least 1"),
        ({"class_map_features": 2}, "class_map_features is 2, expected None for a model without classes"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        zoo.PixelCNN(**{"image_shape": (8, 8, 1), **arguments})


@pytest.fixture(scope="module")
def plain():
    return variant("bernoulli")


@pytest.fixture(scope="module")
def conditional():
    model = variant("bernoulli_classes")
    model.compile()
    return model


def test_images_of_another_kind_are_refused(plain):
    plain.compile()
    for call in (plain.log_prob, plain.bits_per_dim, plain.fit, plain.evaluate):
        with pytest.raises(InputError, match=r"has shape \(2, 5, 5, 1\), expected \(n, 4, 5, 1\)"):
            call(images(2, (5, 5, 1)))
        with pytest.raises(InputError, match=r"expected uint8 in 0\.\.255 or floats in"):
            call(images(2, (4, 5, 1)).astype("float32"))


def test_labels_out_of_range_or_of_another_kind_are_refused(conditional):
    x = images(4, (4, 5, 1))
    for call in (
        lambda labels: conditional.generate(4, labels=labels),
        lambda labels: conditional.log_prob(x, labels),
        lambda labels: conditional.fit(x, labels, batch_size=4),
    ):
        with pytest.raises(InputError, match="labels holds values from 0 to 3, expected integers from 0 to 2"):
            call(np.array([0, 1, 2, 3]))
        with pytest.raises(InputError, match="labels holds values from -1 to 1, expected integers from 0 to 2"):
            call(np.array([0, 1, 1, -1]))
        with pytest.raises(InputError, match=r"labels .*, expected (integers from 0 to 2|one integer for each)"):
            call(np.zeros((4, 2), "int32"))
    for labels in ("cat", 1.5, [], [[1], [1, 2]]):
        with pytest.raises(InputError, match=r"labels .* expected integers from 0 to 2"):
            conditional.generate(labels=labels)
    with pytest.raises(InputError, match="labels has 3 rows, expected num_samples=2"):
        conditional.generate(2, labels=[0, 1, 2])
    with pytest.raises(InputError, match="labels has 3 rows, expected one for each of 4 images"):
        conditional.log_prob(x, [0, 1, 2])


@pytest.mark.slow
def test_labels_are_needed_where_there_are_classes_and_refused_elsewhere(plain, conditional):
    x = images(4, (4, 5, 1))
    missing = "has no labels, expected one for each image, since num_classes is 3"
    with pytest.raises(InputError, match=f"x {missing}"):
        conditional.fit(x, batch_size=4)
    with pytest.raises(InputError, match=f"x {missing}"):
        conditional.fit(data.dataset(x, (4, 5, 1), 4))
    with pytest.raises(InputError, match=f"A batch {missing}"):
        conditional.train_step(x)
    with pytest.raises(InputError, match="labels is None, expected integers from 0 to 2"):
        conditional.log_prob(x)
    with pytest.raises(InputError, match="labels were given to a model without classes"):
        plain.log_prob(x, 0)
    takes = "num_samples, source_images, mask, temperature, seed"
    with pytest.raises(InputError, match=rf"PixelCNN\.generate does not understand labels; it takes {takes}\."):
        plain.generate(labels=0)


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf"), "hot"])
def test_impossible_temperatures_are_refused(plain, temperature):
    with pytest.raises(InputError, match=f"temperature is {temperature!r}, expected a number"):
        plain.generate(temperature=temperature)


@pytest.mark.slow
def test_impossible_completions_are_refused(plain):
    x, mask = images(3, (4, 5, 1)), np.ones((4, 5), bool)
    with pytest.raises(InputError, match="mask is None, expected source_images and mask together"):
        plain.generate(source_images=x)
    with pytest.raises(InputError, match="source_images is None, expected source_images and mask together"):
        plain.generate(mask=mask)
    with pytest.raises(InputError, match=r"mask has dtype int64 and shape \(4, 5\), expected bool \(4, 5\)"):
        plain.generate(source_images=x, mask=mask.astype("int64"))
    with pytest.raises(InputError, match=r"mask has dtype bool and shape \(5, 4\), expected bool \(4, 5\)"):
        plain.generate(source_images=x, mask=mask.T)
    with pytest.raises(InputError, match=r"source_images has shape \(3, 5, 5, 1\), expected \(n, 4, 5, 1\)"):
        plain.generate(source_images=images(3, (5, 5, 1)), mask=mask)
    with pytest.raises(InputError, match="source_images has 3 rows, expected num_samples=2"):
        plain.generate(2, source_images=x, mask=mask)
