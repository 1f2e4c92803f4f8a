"""ProjectedGAN: what its discriminators see, and what trains and is saved of it."""

import itertools

import keras
import numpy as np
import pytest
from helpers import images
from keras import layers, ops

import zoo
from zoo.errors import InputError
from zoo.layers.random_projection import RandomProjection
from zoo.nets import conv
from zoo.training.frozen_features import FrozenFeatures

OPTIONS = {"latent_dim": 4, "filters": 2, "discriminator_filters": 2, "mixed_channels": 3}


def tiny(shape=(16, 16, 3), **arguments):
    return zoo.ProjectedGAN(shape, **{**OPTIONS, **arguments})


@pytest.fixture(scope="module")
def features():
    frozen = FrozenFeatures((16, 16, 3))
    frozen.load()
    return frozen


# === Features ===


@pytest.mark.parametrize(
    ("shape", "finest", "coarsest"),
    [
        ((64, 64, 3), (24, 24), (3, 3)),
        ((28, 28, 1), (24, 24), (3, 3)),
        ((128, 128, 3), (32, 32), (4, 4)),
        ((64, 96, 3), (24, 40), (3, 5)),
    ],
)
def test_images_are_enlarged_to_at_least_96_pixels_and_to_whole_features(shape, finest, coarsest):
    shapes = FrozenFeatures(shape).shapes
    assert shapes[0] == (*finest, 24)
    assert shapes[-1] == (*coarsest, 320)
    assert all(fine[0] == 2 * coarse[0] for fine, coarse in itertools.pairwise(shapes))


@pytest.mark.slow
def test_the_features_have_the_stated_shapes_and_tell_images_apart(features):
    black, noise = np.full((1, 16, 16, 3), -1.0, "float32"), images(1, (16, 16, 3)) / 127.5 - 1
    for name, expected, one, other in zip("0123", features.shapes, features(black), features(noise), strict=True):
        assert tuple(one.shape[1:]) == expected, name
        assert float(ops.mean(ops.abs(one - other))) > 0.01


@pytest.mark.slow
def test_grey_images_have_the_features_of_the_same_images_in_colour(features):
    grey = images(2, (16, 16, 1)) / 127.5 - 1
    for one, other in zip(features(grey), features(np.repeat(grey, 3, -1)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_other_channels_are_refused():
    with pytest.raises(InputError, match=r"image_shape is \(16, 16, 2\), expected 1 or 3 channels"):
        tiny((16, 16, 2))


# === What trains, and what is saved ===


def test_random_projections_are_saved_and_never_trained():
    model = tiny()
    kernels = [layer.kernel.path for layer in model.discriminator.layers if isinstance(layer, RandomProjection)]
    # Four scales are mixed across channels, and all but the coarsest across scales.
    assert len(kernels) == 7
    assert not set(kernels) & {variable.path for variable in model.discriminator.trainable_variables}
    assert set(kernels) <= {variable.path for variable in model.discriminator.variables}


@pytest.mark.slow
def test_a_model_that_only_draws_does_not_load_the_frozen_network(tmp_path):
    tiny().save_to_preset(tmp_path / "preset")
    model = zoo.load(tmp_path / "preset")
    model.generate(2, seed=0)
    with pytest.raises(TypeError):
        model.frozen_features(np.zeros((1, 16, 16, 3), "float32"))
    model.compile(run_eagerly=True)
    model.fit(images(4, (16, 16, 3)), batch_size=4, verbose=0)
    assert len(model.frozen_features(np.zeros((1, 16, 16, 3), "float32"))) == 4
    parameters = sum(int(np.prod(variable.shape)) for variable in model.variables)
    assert parameters < 100_000


@pytest.mark.slow
def test_the_generator_learns_through_the_frozen_features():
    """Without pixels, the only way from the loss to the generator leads through the features."""
    shapes = FrozenFeatures((16, 16, 3)).shapes
    seen = {"images": (16, 16, 3), **{f"scale_{index}": shape for index, shape in enumerate(shapes)}}
    inputs = {name: keras.Input(shape, name=name) for name, shape in seen.items()}
    logits = layers.Dense(1, dtype="float32")(layers.GlobalAveragePooling2D()(inputs["scale_1"]))
    model = tiny(discriminator=keras.Model(inputs, logits))
    model.compile(run_eagerly=True)
    before = [np.array(variable) for variable in model.generator.trainable_variables]
    history = model.fit(images(4, (16, 16, 3)), batch_size=4, verbose=0).history
    moved = [
        np.abs(np.array(after) - old).max()
        for after, old in zip(model.generator.trainable_variables, before, strict=True)
    ]
    assert history["generator_gradient_norm"][0] > 0
    assert min(moved) > 0


def test_a_discriminator_of_other_inputs_is_refused():
    network = keras.Sequential([keras.Input((16, 16, 3)), layers.Flatten(), layers.Dense(1)])
    generator = tiny().generator
    with pytest.raises(InputError, match=r"discriminator takes \(16, 16, 3\), expected \{'images': \(16, 16, 3\), 'sc"):
        zoo.ProjectedGAN((16, 16, 3), 4, generator=generator, discriminator=network)


@pytest.mark.slow
def test_labels_change_what_is_drawn_and_how_it_is_judged():
    model = tiny(num_classes=3)
    model.compile(run_eagerly=True)
    model.fit(images(6, (16, 16, 3)), np.arange(6) % 3, batch_size=6, verbose=0)
    latents = np.ones((2, 4), "float32")
    assert not np.array_equal(*model.generate(2, latents=latents, labels=[0, 1], seed=0))
    seen = {"images": np.zeros((1, 16, 16, 3), "float32")}
    seen |= {f"scale_{i}": np.ones((1, *shape), "float32") for i, shape in enumerate(model.frozen_features.shapes)}
    first, second = (model.discriminator({**seen, "labels": np.array([label])}) for label in (0, 1))
    assert float(ops.max(ops.abs(first - second))) > 0


def test_its_kernels_are_not_taken_for_those_of_a_dcgan():
    assert conv.shrinks(zoo.DCGAN((16, 16, 3), filters=2).generator)
    assert not conv.shrinks(tiny().generator)


def test_its_own_features_never_judge_it(tmp_path):
    from zoo.metrics import features

    with pytest.raises(InputError, match="on whose features this ProjectedGAN was trained"):
        features.check_judge(tiny(), "efficientnet_lite0_imagenet")
