"""The models with a likelihood and those with codes train under XLA and in half precision."""

import keras
import numpy as np
import pytest
from helpers import LATENT_DIM, images, tiny_pixel_cnn, tiny_vae, tiny_vq_vae, values

import zoo

LARGE = (16, 16, 3)
MODELS = {
    "vae": (tiny_vae, (8, 8, 1)),
    "beta_vae": (lambda **settings: zoo.BetaVAE(LARGE, LATENT_DIM, filters=2, units=4, **settings), LARGE),
    "vq_vae": (tiny_vq_vae, (8, 8, 1)),
    "vq_vae2": (
        lambda **settings: zoo.VQVAE2(LARGE, 6, 3, filters=4, residual_blocks=1, **settings),
        LARGE,
    ),
    "pixel_cnn": (tiny_pixel_cnn, (8, 8, 1)),
    "logistic_mixture": (
        lambda **settings: tiny_pixel_cnn(
            (4, 4, 3), likelihood="logistic_mixture", num_mixtures=2, num_classes=2, **settings
        ),
        (4, 4, 3),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_it_trains_under_xla_in_half_precision(name):
    build, shape = MODELS[name]
    model, given = build(dtype="mixed_bfloat16"), images(16, shape)
    # Adam, whose many sums take XLA long, is compiled in test_objectives.py.
    model.compile("sgd", jit_compile=True)
    before = values(model.trainable_variables)
    history = model.fit((given, np.arange(16) % 2), batch_size=8, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert any((old != new).any() for old, new in zip(before, values(model.trainable_variables), strict=True))
    if name.startswith("vq"):
        model.build_prior(filters=4, num_blocks=1)
        model.prior.compile("sgd", jit_compile=True)
        assert np.isfinite(model.fit_prior(given, epochs=1, batch_size=8, verbose=0).history["loss"]).all()
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    drawn = model.generate(3, seed=0)
    assert drawn.dtype == np.uint8 and drawn.shape == (3, *given.shape[1:])
    np.testing.assert_array_equal(model.generate(2, seed=0), drawn[:2])


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
