"""The codebook against numpy, its gradient, its restarts; the VQ-VAE's step against the paper's formula."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers.vector_quantizer import VectorQuantizer

DIM = 3


def quantizer(number=5, **arguments):
    layer = VectorQuantizer(number, DIM, **arguments)
    layer.build((None, DIM))
    layer.codebook.assign(np.random.RandomState(0).normal(size=(number, DIM)))
    return layer


def vectors(*shape, seed=1):
    return np.random.RandomState(seed).normal(size=(*shape, DIM)).astype("float32")


# === The codebook ===


def test_codes_are_the_nearest_embeddings():
    layer, given = quantizer(), vectors(4, 2, 2)
    distances = ((given[..., None, :] - np.array(layer.codebook)) ** 2).sum(-1)
    np.testing.assert_array_equal(layer.nearest(given), distances.argmin(-1))
    np.testing.assert_allclose(layer(given), np.array(layer.codebook)[distances.argmin(-1)], atol=1e-6)


def test_the_gradient_goes_straight_through():
    layer, given = quantizer(), tf.constant(vectors(4))
    weights = tf.constant(vectors(4, seed=2))
    with tf.GradientTape() as tape:
        tape.watch(given)
        loss = tf.reduce_sum(layer(given) * weights)
    np.testing.assert_array_equal(tape.gradient(loss, given), weights)


def test_an_update_moves_embeddings_to_the_running_means():
    layer = quantizer(2, ema_decay=0.9, restart_below=0.0)
    counts, sums = np.zeros(2), np.zeros((2, DIM))
    for step in range(3):
        given = vectors(6, seed=step)
        codes = np.array(layer.nearest(given))
        layer.update(given, codes)
        for code in range(2):
            counts[code] = 0.9 * counts[code] + 0.1 * (codes == code).sum()
            sums[code] = 0.9 * sums[code] + 0.1 * given[codes == code].sum(0)
        np.testing.assert_allclose(layer.codebook, sums / counts[:, None], rtol=1e-5)


def test_the_first_update_is_the_batch_mean():
    layer = quantizer(1)
    given = vectors(6)
    layer.update(given, np.zeros(6, "int32"))
    np.testing.assert_allclose(np.array(layer.codebook)[0], given.mean(0), rtol=1e-5)


def test_unused_embeddings_restart_at_vectors_of_the_batch():
    layer = quantizer(8)
    layer.codebook.assign(np.full((8, DIM), 100.0) + np.arange(8)[:, None])
    given = vectors(64)
    layer.update(given, layer.nearest(given))
    # Only the embedding that took all vectors stays, at their mean.
    after = np.array(layer.codebook)
    rows = {tuple(row) for row in given}
    assert sum(tuple(row) in rows for row in after) == 7
    assert len({int(code) for code in np.array(layer.nearest(given))}) >= 4


def test_restarted_embeddings_are_not_restarted_at_once():
    layer = quantizer(8)
    given = vectors(64)
    layer.update(given, np.zeros(64, "int32"))
    before = np.array(layer.codebook)
    layer.update(given, layer.nearest(given))
    far = np.abs(np.array(layer.codebook) - before).max()
    assert far < 2.0
    assert (np.array(layer.counts) > 0).all()


def test_without_running_means_the_codebook_is_trained():
    layer = quantizer(ema_decay=None)
    assert [v.name for v in layer.trainable_variables] == ["codebook"]
    assert quantizer().trainable_variables == []


def test_it_comes_back_from_its_configuration():
    layer = quantizer(7, ema_decay=0.5, restart_below=0.2)
    again = VectorQuantizer.from_config(layer.get_config())
    assert (again.num_embeddings, again.embedding_dim) == (7, DIM)
    assert (again.ema_decay, again.restart_below) == (0.5, 0.2)


def test_distances_stay_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert quantizer()(vectors(2)).dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("codes", [[0, 4], [[1, 2], [3, 3]]])
def test_lookup_returns_embeddings(codes):
    layer = quantizer()
    np.testing.assert_array_equal(layer.lookup(np.array(codes)), np.array(layer.codebook)[np.array(codes)])
