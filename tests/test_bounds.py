"""The log variances of latents are bounded where no preset reaches, so that no images overflow their exponential."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import LATENT_DIM, SHAPE, images, tiny_vae
from keras import layers
from kinds import constant, dark_on_light
from test_golden import GOLDEN

import zoo
from zoo.layers.log_variance import HIGHEST, LOWEST, bounded_log_variance
from zoo.objectives import variational

# Presets whose golden images are of the data set of the preset.
ALIKE = {
    "vae_mnist_28": ("vae_mnist_28", "gan_mnist_28", "conditional_gan_mnist_28", "pixel_cnn_mnist_28"),
    "beta_vae_avatars_64": ("beta_vae_avatars_64", "dcgan_avatars_64", "sagan_avatars_64", "style_dcgan_avatars_64"),
}


def test_values_within_the_limits_stay_bit_equal():
    within = np.linspace(LOWEST, HIGHEST, 10_001, dtype="float32")
    np.testing.assert_array_equal(bounded_log_variance(within), within)


def test_values_beyond_the_limits_keep_their_order_and_a_gradient_that_leads_back():
    x = tf.constant([-1e4, -100, -23, -20.5, 6.5, 9, 100, 1e4])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = bounded_log_variance(x)
    assert y[0] > -22 and y[-1] < 8 and (np.diff(y) > 0).all()
    gradient = tape.gradient(y, x).numpy()
    assert (gradient > 0).all() and (gradient < 1).all()
    # At a limit the slope is that of inside.
    np.testing.assert_allclose(bounded_log_variance(np.float32([-20.001, 6.001])), [-20.001, 6.001], atol=1e-5)


def far_encoder(log_variance):
    """An encoder whose log variances are all the same."""
    encoder = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(2 * LATENT_DIM)])
    encoder.set_weights([np.zeros(encoder.weights[0].shape), np.repeat([0.5, log_variance], LATENT_DIM)])
    return encoder


@pytest.mark.slow
@pytest.mark.parametrize(("raw", "expected"), [(-50, -21.875), (3, 3), (1e30, 8)])
def test_what_encodes_is_bounded_in_training_and_in_use(raw, expected):
    model = tiny_vae(encoder=far_encoder(raw))
    np.testing.assert_allclose(model.encode(images(2))[1], expected, rtol=1e-6)
    loss, logs = model.negative_bound(model.prepare(images(2)))
    kl = LATENT_DIM * 0.5 * (0.25 + np.exp(expected) - expected - 1)
    assert float(logs["kl"]) == pytest.approx(kl, rel=1e-5) and np.isfinite(loss)
    assert np.isfinite(model.log_likelihood_bound(images(2), 10)).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ALIKE)
def test_no_encoding_of_a_preset_reaches_the_bound(name):
    model, pictures = zoo.load(name), [zoo.load(name).generate(200, seed=0)]
    for other in ALIKE[name]:
        with np.load(GOLDEN / f"{other}.npz") as golden:
            pictures.append(np.round(127.5 * (golden["images"] + 1)).clip(0, 255).astype("uint8"))
    pictures = np.concatenate(pictures)
    raw = np.split(model.encoder.predict(pictures / np.float32(127.5) - 1, verbose=0), 2, axis=-1)
    for found, expected in zip(model.encode(pictures), raw, strict=True):
        # Batches of other sizes round differently.
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert raw[1].min() > LOWEST + 5 and raw[1].max() < HIGHEST - 4
    if model.log_variance is not None:
        assert float(model.log_variance) > np.log(variational.ROUNDING_VARIANCE) + 5


@pytest.mark.slow
def test_no_condition_of_a_preset_reaches_the_bound():
    model = zoo.load("text_to_image_gan_avatars_64")
    encoder = model.ema_generator.get_layer("text_encoder")
    prompts = [*model.vocabulary, *model.example_prompts, *(" ".join([word] * 5) for word in model.vocabulary)]
    outputs = encoder.predict(model.tokenize(prompts), batch_size=256, verbose=0)
    log_variances = np.split(outputs, 2, axis=-1)[1]
    assert log_variances.min() > LOWEST and log_variances.max() < HIGHEST


@pytest.mark.slow
def test_images_of_one_colour_leave_the_variance_of_rounding():
    value = np.full((2, 3), 0.25, "float32")
    assert float(variational.best_log_variance(value, value)) == pytest.approx(np.log((2 / 255) ** 2 / 12))
    model = tiny_vae(likelihood="gaussian")
    model.compile(keras.optimizers.SGD(0.0))
    model.decoder.set_weights([0 * weights for weights in model.decoder.get_weights()])
    # The decoder draws the very grey of the images.
    model.decoder.weights[-1].assign(np.full(np.prod(SHAPE), 128 / 127.5 - 1))
    history = model.fit(np.full((8, *SHAPE), 128, "uint8"), batch_size=4, epochs=3, verbose=0).history
    assert np.isfinite(history["loss"]).all()


# === Trainings that diverged ===


@pytest.mark.slow
def test_a_preset_of_light_digits_learns_dark_ones():
    model = zoo.load("vae_mnist_28")
    # Thirty steps are few for a preset, and `fit` says so.
    with pytest.warns(UserWarning, match="epochs=3 means 30 of the 200 steps"):
        history = model.fit(dark_on_light(320, (28, 28, 1)), batch_size=32, epochs=3, verbose=0).history
    # It was 5e7 at the first step and NaN at the fourth.
    assert history["loss"][0] < 5e4 and all(np.isfinite(figures).all() for figures in history.values())
    assert history["loss"][-1] < 0.5 * history["loss"][0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [constant, dark_on_light])
def test_a_vae_of_large_colour_images_stays_near_its_first_loss(kind):
    model = zoo.VAE((64, 64, 3))
    model.compile()
    batch = kind(32, (64, 64, 3))
    losses = [model.train_on_batch(batch, return_dict=True)["loss"] for _ in range(12)]
    # It rose to 1e13, since a step of Adam moves the sum of 12,288 products by 12.
    assert np.isfinite(losses).all() and max(losses) < 10 * losses[0]


def test_the_likelihood_follows_from_the_channels():
    assert {channels: zoo.VAE((4, 4, channels), 2, hidden_units=(2,)).likelihood.name for channels in (1, 3, 4)} == {
        1: "bernoulli",
        3: "gaussian",
        4: "gaussian",
    }
    colour = zoo.VAE((4, 4, 3), 2, hidden_units=(2,), likelihood="bernoulli")
    assert colour.log_variance is None and colour.get_config()["likelihood"] == "bernoulli"
    assert zoo.VAE((4, 4, 3), 2, hidden_units=(2,)).get_config()["likelihood"] == "gaussian"


@pytest.mark.slow
def test_a_preset_keeps_the_bound_of_a_text_encoder_that_it_was_given(tmp_path):
    words = {"vocabulary": ("a", "red", "hat"), "max_words": 4, "latent_dim": 4}
    small = {"filters": 2, "text_dim": 2, "word_dim": 4}
    generator = zoo.TextToImageGAN((8, 8, 3), **words, **small).generator
    model = zoo.TextToImageGAN((8, 8, 3), generator=generator, **words, **small)
    model.generator.get_layer("text_encoder").get_layer("log_variance").bias.assign([1e3, -1e3])
    model.ema_generator.set_weights(model.generator.get_weights())
    model.save_to_preset(tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset")
    encoded = loaded.generator.get_layer("text_encoder")(loaded.tokenize(["a red hat"]))
    np.testing.assert_allclose(np.split(encoded, 2, axis=-1)[1], [[8, -22]], atol=0.01)
    np.testing.assert_array_equal(
        loaded.generate(2, prompts="a hat", seed=0), model.generate(2, prompts="a hat", seed=0)
    )
