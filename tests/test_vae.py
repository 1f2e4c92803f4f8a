"""The bounds of the variational autoencoder against closed forms, an exactly solvable model and plain TensorFlow."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import LATENT_DIM, SHAPE, images, tiny_vae, values
from keras import layers
from scipy import stats

import zoo
from zoo import latents
from zoo.errors import InputError
from zoo.images import binarize
from zoo.objectives import variational

# === Densities ===


def test_gaussian_log_density_matches_scipy():
    rng = np.random.default_rng(0)
    value, mean, log_variance = rng.normal(size=(3, 7, 5)).astype("float32")
    expected = stats.norm.logpdf(value, mean, np.exp(log_variance / 2)).sum(-1)
    np.testing.assert_allclose(variational.gaussian_log_density(value, mean, log_variance), expected, rtol=1e-5)


def test_one_variance_for_all_pixels_counts_once_for_each():
    value, mean = np.random.default_rng(1).normal(size=(2, 3, 11)).astype("float32")
    expected = stats.norm.logpdf(value, mean, np.exp(-0.4)).sum(-1)
    np.testing.assert_allclose(variational.gaussian_log_density(value, mean, np.float32(-0.8)), expected, rtol=1e-5)


def test_bernoulli_log_likelihood_matches_scipy():
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 3, size=(6, 9)).astype("float32")
    pixels = rng.integers(0, 2, size=(6, 9)).astype("float32")
    expected = stats.bernoulli.logpmf(pixels, 1 / (1 + np.exp(-logits.astype("float64")))).sum(-1)
    np.testing.assert_allclose(variational.bernoulli_log_likelihood(pixels, logits), expected, rtol=1e-5)


def test_bernoulli_log_likelihood_stays_finite_at_extreme_logits():
    found = variational.bernoulli_log_likelihood(np.float32([[1], [0], [1]]), np.float32([[500], [-500], [-500]]))
    np.testing.assert_allclose(found, [0, 0, -500])


def test_kl_matches_the_closed_form_and_an_average_over_samples():
    rng = np.random.default_rng(3)
    mean, log_variance = rng.normal(size=(2, 4, 3)).astype("float32")
    variance = np.exp(log_variance.astype("float64"))
    trace, square, determinant = variance.sum(-1), (mean**2).sum(-1), log_variance.sum(-1)
    found = variational.kl_to_standard_normal(mean, log_variance).numpy()
    np.testing.assert_allclose(found, 0.5 * (trace + square - 3 - determinant), rtol=1e-5)
    z = mean + np.sqrt(variance) * rng.normal(size=(40_000, 4, 3))
    ratio = (stats.norm.logpdf(z, mean, np.sqrt(variance)) - stats.norm.logpdf(z)).sum(-1)
    assert (np.abs(ratio.mean(0) - found) < 4 * ratio.std(0) / 200).all()
    np.testing.assert_array_equal(variational.kl_to_standard_normal(np.zeros((2, 3)), np.zeros((2, 3))), [0, 0])


def test_importance_weighted_bound_is_the_logarithm_of_the_mean_weight():
    log_weights = np.random.default_rng(4).normal(size=(6, 3)).astype("float32")
    expected = np.log(np.exp(log_weights.astype("float64")).mean(0))
    np.testing.assert_allclose(variational.importance_weighted_bound(log_weights), expected, rtol=1e-5)
    far = variational.importance_weighted_bound(log_weights - 10_000)
    np.testing.assert_allclose(far, expected - 10_000, rtol=1e-6)


# === A model whose likelihood is known ===

PIXELS, NOISE = 16, 0.3
LINEAR_SHAPE = (4, 4, 1)


class Linear:
    """x = W z + b + 0.3 e with z and e standard normal; W's columns are orthogonal, so the posterior is diagonal."""

    def __init__(self):
        rng = np.random.default_rng(5)
        basis, _ = np.linalg.qr(rng.normal(size=(PIXELS, 2)))
        self.weight, self.bias = basis * [0.7, 0.4], rng.uniform(-0.2, 0.2, PIXELS)
        self.variance = 1 / (1 + (self.weight**2).sum(0) / NOISE**2)
        self.gain = self.variance[:, None] * self.weight.T / NOISE**2
        x = rng.normal(size=(3, 2)) @ self.weight.T + self.bias + NOISE * rng.normal(size=(3, PIXELS))
        self.x = np.clip(x, -1, 1)
        covariance = self.weight @ self.weight.T + NOISE**2 * np.eye(PIXELS)
        self.log_density = stats.multivariate_normal(self.bias, covariance).logpdf(self.x)

    @property
    def images(self):
        return self.x.reshape(-1, *LINEAR_SHAPE).astype("float32")

    def posterior(self):
        return (self.x - self.bias) @ self.gain.T, self.variance

    def vae(self, shift=0.0, stretch=1.0, **arguments):
        """The VAE of this model, with a posterior that is off by `shift` and `stretch`."""
        encoder = keras.Sequential([keras.Input(LINEAR_SHAPE), layers.Flatten(), layers.Dense(4)])
        decoder = keras.Sequential([keras.Input((2,)), layers.Dense(PIXELS), layers.Reshape(LINEAR_SHAPE)])
        model = zoo.VAE(LINEAR_SHAPE, 2, likelihood="gaussian", encoder=encoder, decoder=decoder, **arguments)
        kernel = np.concatenate([self.gain.T, np.zeros((PIXELS, 2))], axis=1)
        bias = np.concatenate([shift - self.gain @ self.bias, np.log(stretch**2 * self.variance)])
        encoder.set_weights([kernel, bias])
        decoder.set_weights([self.weight.T, self.bias])
        model.log_variance.assign(2 * np.log(NOISE))
        return model


@pytest.fixture(scope="module")
def linear():
    return Linear()


def test_the_linear_model_is_what_it_says(linear):
    # Bayes' rule at an arbitrary z ties the posterior above to the likelihood that the tests lean on.
    z = np.array([0.3, -1.2])
    mean, variance = linear.posterior()
    joint = stats.norm.logpdf(z).sum() + stats.norm.logpdf(linear.x, linear.weight @ z + linear.bias, NOISE).sum(-1)
    evidence = joint - stats.norm.logpdf(z, mean, np.sqrt(variance)).sum(-1)
    np.testing.assert_allclose(evidence, linear.log_density, rtol=1e-10)


# 6000 samples take two calls of unequal size.
@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 3, 200, 6000])
def test_the_true_posterior_makes_the_bound_exact_for_any_number_of_samples(linear, count):
    found = linear.vae().log_likelihood_bound(linear.images, count)
    assert found.dtype == np.float64 and found.shape == (3,)
    np.testing.assert_allclose(found, linear.log_density, atol=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("grey", [False, True])
def test_a_bernoulli_bound_is_that_of_binary_pixels(grey):
    model, stream = tiny_vae(), np.random.RandomState(0)
    # Latents that neither depend on images nor say anything of them make the bound exact.
    for network in (model.encoder, model.decoder):
        for variable in network.weights[-2:]:
            variable.assign(np.zeros(variable.shape))
    logits = stream.normal(size=SHAPE).astype("float32")
    model.decoder.weights[-1].assign(logits.ravel())
    given = images(5) if grey else np.where(images(5) < 128, 0, 255).astype("uint8")
    binary = binarize(given / np.float32(127.5) - 1, seed=3) > 0
    expected = stats.bernoulli.logpmf(binary, 1 / (1 + np.exp(-logits.astype("float64")))).sum((1, 2, 3))
    np.testing.assert_allclose(model.log_likelihood_bound(given, 3, seed=3), expected, rtol=1e-5)


def test_the_training_bound_is_exact_under_the_true_posterior(linear):
    loss, logs = linear.vae(num_importance_samples=5).negative_bound({"images": linear.images}, training=False)
    assert float(loss) == pytest.approx(-linear.log_density.mean(), abs=1e-4)
    assert float(logs["loss"]) == float(loss)


def repeated(model, image, times):
    """The mean of the one-sample bound, whose draws differ from row to row."""
    _, logs = model.negative_bound({"images": np.repeat(image[None], times, axis=0)}, training=False)
    return {name: float(value) for name, value in logs.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "stretch"), [(0.0, 1.0), (0.8, 1.0), (-0.5, 1.7)])
def test_the_elbo_is_the_likelihood_less_the_posteriors_divergence(linear, shift, stretch):
    model, (_, variance) = linear.vae(shift, stretch), linear.posterior()
    gap = 0.5 * np.sum(stretch**2 + shift**2 / variance - 1 - np.log(stretch**2))
    kl = variational.kl_to_standard_normal(*model.encode(linear.images)).numpy()
    for index, image in enumerate(linear.images):
        logs = repeated(model, image, 40_000)
        # The standard error of the mean reconstruction is below 0.05 in all of these.
        assert logs["elbo"] == pytest.approx(linear.log_density[index] - gap, abs=0.2)
        assert logs["kl"] == pytest.approx(kl[index], rel=1e-4)
        assert logs["elbo"] == pytest.approx(-logs["reconstruction"] - logs["kl"], rel=1e-5)
        assert logs["loss"] == pytest.approx(-logs["elbo"], rel=1e-5)


@pytest.mark.slow
def test_with_a_wrong_posterior_the_bound_rises_with_the_samples(linear):
    # Wider than the true one, so that the weights have a finite variance.
    model = linear.vae(0.5, 1.7)
    many = np.repeat(linear.images, 400, axis=0)
    bounds = [model.log_likelihood_bound(many, count, seed=1).reshape(3, 400).mean(1) for count in (1, 5, 50, 500)]
    for fewer, more in itertools.pairwise(bounds):
        assert (fewer < more).all()
    assert (bounds[0] < linear.log_density - 0.5).all()
    np.testing.assert_allclose(bounds[-1], linear.log_density, atol=0.05)


@pytest.mark.slow
def test_the_bound_is_a_function_of_the_seed(linear):
    model = linear.vae(0.5, 1.7)
    found = model.log_likelihood_bound(linear.images, 4, seed=3)
    np.testing.assert_array_equal(model.log_likelihood_bound(linear.images, 4, seed=3), found)
    assert (model.log_likelihood_bound(linear.images, 4, seed=4) != found).all()


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 20])
def test_the_variance_is_the_residuals_from_the_first_steps(linear, count):
    model = linear.vae(num_importance_samples=count)
    x = np.random.default_rng(6).normal(size=(3000, 2)) @ linear.weight.T + linear.bias
    x = (x + NOISE * np.random.default_rng(7).normal(size=x.shape)).reshape(-1, *LINEAR_SHAPE).astype("float32")
    model.log_variance.assign(0)
    for _ in range(100):
        model.negative_bound({"images": x})
    best = float(model.log_variance)
    np.testing.assert_allclose(best, 2 * np.log(NOISE), atol=0.05)

    def bound(log_variance):
        model.log_variance.assign(log_variance)
        return float(model.negative_bound({"images": x}, training=False)[0])

    # Evaluating takes what training found and leaves it; any other variance makes the bound worse.
    at_best = bound(best)
    assert float(model.log_variance) == np.float32(best)
    assert bound(best - 0.3) > at_best + 0.05 and bound(best + 0.3) > at_best + 0.05


# === The step by hand ===


def by_hand(model, batch, beta=1.0, count=1):
    """One gradient-descent step of rate 0.1 on the bound, from the same random state; returns loss and weights."""
    seeds = keras.random.SeedGenerator(0)
    seeds.state.assign(model.seed_generator.state)
    grey = batch.astype("float32") / 255
    x = tf.cast(keras.random.uniform(grey.shape, seed=seeds) < grey, "float32")
    variables = [v.value for v in model.trainable_variables]
    with tf.GradientTape() as tape:
        mean, log_variance = tf.split(model.encoder(2 * x - 1), 2, axis=-1)
        deviation = tf.exp(log_variance / 2)
        z = mean + deviation * keras.random.normal((count, *mean.shape), seed=seeds)
        decoded = model.decoder(tf.reshape(z, (-1, LATENT_DIM)))
        p = tf.reshape(tf.sigmoid(decoded), (count, *grey.shape))
        log_x = tf.reduce_sum(x * tf.math.log(p) + (1 - x) * tf.math.log(1 - p), axis=[2, 3, 4])
        if count == 1:
            kl = 0.5 * tf.reduce_sum(mean**2 + deviation**2 - 1 - 2 * tf.math.log(deviation), axis=-1)
            loss = tf.reduce_mean(-log_x[0] + beta * kl)
        else:
            log_p = tf.reduce_sum(-(z**2) / 2, axis=-1)
            log_q = tf.reduce_sum(-(((z - mean) / deviation) ** 2) / 2 - tf.math.log(deviation), axis=-1)
            loss = -tf.reduce_mean(tf.math.log(tf.reduce_mean(tf.exp(log_x + log_p - log_q), axis=0)))
    gradients = tape.gradient(loss, variables)
    norm = np.sqrt(sum(float(tf.reduce_sum(g**2)) for g in gradients))
    return float(loss), norm, [v.numpy() - 0.1 * g.numpy() for v, g in zip(variables, gradients, strict=True)]


@pytest.mark.parametrize(("beta", "count"), [(1.0, 1), (4.0, 1), (0.0, 1), (1.0, 3)])
def test_a_step_equals_the_formula(beta, count):
    model = tiny_vae(beta=beta, num_importance_samples=count)
    model.compile(keras.optimizers.SGD(0.1))
    batch = images(8)
    loss, norm, expected = by_hand(model, batch, beta, count)
    logs = model.train_step(batch)
    assert float(logs["loss"]) == pytest.approx(loss, rel=1e-5)
    assert float(logs["vae_gradient_norm"]) == pytest.approx(norm, rel=1e-4)
    for variable, value in zip(model.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=1e-4, atol=1e-6, err_msg=variable.path)


@pytest.mark.slow
def test_several_steps_an_execution_train_the_same():
    found = []
    for steps_per_execution in (1, 4):
        keras.utils.set_random_seed(0)
        model = tiny_vae()
        model.compile(steps_per_execution=steps_per_execution)
        # Ten steps: two executions and a rest.
        history = model.fit(images(40), batch_size=4, epochs=2, verbose=0).history
        found.append((values(model.weights), history["loss"], int(model.optimizer.iterations)))
    np.testing.assert_equal(found[0][0], found[1][0])
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-6)
    assert found[0][2] == found[1][2] == 20


# === Dynamic binarization ===


def test_binarization_draws_anew_with_the_grey_values_as_probabilities():
    likelihood, seeds = variational.Bernoulli(), keras.random.SeedGenerator(1)
    grey = np.linspace(-1, 1, 5, dtype="float32") * np.ones((4000, 1), "float32")
    first, second = (likelihood.prepare(grey, seeds).numpy() for _ in range(2))
    assert set(np.unique(first)) == {0.0, 1.0}
    np.testing.assert_allclose(first.mean(0), [0, 0.25, 0.5, 0.75, 1], atol=0.03)
    assert 0.4 < (first[:, 2] != second[:, 2]).mean() < 0.6


def test_binarization_keeps_binary_images():
    binary = np.random.default_rng(8).choice([-1.0, 1.0], size=(20, *SHAPE)).astype("float32")
    prepared = variational.Bernoulli().prepare(binary, keras.random.SeedGenerator(2))
    np.testing.assert_array_equal(prepared, (binary + 1) / 2)


@pytest.mark.slow
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_likelihoods_are_float32_whatever_the_global_policy(likelihood):
    keras.utils.set_random_seed(0)
    model, given = tiny_vae(likelihood=likelihood, dtype="float32"), images(3)
    expected = model.log_likelihood_bound(given, 5)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        loaded = tiny_vae(likelihood=likelihood, dtype="float32")
        loaded.set_weights(model.get_weights())
        np.testing.assert_allclose(loaded.log_likelihood_bound(given, 5), expected, rtol=1e-5)
    finally:
        keras.config.set_dtype_policy("float32")


def test_each_step_draws_other_images():
    model = tiny_vae()
    grey = np.zeros((4, *SHAPE), "float32")
    one, other = (model.negative_bound({"images": grey}, training=False)[1]["kl"] for _ in range(2))
    assert float(one) != float(other)


def test_the_gaussian_likelihood_takes_images_as_they_are():
    x = images(2) / np.float32(127.5) - 1
    np.testing.assert_array_equal(variational.Gaussian().prepare(x, None), x)


# === Using ===


@pytest.mark.slow
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_encode_decode_and_reconstruct(likelihood):
    model = tiny_vae(likelihood=likelihood)
    batch = images(5)
    mean, log_variance = model.encode(batch)
    assert mean.shape == log_variance.shape == (5, LATENT_DIM)
    assert mean.dtype == log_variance.dtype == np.float32
    floats = batch / np.float32(127.5) - 1
    for one, other in zip(model.encode(floats), (mean, log_variance), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    outputs = model.encoder(floats).numpy()
    np.testing.assert_allclose(np.concatenate([mean, log_variance], axis=1), outputs, rtol=1e-4, atol=1e-5)

    decoded = model.decode(mean)
    assert decoded.shape == batch.shape and decoded.dtype == np.uint8
    raw = model.decoder(mean).numpy()
    share = 1 / (1 + np.exp(-raw)) if likelihood == "bernoulli" else (np.clip(raw, -1, 1) + 1) / 2
    # Rounding halves may fall either way.
    assert np.abs(decoded - share * 255).max() <= 0.51
    np.testing.assert_array_equal(model.reconstruct(batch), decoded)
    np.testing.assert_array_equal(model.reconstruct(floats), decoded)


@pytest.mark.slow
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_calling_the_model_reconstructs_in_its_own_range(likelihood):
    model = tiny_vae(likelihood=likelihood)
    floats = images(3) / np.float32(127.5) - 1
    called = model(floats).numpy()
    assert called.shape == floats.shape and np.abs(called).max() <= 1
    assert np.abs((called + 1) * 127.5 - model.reconstruct(floats)).max() <= 0.51
    np.testing.assert_array_equal(model(images(3)), called)


def test_gaussian_means_beyond_the_range_are_clipped():
    np.testing.assert_array_equal(variational.Gaussian().mean_images(np.float32([-7, 0.5, 3])), [-1, 0.5, 1])


def test_temperature_scales_the_latents_and_zero_gives_the_mean_image():
    model = tiny_vae()
    mean_image = model.decode(np.zeros((1, LATENT_DIM)))[0]
    for image in model.generate(3, seed=0, temperature=0):
        np.testing.assert_array_equal(image, mean_image)
    halved = model.decode(0.5 * latents.sample(3, (LATENT_DIM,), seed=0))
    np.testing.assert_array_equal(model.generate(3, seed=0, temperature=0.5), halved)
    np.testing.assert_array_equal(model.generate(3, seed=0, temperature=1), model.generate(3, seed=0))
    assert (model.generate(3, seed=0) != halved).any()


@pytest.mark.slow
def test_the_learned_variance_is_trained_and_saved(tmp_path):
    model = tiny_vae(likelihood="gaussian")
    model.compile(keras.optimizers.SGD(0.01))
    model.train_step(images(8))
    assert float(model.log_variance) != 0
    model.save(tmp_path / "model.keras")
    assert float(keras.saving.load_model(tmp_path / "model.keras").log_variance) == float(model.log_variance)
    assert tiny_vae().log_variance is None


# === Errors ===


def wrong_encoder(shape=SHAPE):
    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(LATENT_DIM)])


def wrong_decoder(latent_dim=LATENT_DIM):
    return keras.Sequential([keras.Input((latent_dim,)), layers.Dense(16), layers.Reshape((4, 4, 1))])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (lambda: {"beta": -1}, "beta is -1, expected a number of at least 0"),
        (lambda: {"beta": 2, "num_importance_samples": 5}, "beta is 2, expected 1 with num_importance_samples above 1"),
        (lambda: {"num_importance_samples": 0}, "num_importance_samples is 0, expected an integer of at least 1"),
        (lambda: {"num_importance_samples": 1.5}, "num_importance_samples is 1.5, expected an integer"),
        (lambda: {"likelihood": "poisson"}, "likelihood is 'poisson', expected one of bernoulli, gaussian"),
        (lambda: {"latent_dim": 0}, "latent_dim is 0, expected an integer of at least 1"),
        (lambda: {"encoder": wrong_encoder()}, r"encoder makes \(4,\), expected \(8,\)"),
        (lambda: {"decoder": wrong_decoder()}, r"decoder makes \(4, 4, 1\), expected \(8, 8, 1\)"),
        (lambda: {"encoder": wrong_encoder((5, 5, 1))}, r"encoder takes \(5, 5, 1\), expected \(8, 8, 1\)"),
        (lambda: {"decoder": wrong_decoder(3)}, r"decoder takes \(3,\), expected latent_dim=4"),
        (lambda: {"encoder": keras.layers.Dense(3)}, "encoder is <Dense .*, expected a functional Keras network"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        tiny_vae(**arguments())


@pytest.mark.parametrize("image_shape", [(8, 8), (8, 8, 0), (8, 8.0, 1), "888", None, 8, (-8, 8, 1)])
def test_impossible_image_shapes_are_refused(image_shape):
    with pytest.raises(InputError, match=r"image_shape is .*, expected "):
        zoo.VAE(image_shape)


@pytest.mark.parametrize("call", ["encode", "reconstruct", "log_likelihood_bound"])
def test_wrong_images_are_refused(call):
    function = getattr(tiny_vae(), call)
    with pytest.raises(InputError, match=r"images has shape \(2, 5, 5, 1\), expected \(n, 8, 8, 1\)"):
        function(images(2, (5, 5, 1)))
    with pytest.raises(InputError, match=r"expected uint8 in 0\.\.255 or floats in"):
        function(images(2).astype("float32"))


@pytest.mark.parametrize("count", [0, -1, 2.5])
def test_impossible_numbers_of_samples_are_refused(count):
    with pytest.raises(InputError, match=f"num_importance_samples is {count}, expected an integer of at least 1"):
        tiny_vae().log_likelihood_bound(images(2), count)


@pytest.mark.parametrize("temperature", [-0.1, float("nan"), float("inf")])
def test_impossible_temperatures_are_refused(temperature):
    with pytest.raises(InputError, match=f"temperature is {temperature}, expected a number of at least 0"):
        tiny_vae().generate(temperature=temperature)


# === beta-VAE and editing ===


def tiny_beta_vae(**arguments):
    return zoo.BetaVAE((16, 16, 3), **{"latent_dim": 4, "filters": 4, "units": 8, **arguments})


def test_beta_weighs_the_kl_term():
    model = tiny_beta_vae(beta=3.0)
    _, logs = model.negative_bound(model.prepare(images(4, (16, 16, 3))))
    assert float(logs["loss"]) == pytest.approx(float(logs["reconstruction"] + 3.0 * logs["kl"]), rel=1e-6)


@pytest.mark.slow
def test_beta_vae_learns_from_colour_images():
    model = tiny_beta_vae()
    model.compile(run_eagerly=True)
    history = model.fit(images(32, (16, 16, 3)), batch_size=8, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert model.generate(3, seed=0).shape == (3, 16, 16, 3)


def attributed():
    """A model, images of which the second half are brighter, and that attribute."""
    dark, bright = images(20, (16, 16, 3)) // 4, images(20, (16, 16, 3), seed=1) // 4 + 190
    return tiny_beta_vae(), np.concatenate([dark, bright]), np.arange(40) >= 20


@pytest.mark.slow
def test_an_edit_moves_the_posterior_mean_along_the_direction():
    model, faces, bright = attributed()
    model.learn_attribute("bright", faces, bright)
    assert model.attributes == ["bright"]
    mean = model.encode(faces)[0]
    direction = mean[bright].mean(0) - mean[~bright].mean(0)
    np.testing.assert_array_equal(model.edit(faces[:3], "bright", 1.5), model.decode(mean[:3] + 1.5 * direction))
    np.testing.assert_array_equal(model.edit(faces[:3], "bright", 0), model.reconstruct(faces[:3]))


@pytest.mark.slow
def test_an_edit_given_others_moves_each_mean_along_a_direction_of_its_own():
    model, faces, bright = attributed()
    others = np.random.default_rng(0).normal(size=(40, 2))
    model.learn_attribute("bright", faces, bright, others, scale=2.0)
    mean = model.encode(faces)[0]
    changes = 2 * latents.attribute_changes(mean, bright, others)
    amounts = np.array([1.5, -1.5, 0.5])
    wanted = model.decode(latents.move(mean[:3], changes, amounts))
    np.testing.assert_array_equal(model.edit(faces[:3], "bright", amounts), wanted)
    assert (wanted != model.reconstruct(faces[:3])).any()
    copy = zoo.BetaVAE.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy.edit(faces[:3], "bright", amounts), wanted)


@pytest.mark.slow
def test_an_edit_can_keep_what_latents_do_not_hold():
    model, faces, bright = attributed()
    model.learn_attribute("bright", faces, bright)
    given = faces[:3] // 2 + 60
    change = model.edit(given, "bright", 30.0).astype(int) - model.reconstruct(given)
    assert np.abs(change).max() > 5
    wanted = np.clip(given + change, 0, 255)
    for form in (given, given / np.float32(127.5) - 1):
        np.testing.assert_array_equal(model.edit(form, "bright", 30.0, keep_details=True), wanted)
    np.testing.assert_array_equal(model.edit(given, "bright", 0, keep_details=True), given)


@pytest.mark.slow
def test_directions_are_saved_with_the_model(tmp_path):
    model, faces, bright = attributed()
    model.compile()
    model.learn_attribute("bright", faces, bright)
    edited = model.edit(faces[:3], "bright", -1.0)
    model.save_to_preset(tmp_path / "preset")
    np.testing.assert_array_equal(zoo.load(tmp_path / "preset").edit(faces[:3], "bright", -1.0), edited)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.edit(faces[:3], "bright", -1.0), edited)


@pytest.mark.slow
def test_an_unknown_attribute_lists_the_known_ones():
    model, faces, bright = attributed()
    with pytest.raises(InputError, match="name is 5, expected a text"):
        model.learn_attribute(5, faces, bright)
    with pytest.raises(InputError, match="scale is nan, expected a number above 0"):
        model.learn_attribute("bright", faces, bright, scale=float("nan"))
    with pytest.raises(InputError, match="attribute is 'smile', expected one of: none; learn_attribute"):
        model.edit(faces, "smile", 1.0)
    model.learn_attribute("bright", faces, bright)
    with pytest.raises(InputError, match="attribute is 'smile', expected one of: bright"):
        model.edit(faces, "smile", 1.0)


def test_options_of_default_networks_beside_given_ones_are_refused():
    given = tiny_beta_vae()
    with pytest.raises(InputError, match="filters shapes default networks, but all networks were given"):
        tiny_beta_vae(encoder=given.encoder, decoder=given.decoder)


@pytest.mark.slow
def test_directions_go_with_the_latents_that_they_lie_in(tmp_path):
    model, faces, bright = attributed()
    model.learn_attribute("bright", faces, bright)
    model.save_to_preset(tmp_path / "preset")
    assert zoo.load(tmp_path / "preset", beta=2.0).attributes == ["bright"]
    # Other units give the encoder new weights, whose latents mean something else.
    for changes in ({"latent_dim": model.latent_dim + 1}, {"units": 24}):
        with pytest.warns(UserWarning, match="newly initialized"):
            changed = zoo.load(tmp_path / "preset", **changes)
        assert changed.attributes == []
    with pytest.warns(UserWarning, match="Its attributes are forgotten; learn_attribute finds"):
        larger = zoo.load(tmp_path / "preset", image_shape=[2 * side for side in model.image_shape[:2]] + [3])
    assert larger.attributes == []
    for three in ([1.0, 2.0, 3.0], "AACAPwAAAEAAAEBA"):
        with pytest.raises(InputError, match=r"attribute_directions\['smile'\] has shape \(3,\), expected"):
            tiny_beta_vae(attribute_directions={"smile": three})
    with pytest.raises(InputError, match=r"attribute_directions\['smile'\] is 'A!', expected an array"):
        tiny_beta_vae(attribute_directions={"smile": "A!"})


@pytest.mark.parametrize("given", [None, "x", [], np.zeros((2, 3)), np.zeros((2, 4), complex), np.zeros((2, 4), bool)])
def test_only_latents_are_decoded(given):
    with pytest.raises(InputError, match=r"latents (is|has|holds) .*, expected .*\(n, 4\)"):
        tiny_vae().decode(given)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "a/b"}, "name is 'a/b', expected a text without slashes"),
        ({"name": 3}, "name is 3, expected a text"),
        ({"dtype": "float"}, "dtype is 'float', expected a dtype policy of Keras"),
        ({"hidden_units": (10**9, 10**9)}, "The networks of such a VAE take more memory than there is"),
        ({"latent_dim": 10**400}, "latent_dim is 1000"),
    ],
)
def test_models_that_cannot_be_are_refused(options, says):
    with pytest.raises(InputError, match=says):
        zoo.VAE(**{"image_shape": (4, 4, 1), "latent_dim": 2, "hidden_units": (2,), **options})
