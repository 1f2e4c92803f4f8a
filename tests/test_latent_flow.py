"""Latent flows: the autoencoder, the prior over its latents, and both in one preset."""

import h5py
import keras
import numpy as np
import pytest
from helpers import images, values
from keras import ops

import zoo
from zoo.errors import InputError
from zoo.objectives.perceptual import perceptual_distance

SHAPE = (8, 8, 3)
PRIOR = {"filters": 8, "stages": 1, "blocks": 1, "steps": 2, "ema_momentum": 0.5}
TEXTS = {"vocabulary": ["red", "hat"], "max_words": 3, "example_prompts": ["red", "hat"]}


def tiny(**arguments):
    small = {"latent_channels": 2, "filters": 4, "patch_size": 2, "blocks": 1, "perceptual_weight": 0.0}
    return zoo.LatentFlow(SHAPE, **{**small, **arguments})


def mirror():
    """A model whose latents are the pixels, in patches of 2x2, and whose velocity is 0."""
    pixels, patches = keras.Input(SHAPE), keras.Input((4, 4, 12))
    mean = ops.reshape(ops.transpose(ops.reshape(pixels, (-1, 4, 2, 4, 2, 3)), (0, 1, 3, 2, 4, 5)), (-1, 4, 4, 12))
    encoder = keras.Model(pixels, ops.concatenate([mean, 0.0 * mean - 100.0], axis=-1))
    image = ops.reshape(ops.transpose(ops.reshape(patches, (-1, 4, 4, 2, 2, 3)), (0, 1, 3, 2, 4, 5)), (-1, *SHAPE))
    noisy, times = keras.Input((4, 4, 12), name="images"), keras.Input((), name="times")
    still = keras.Model({"images": noisy, "times": times}, 0.0 * noisy)
    decoder = keras.Model(patches, image)
    return zoo.LatentFlow(SHAPE, 12, encoder=encoder, decoder=decoder, perceptual_weight=0.0, prior={"field": still})


def test_latents_stand_for_images():
    model, given = mirror(), images(3, SHAPE)
    assert model.latent_shape == (4, 4, 12)
    np.testing.assert_allclose(model.encode(given)[0, 0, 0, :3], given[0, 0, 0] / 127.5 - 1.0, atol=1e-6)
    np.testing.assert_array_equal(model.reconstruct(given), given)
    np.testing.assert_array_equal(model.decode(model.encode(given)), given)
    np.testing.assert_allclose(model.predict(given, verbose=0), given / 127.5 - 1.0, atol=1e-6)
    # A flow that stands still draws the noise itself.
    np.testing.assert_array_equal(model.generate(latents=model.encode_image(given)), given)


def test_kept_pixels_stay_and_whole_places_are_known_to_the_flow():
    model, given = mirror(), images(2, SHAPE)
    mask = np.zeros(SHAPE[:2], bool)
    mask[:3] = True
    known = []
    sample = model.prior.sample

    def watched(noise, **conditions):
        known.append(conditions)
        return sample(noise, **conditions)

    model.prior.sample = watched
    completed = model.generate(source_images=given, mask=mask, seed=0)
    np.testing.assert_array_equal(completed[:, mask], given[:, mask])
    # The third row of pixels lies in places that are not kept as a whole.
    np.testing.assert_array_equal(known[0]["mask"], np.arange(4)[:, None] < [[1] * 4])
    np.testing.assert_array_equal(known[0]["source_images"][:2], model.encode(given))


def test_the_loss_is_what_the_paper_says():
    model = tiny(kl_weight=0.1)
    model.encoder.get_layer("log_variance").bias.assign(ops.full((2,), -100.0))
    batch = {"images": ops.cast(images(4, SHAPE) / 127.5 - 1.0, "float32")}
    loss, logs = model.autoencoder_error(batch, training=False)
    mean, _ = ops.split(model.encoder(batch["images"]), 2, axis=-1)
    outputs = model.decoder(mean)
    error = np.mean(np.square(ops.convert_to_numpy(batch["images"] - outputs)))
    np.testing.assert_allclose(logs["reconstruction"], error, rtol=1e-4)
    np.testing.assert_allclose(logs["psnr"], 10.0 * np.log10(4.0 / error), rtol=1e-4)
    # Log variances are at least -22.
    kl = 0.5 * np.mean(np.square(mean) + np.exp(-22.0) + 22.0 - 1.0)
    np.testing.assert_allclose(logs["kl"], kl, rtol=0.02)
    np.testing.assert_allclose(loss, error + 0.1 * ops.convert_to_numpy(logs["kl"]), rtol=1e-4)


@pytest.mark.slow
def test_latents_have_the_spread_of_noise_after_training():
    model, given = tiny(), images(64, SHAPE)
    before = model.reconstruct(given)
    model.latent_mean.assign([5.0, -3.0])
    model.latent_variance.assign([4.0, 0.01])
    # The scale is undone before decoding.
    np.testing.assert_allclose(model.reconstruct(given).astype("int16"), before, atol=1)
    model.compile(keras.optimizers.Adam(0.0))
    model.fit(given, batch_size=64, epochs=600, verbose=0)
    latents = model.encode(given)
    np.testing.assert_allclose(latents.mean((0, 1, 2)), 0.0, atol=0.1)
    np.testing.assert_allclose(latents.std((0, 1, 2)), 1.0, atol=0.1)


def test_the_perceptual_distance_ignores_how_strong_features_are():
    def features(given):
        return [given, 2.0 * given[:, :1]]

    one = np.zeros((2, 2, 2, 3), "float32")
    one[..., 0] = 1.0
    across = np.roll(one, 1, axis=-1)
    np.testing.assert_allclose(perceptual_distance(features, one, 5.0 * one), 0.0, atol=1e-6)
    np.testing.assert_allclose(perceptual_distance(features, one, across), 2.0, rtol=1e-5)
    np.testing.assert_allclose(perceptual_distance(features, one, -one), 4.0, rtol=1e-5)


@pytest.mark.slow
def test_training_sees_frozen_features():
    losses = {}
    for weight in (0.0, 1.0):
        keras.utils.set_random_seed(0)
        model = tiny(perceptual_weight=weight)
        model.compile()
        losses[weight] = model.evaluate(images(4, SHAPE), verbose=0, return_dict=True)
    assert losses[0.0]["perceptual"] == 0.0
    assert 0.0 < losses[1.0]["perceptual"] < 4.0
    assert losses[1.0]["loss"] > losses[0.0]["loss"] + 0.5 * losses[1.0]["perceptual"]
    assert model.trained_on_features == ("efficientnet_lite0_imagenet",)
    assert tiny().trained_on_features == ()


@pytest.mark.slow
def test_one_preset_holds_both_parts_and_the_average_once(tmp_path):
    model = tiny()
    model.compile()
    model.build_prior(**PRIOR, **TEXTS)
    described = {"images": images(8, SHAPE), "prompts": ["red", "hat"] * 4}
    model.fit_prior(described, batch_size=4, verbose=0)
    drawn = model.generate(prompts=["red", "hat", "red hat"], seed=0)
    model.save_to_preset(tmp_path)
    with h5py.File(tmp_path / "model.weights.h5") as file:
        prior = file["layers/latent_prior"]
        assert set(prior) == {"field", "ema_field", "vars"}
        assert prior["field"] == prior["ema_field"]
    loaded = zoo.load(tmp_path)
    np.testing.assert_array_equal(loaded.generate(prompts=["red", "hat", "red hat"], seed=0), drawn)
    for field in (loaded.prior.field, loaded.prior.ema_field):
        for one, other in zip(values(field.weights), values(model.prior.ema_field.weights), strict=True):
            np.testing.assert_array_equal(one, other)
    assert loaded.example_prompts == ("red", "hat")
    assert loaded.frozen_layers() == {}


@pytest.mark.slow
def test_arguments_of_the_prior_change_as_those_of_the_model(tmp_path):
    model = tiny(prior={**PRIOR, **TEXTS})
    model.save_to_preset(tmp_path)
    assert zoo.load(tmp_path, steps=7).prior.steps == 7
    with pytest.warns(UserWarning, match=r"word_vectors/embeddings \(1 of 4 rows\)"):
        changed = zoo.load(tmp_path, vocabulary=["red", "shoe"])
    assert (changed.vocabulary, changed.example_prompts) == (("red", "shoe"), None)


def test_what_does_not_fit_is_refused():
    model = tiny()
    wrong = keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(3, 2, strides=2)])
    for call, says in (
        (lambda: model.generate(2), "This LatentFlow has no prior to draw from; call fit_prior"),
        (lambda: model.encode_image(images(2, SHAPE)), "This LatentFlow has no prior to draw from; call fit_prior"),
        (lambda: model.decode(np.zeros((2, 4, 4, 3))), r"latents has shape \(2, 4, 4, 3\), expected finite"),
        (lambda: model.decode(np.full((1, 4, 4, 2), np.nan)), "latents holds NaN or infinite values"),
        (lambda: tiny(latent_channels=0), "latent_channels is 0, expected an integer of at least 1"),
        (lambda: tiny(kl_weight=-1), "kl_weight is -1, expected a number of at least 0"),
        (lambda: tiny(patch_size=3), r"image_shape is \(8, 8, 3\), expected sides divisible by patch_size=3"),
        (lambda: tiny(prior={"depth": 2}), "LatentPrior has no depth for its default networks"),
        (lambda: tiny(prior=2), "prior is 2, expected a dict of what build_prior takes"),
        (lambda: zoo.LatentFlow(SHAPE, 2, encoder=wrong), r"encoder makes \(4, 4, 3\), expected \(4, 4, 4\)"),
        (lambda: tiny(prior=PRIOR).prior.save_to_preset("x"), "A LatentPrior is a part of a model"),
    ):
        with pytest.raises(InputError, match=says):
            call()
