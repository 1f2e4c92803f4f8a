"""Spectral normalization, conditional batch norm, group norm and self-attention against their definitions."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import values
from keras import layers

from zoo.errors import InputError
from zoo.layers.attention import SelfAttention
from zoo.layers.conditional_norm import ConditionalBatchNormalization
from zoo.layers.group_norm import GroupNormalization
from zoo.layers.spectral_normalization import SpectralNormalization
from zoo.training import step

STREAM = np.random.RandomState(0)
FEATURES = STREAM.normal(size=(3, 6, 4, 5)).astype("float32")


def shaken(layer):
    """The layer with other weights than the initial ones, which are often 0, 1 or orthogonal."""
    for variable in layer.trainable_variables:
        variable.assign(STREAM.normal(size=variable.shape))
    return layer


# === Spectral normalization ===

LINEAR = {
    "dense": (lambda: layers.Dense(7), STREAM.normal(size=(2, 4)).astype("float32"), "kernel"),
    "conv": (lambda: layers.Conv2D(7, 3, padding="same"), FEATURES, "kernel"),
    "biasless": (lambda: layers.Conv2D(2, 3, strides=2, use_bias=False), FEATURES, "kernel"),
    "embedding": (lambda: layers.Embedding(4, 3), np.array([0, 3, 3, 1]), "embeddings"),
}


def normalized(name):
    """A layer under spectral normalization after many steps of power iteration, its inputs, its weight."""
    build, inputs, attribute = LINEAR[name]
    layer = SpectralNormalization(build())
    layer.build(inputs.shape)
    shaken(layer)
    step = tf.function(lambda: layer(inputs, training=True), autograph=False)
    # Singular values may lie close together.
    for _ in range(400):
        step()
    return layer, inputs, getattr(layer.layer, attribute)


def largest_singular_value(weight):
    return np.linalg.svd(weight.numpy().reshape(-1, weight.shape[-1]), compute_uv=False)[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", LINEAR)
def test_outputs_are_those_of_the_weight_divided_by_its_largest_singular_value(name):
    layer, inputs, weight = normalized(name)
    sigma = largest_singular_value(weight)
    found = [layer(inputs, training=training).numpy() for training in (False, True)]
    weight.assign(weight / sigma)
    expected = layer.layer(inputs).numpy()
    for outputs in found:
        np.testing.assert_allclose(outputs, expected, rtol=1e-3, atol=1e-4)
    assert sigma > 1.5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dense", "conv"])
def test_gradients_flow_through_the_division(name):
    layer, inputs, weight = normalized(name)
    weights = STREAM.normal(size=layer(inputs).shape).astype("float32")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights * layer(inputs))
    found = tape.gradient(loss, weight.value)
    kernel, bias = tf.constant(weight.numpy()), layer.layer.bias.numpy()
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        divided = kernel / tf.linalg.svd(tf.reshape(kernel, (-1, 7)), compute_uv=False)[0]
        outputs = inputs @ divided if name == "dense" else tf.nn.conv2d(inputs, divided, 1, "SAME")
        loss = tf.reduce_sum(weights * (outputs + bias))
    np.testing.assert_allclose(found, tape.gradient(loss, kernel), rtol=1e-3, atol=1e-3)


def test_the_weight_is_the_optimizers_and_the_vector_moves_in_training_alone():
    build, inputs, _ = LINEAR["dense"]
    layer = SpectralNormalization(build())
    layer.build(inputs.shape)
    shaken(layer)
    trained, (vector,) = values(layer.trainable_variables), values(layer.non_trainable_variables)
    layer(inputs, training=False)
    np.testing.assert_array_equal(layer.vector, vector)
    layer(inputs, training=True)
    assert (layer.vector.numpy() != vector).any()
    np.testing.assert_equal(values(layer.trainable_variables), trained)


def test_only_linear_layers_are_normalized():
    with pytest.raises(InputError, match="layer is a ReLU, expected a Dense, Conv2D or Embedding layer"):
        SpectralNormalization(layers.ReLU())
    with pytest.raises(InputError, match="The layer hidden has an activation, expected it in a layer of its own"):
        SpectralNormalization(layers.Dense(2, activation="relu", name="hidden"))


# === Conditional batch norm ===


def test_with_one_class_it_is_plain_batch_norm():
    conditional = ConditionalBatchNormalization(momentum=0.8)
    conditional.build(FEATURES.shape, (3, 1))
    shaken(conditional)
    plain = layers.BatchNormalization(momentum=0.8, epsilon=1e-5)
    plain.build(FEATURES.shape)
    plain.gamma.assign(1 + conditional.scale.kernel[0])
    plain.beta.assign(conditional.shift.kernel[0])
    for training in (True, False):
        found = conditional(FEATURES, np.ones((3, 1), "float32"), training=training)
        np.testing.assert_allclose(found, plain(FEATURES, training=training), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(conditional.norm.moving_mean, plain.moving_mean, rtol=1e-5)


def test_each_class_has_its_own_scale_and_shift():
    layer = ConditionalBatchNormalization()
    layer.build(FEATURES.shape, (3, 4))
    shaken(layer)
    same = np.repeat(FEATURES[:1], 3, 0)
    found = layer(same, np.eye(4, dtype="float32")[[0, 2, 2]]).numpy()
    normal = same / np.sqrt(1 + 1e-5)
    for image, label in enumerate([0, 2, 2]):
        expected = normal[image] * (1 + layer.scale.kernel.numpy()[label]) + layer.shift.kernel.numpy()[label]
        np.testing.assert_allclose(found[image], expected, rtol=1e-4, atol=1e-4)
    assert np.abs(found[0] - found[1]).max() > 0.1


# === Group norm ===


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("groups", [-1, 1, 2])
def test_group_norm_is_that_of_keras(groups, dtype):
    ours, keras_layer = (
        layer(groups=groups, epsilon=0.1, dtype=dtype) for layer in (GroupNormalization, layers.GroupNormalization)
    )
    features = FEATURES[..., :4] + 2
    for layer in (ours, keras_layer):
        layer.build(features.shape)
    shaken(ours)
    keras_layer.set_weights(ours.get_weights())
    found, expected = ours(features), keras_layer(features)
    assert found.dtype == expected.dtype
    tolerance = 1e-5 if dtype == "float32" else 2e-2
    np.testing.assert_allclose(values([found]), values([expected]), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("groups", [-1, 2])
def test_group_norm_has_the_second_derivative_of_finite_differences(groups):
    stream = np.random.RandomState(0)
    network = keras.Sequential(
        [
            keras.Input((5, 4, 2), dtype="float64"),
            layers.Conv2D(4, 3, dtype="float64"),
            GroupNormalization(groups, dtype="float64"),
            layers.Activation("tanh", dtype="float64"),
        ]
    )
    images, kernel = stream.normal(size=(3, 5, 4, 2)), network.layers[0].kernel
    start, direction = stream.normal(size=(2, *kernel.shape))

    def penalty(share):
        kernel.assign(start + share * direction)
        gradient = step.input_gradient(network, tf.constant(images))
        return tf.reduce_sum(gradient**2)

    with tf.GradientTape() as tape:
        found = penalty(0.0)
    slope = np.sum(tape.gradient(found, kernel.value).numpy() * direction)
    expected = (penalty(1e-5) - penalty(-1e-5)).numpy() / 2e-5
    assert slope == pytest.approx(expected, rel=1e-6)


# === Self-attention ===


def test_attention_is_that_of_keras():
    layer = SelfAttention()
    features = STREAM.normal(size=(2, 6, 4, 16)).astype("float32")
    layer.build(features.shape)
    shaken(layer)

    def pixels(outputs, halve=True):
        outputs = outputs.numpy()
        if halve:
            outputs = outputs.reshape(2, 3, 2, 2, 2, -1).mean((2, 4))
        return outputs.reshape(2, -1, outputs.shape[-1])

    query, key, value = pixels(layer.query(features), False), pixels(layer.key(features)), pixels(layer.value(features))
    assert query.shape == (2, 24, 2) and value.shape == (2, 6, 8)
    attended, weights = layers.Attention()([query, value, key], return_attention_scores=True)
    np.testing.assert_allclose(layer.attention(features), weights, rtol=1e-4, atol=1e-5)
    attended = layer.projection(np.reshape(attended, (2, 6, 4, 8)))
    expected = features + layer.gamma.numpy() * attended.numpy()
    np.testing.assert_allclose(layer(features), expected, rtol=1e-4, atol=1e-4)


def test_attention_begins_as_the_identity_and_sums_to_1():
    layer = SelfAttention()
    features = STREAM.normal(size=(2, 4, 4, 8)).astype("float32")
    np.testing.assert_array_equal(layer(features), features)
    np.testing.assert_allclose(layer.attention(features).numpy().sum(-1), 1.0, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "build",
    [lambda: SpectralNormalization(layers.Dense(3)), SelfAttention, lambda: GroupNormalization(2, 0.1)],
)
def test_layers_survive_their_configuration(build):
    inputs = keras.Input((4, 4, 8))
    model = keras.Model(inputs, build()(inputs))
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    given = STREAM.normal(size=(1, 4, 4, 8)).astype("float32")
    np.testing.assert_array_equal(twin(given), model(given))
