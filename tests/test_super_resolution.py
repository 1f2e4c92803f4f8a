"""Super-resolution: shrinking as MATLAB does, training on pixels and against a discriminator, enlarging in parts."""

import functools
import shutil
import tracemalloc

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import Sequence, images, moved, one_update, pairs, png_folder, values, write_picture
from PIL import Image

import zoo
from zoo import data
from zoo.bicubic import resize_bicubic, resize_matrix
from zoo.errors import DataError, InputError
from zoo.images import read_picture
from zoo.layers.spectral_normalization import SpectralNormalization
from zoo.layers.upsampling import BicubicUpsampling, DepthToSpace
from zoo.metrics import psnr_luma
from zoo.metrics.pixels import luma
from zoo.models import super_resolution as models
from zoo.nets import super_resolution as nets

LARGE, SMALL, SCALE = (16, 24, 3), (8, 12, 3), 2


def awake(model):
    """Gives the last convolution, which begins as nothing, weights."""
    layer = model.generator.get_layer("subpixels")
    layer.kernel.assign(np.random.RandomState(0).normal(0, 0.05, layer.kernel.shape))
    if hasattr(model, "ema_generator"):
        model.ema_generator.set_weights(model.generator.get_weights())
    return model


def tiny_sr_resnet(image_shape=LARGE, **arguments):
    return awake(zoo.SRResNet(image_shape, **{"scale": SCALE, "filters": 4, "residual_blocks": 2, **arguments}))


def tiny_srgan(image_shape=LARGE, **arguments):
    small = {"scale": SCALE, "filters": 4, "residual_blocks": 1, "patch_filters": 2, "patch_stages": 1}
    return awake(zoo.SRGAN(image_shape, **{**small, **arguments}))


TINY = {"sr_resnet": tiny_sr_resnet, "srgan": functools.partial(tiny_srgan, penalties="r1", augmentation="adaptive")}


def phi():
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, keras.layers.Conv2D(2, 3, strides=2)(inputs))


@pytest.mark.slow
def test_iterators_of_batches_are_trained_on():
    model = tiny_sr_resnet()
    model.compile(run_eagerly=True)
    model.fit(iter([images(4, LARGE)] * 2), verbose=0)
    model.fit(iter([(images(4, SMALL), images(4, LARGE))] * 2), verbose=0)
    assert int(model.optimizer.iterations) == 4


def discriminator(shape):
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Conv2D(1, 3)(inputs))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"discriminator": discriminator(SMALL)}, r"discriminator takes \(8, 12, 3\), expected \(16, 24, 3\)"),
        ({"generator": nets.residual_upscaler(1, 2, 2, 1)}, "generator takes images of 1 channels, expected 3"),
        ({"feature_network": "classifier_tf_flowers_64"}, "feature_network is 'classifier_tf_flowers_64', expected a "),
        ({"feature_network": discriminator((None, None, 1))}, r"feature_network takes \(None, None, 1\), expected"),
    ],
)
def test_networks_that_do_not_fit_are_refused(arguments, says):
    with pytest.raises(InputError, match=says):
        zoo.SRGAN(LARGE, SCALE, **arguments)


def test_a_generator_sees_as_far_as_all_of_its_convolutions():
    inner = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(3, 9, padding="same"),
            keras.layers.SeparableConv2D(3, (3, 5), padding="same", dilation_rate=2),
        ]
    )
    inputs = keras.Input((None, None, 3))
    outer = keras.Model(inputs, keras.layers.Conv2D(3, 3, padding="same")(inner(inputs)))
    assert nets.halo(outer) == 4 + 4 + 1 + 2
    twice = keras.Model(inputs, inner(inner(inputs)))
    assert nets.halo(twice) == 2 * (4 + 4) + 2


# === Resizing ===


def test_the_weights_are_those_of_matlab():
    # imresize's contributions for the scales 1/2 and 2.
    half = [-0.01171875, -0.03515625, 0.11328125, 0.43359375, 0.43359375, 0.11328125, -0.03515625, -0.01171875]
    np.testing.assert_allclose(resize_matrix(16, 8)[3, 3:11], half, atol=1e-12)
    np.testing.assert_allclose(resize_matrix(8, 16)[7, 2:6], [-0.0703125, 0.8671875, 0.2265625, -0.0234375], atol=1e-12)
    # Mirrored at the edge: what would lie outside weighs on the pixels inside.
    edge = np.array(half[3:8])
    edge[:3] += half[2::-1]
    np.testing.assert_allclose(resize_matrix(16, 8)[0, :5], edge, atol=1e-12)


@pytest.mark.parametrize(("size", "new_size"), [(20, 5), (21, 7), (5, 20), (9, 6), (4, 4), (3, 1)])
def test_resizing_keeps_what_is_flat(size, new_size):
    matrix = resize_matrix(size, new_size)
    np.testing.assert_allclose(matrix.sum(1), 1.0)
    flat = np.full((size, size, 3), 77, "uint8")
    np.testing.assert_array_equal(resize_bicubic(flat, (new_size, new_size)), np.full((new_size, new_size, 3), 77))
    if size == new_size:
        np.testing.assert_allclose(matrix, np.eye(size), atol=1e-12)


def test_a_model_shrinks_as_resize_bicubic_does():
    model, given = tiny_sr_resnet(), images(3, LARGE)
    batch = model.prepare(given)
    by_hand = np.stack([resize_bicubic(image, SMALL[:2]) for image in given])
    found = (np.array(batch["source_images"]) + 1) * 127.5
    # A half may be rounded the other way in float32.
    assert np.abs(found - by_hand).max() < 1.01 and np.mean(np.abs(found - by_hand) > 0.5) < 0.01
    # Given pairs are left as they are.
    sources, _ = pairs(3, LARGE, SMALL)
    kept = model.prepare({"images": given, "source_images": sources})["source_images"]
    np.testing.assert_allclose(kept, sources / 127.5 - 1, atol=1e-6)


def test_luma_is_that_of_bt_601():
    colours = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], "uint8")
    np.testing.assert_array_equal(luma(colours), [[16, 235, 81, 145, 41]])
    np.testing.assert_array_equal(luma(colours[:, :2, :1]), [[16, 235]])


def test_the_border_does_not_count():
    image = images(1, (12, 12, 3))[0]
    other = image.copy()
    other[:2], other[:, -2:] = 0, 255
    assert psnr_luma(image, other, border=2) == np.inf
    other[5, 5] = 255 - image[5, 5]
    error = (luma(image)[5, 5] - luma(other)[5, 5]) ** 2 / 64
    assert psnr_luma(image, other, border=2) == pytest.approx(10 * np.log10(255**2 / error))


# === Networks ===


def test_channels_become_pixels():
    x = np.arange(2 * 3 * 4 * 12, dtype="float32").reshape(2, 3, 4, 12)
    found = np.array(DepthToSpace(2)(x))
    assert found.shape == (2, 6, 8, 3)
    for row, column in np.ndindex(6, 8):
        block = x[:, row // 2, column // 2].reshape(2, 2, 2, 3)
        np.testing.assert_array_equal(found[:, row, column], block[:, row % 2, column % 2])
    with pytest.raises(InputError, match="x has 6 channels, expected a multiple of 4"):
        DepthToSpace(2)(x[..., :6])


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_an_untrained_network_enlarges_bicubically(scale):
    network = nets.residual_upscaler(3, scale, 4, 2)
    image = images(1, (10, 14, 3))[0]
    made = (np.array(network(image[None] / np.float32(127.5) - 1))[0] + 1) * 127.5
    # As `resize_bicubic`, without its rounding.
    large = np.einsum("yh,xw,hwc->yxc", resize_matrix(10, 10 * scale), resize_matrix(14, 14 * scale), image)
    # Away from the border, which is continued differently.
    border = 2 * scale
    assert np.abs(made - large)[border:-border, border:-border].max() < 0.1
    assert BicubicUpsampling(scale)(np.ones((1, 1, 1, 2), "float32")).shape == (1, scale, scale, 2)


def spectral_upscaler():
    inputs = x = keras.Input((None, None, 3))
    for _ in range(3):
        x = SpectralNormalization(keras.layers.Conv2D(3, 3, padding="same"))(x)
    return keras.Model(inputs, keras.layers.UpSampling2D(SCALE)(x))


@pytest.mark.parametrize("build", [lambda: tiny_sr_resnet().generator, spectral_upscaler])
def test_the_network_looks_no_further_than_its_halo(build):
    network = build()
    reach = nets.halo(network)
    image = np.zeros((1, 2 * reach + 5, 2 * reach + 5, 3), "float32")
    changed = image.copy()
    changed[0, reach + 2, reach + 2] = 1.0
    rows = np.flatnonzero(np.any(np.array(network(image)) != np.array(network(changed)), axis=(0, 2, 3)))
    middle = (reach + 2) * SCALE
    assert rows.min() >= middle - reach * SCALE and rows.max() < middle + (reach + 1) * SCALE


# === Training ===


def test_the_pixel_stage_minimizes_the_absolute_error():
    model, given = tiny_sr_resnet(), images(3, LARGE)
    batch = model.prepare(given)
    error = given / 127.5 - 1 - np.array(model.generator(batch["source_images"]))
    loss, logs = model.pixel_loss(batch)
    assert float(loss) == pytest.approx(np.mean(np.abs(error)), rel=1e-4)
    assert float(logs["psnr"]) == pytest.approx(10 * np.log10(4 / np.mean(error**2)), rel=1e-4)


@pytest.mark.slow
def test_the_adversarial_stage_minimizes_the_papers_sum():
    features = phi()
    model = tiny_srgan(feature_network=features, pixel_weight=0.5, perceptual_weight=3.0, adversarial_weight=0.1)
    model.compile()
    batch = model.prepare(images(3, LARGE))
    fake = model.generator(batch["source_images"])
    adversarial = np.mean(np.log1p(np.exp(-np.array(model.discriminator(fake)))))
    perceptual = np.mean((np.array(features(batch["images"])) - np.array(features(fake))) ** 2)
    pixel = np.mean(np.abs(batch["images"] - fake))
    loss, logs = model.generator_loss(batch)
    assert float(loss) == pytest.approx(0.5 * pixel + 3 * perceptual + 0.1 * adversarial, rel=1e-4)
    assert float(logs["perceptual"]) == pytest.approx(perceptual, rel=1e-4)


@pytest.mark.slow
def test_features_in_half_precision_are_compared_in_single():
    inputs = keras.Input((None, None, 3))
    half = keras.Model(inputs, keras.layers.Rescaling(300.0, dtype="float16")(inputs))
    model = tiny_srgan(feature_network=half)
    batch = {"images": np.ones((2, *LARGE), "float32"), "source_images": -np.ones((2, *SMALL), "float32")}
    _, logs = model.generator_loss(batch, training=False)
    error = 1 - np.array(model.ema_generator(batch["source_images"]))
    expected = 300.0**2 * np.mean(error**2)
    # Half precision cannot represent as much.
    assert expected > 1e5
    assert float(logs["perceptual"]) == pytest.approx(expected, rel=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("updated", ["generator", "discriminator"])
def test_an_update_moves_its_own_network_alone(updated):
    model = tiny_srgan(feature_network=phi())
    model.compile()
    weights = getattr(model, updated).trainable_variables
    old = values(weights)
    one_update(model, updated, images(4, LARGE), still=model.feature_network.variables)
    # Biases before a norm have no gradient.
    assert np.mean(moved(old, weights)) > 0.5


@pytest.mark.slow
def test_the_pixel_stage_learns():
    keras.utils.set_random_seed(0)
    # Stripes that bicubic enlargement blurs.
    stripes = np.where(np.arange(24) // 3 % 2, 230, 30).astype("uint8")
    given = np.stack([np.broadcast_to(np.roll(stripes, shift)[None, :, None], LARGE) for shift in range(32)])
    model = zoo.SRResNet(LARGE, SCALE, filters=8, residual_blocks=1)
    model.compile(keras.optimizers.Adam(2e-3))
    history = model.fit(given, batch_size=8, epochs=30, verbose=0).history
    assert history["psnr"][-1] > history["psnr"][0] + 3


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_it_trains_on_images_and_on_pairs(name):
    model = TINY[name]()
    model.compile(run_eagerly=True)
    model.fit(images(4, LARGE), batch_size=4, verbose=0)
    model.fit(*pairs(4, LARGE, SMALL), batch_size=4, verbose=0)
    assert np.isfinite(list(model.evaluate(images(4, LARGE), verbose=0, return_dict=True).values())).all()


def pair_folder(folder, number=3, shape=LARGE, source_shape=SMALL):
    """Writes a folder of pairs, and returns their source images and images."""
    sources, targets = pairs(number, shape, source_shape)
    png_folder(folder / "A", sources)
    png_folder(folder / "B", targets)
    return sources, targets


def test_folders_and_lists_of_pairs_are_trained_on_as_pairs(tmp_path):
    sources, targets = pair_folder(tmp_path)
    small, large = (sorted((tmp_path / side).iterdir()) for side in "AB")
    patterns = f"{tmp_path}/A/*.png", f"{tmp_path}/B/*.png"
    listed = {"images": large, "source_images": small}
    for source in (tmp_path, listed, (small, large), patterns, data.ImageSet(targets, source_images=sources)):
        read = tiny_sr_resnet().read(source, "train")
        np.testing.assert_array_equal(read.images, targets)
        np.testing.assert_array_equal(read.source_images, sources)
    # Lists and patterns of large images are shrunk, and labels are left aside.
    for source in (large, large[:2], patterns[1], (targets, [0, 1, 2]), (large, [0, 1, 2]), {"images": patterns[1]}):
        read = tiny_sr_resnet().read(source, "train")
        np.testing.assert_array_equal(read.images, targets[: len(read.images)])
        assert read.source_images is None
    # Classes are no pairs, whatever their names.
    shutil.copytree(tmp_path / "B", tmp_path / "C")
    shutil.copytree(tmp_path / "B", tmp_path / "A", dirs_exist_ok=True)
    assert len(tiny_sr_resnet().read(tmp_path, "train").images) == 9


@pytest.mark.slow
def test_pairs_teach_what_shrinking_does_not():
    keras.utils.set_random_seed(0)
    large = images(32, LARGE) // 4 + 96
    # Small images that are darker, as those of another camera.
    small = np.stack([resize_bicubic(image, SMALL[:2]) for image in large]) // 2
    model = zoo.SRResNet(LARGE, SCALE, filters=4, residual_blocks=1)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit({"images": large, "source_images": small}, batch_size=8, epochs=20, verbose=0)
    made = model.generate(source_images=small)
    assert abs(made.mean() - large.mean()) < 6 < abs(small.mean() - large.mean())


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_ready_made_batches_hold_pairs_or_images_with_labels(name):
    model, (small, large) = TINY[name](), pairs(8, LARGE, SMALL)
    model.compile()
    slices = tf.data.Dataset.from_tensor_slices
    unknown = tf.data.Dataset.range(2).map(lambda _: tf.numpy_function(lambda: (small, large), [], [tf.uint8] * 2))
    sources = [
        slices({"images": large, "source_images": small}).batch(4),
        slices((small, large)).batch(4),
        slices((large, np.zeros(8))).batch(4),
        unknown,
        Sequence([{"images": large[:4], "source_images": small[:4]}] * 2),
    ]
    for batches in sources:
        history = model.fit(batches, verbose=0, validation_data=batches).history
        assert np.isfinite(list(history.values())).all()
    model.train_on_batch({"images": large, "source_images": small})


def test_small_images_that_do_not_fit_the_scale_are_refused_in_one_sentence(tmp_path):
    model, (small, large) = tiny_sr_resnet(), pairs(2, LARGE, (9, 12, 3))
    model.compile(run_eagerly=True)
    says = (
        r"^source_images has shape \(2, 9, 12, 3\), expected \(n, 8, 12, 3\): the sides of image_shape=\(16, 24, 3\) "
        r"divided by scale=2\.$"
    )
    pair = {"images": large, "source_images": small}
    for source in (pair, (small, large), tf.data.Dataset.from_tensors(pair), iter([pair]), Sequence([pair])):
        with pytest.raises(InputError, match=says):
            model.fit(source, batch_size=2, verbose=0)
    with pytest.raises(InputError, match=says):
        model.train_on_batch(pair)
    pair_folder(tmp_path, 7, source_shape=(9, 12, 3))
    says = r"^7 pairs in .* are not 2 times as large in B as in A, as scale=2 needs: 000 \(12x9 and 24x16\), .*, …\.$"
    with pytest.raises(DataError, match=says):
        model.fit(tmp_path, batch_size=2, verbose=0)
    says = r"^1 pairs are not 2 times as large in images as in source_images, as scale=2 needs: 000 \(12x9 and"
    with pytest.raises(DataError, match=says):
        model.fit({side: [tmp_path / at / "000.png"] for side, at in (("images", "B"), ("source_images", "A"))})


def test_sides_that_the_scale_does_not_divide_fit_by_rounding(tmp_path):
    for number, (width, height) in enumerate([(25, 17), (24, 17), (25, 16), (23, 15)]):
        write_picture(tmp_path / "B" / f"{number}.png", images(1, (height, width, 3))[0])
        write_picture(tmp_path / "A" / f"{number}.png", images(1, SMALL)[0])
    assert len(tiny_sr_resnet().read(tmp_path, "train").images) == 4


@pytest.mark.slow
@pytest.mark.filterwarnings("error:.build")
def test_a_preset_holds_the_feature_network(tmp_path):
    # Given a generator, as from a pixel stage, whose layers are then built from what the preset says of them.
    model = tiny_srgan(feature_network=phi(), perceptual_weight=2.0, generator=tiny_sr_resnet().generator)
    model.save_to_preset(tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset")
    given = images(1, SMALL)
    np.testing.assert_array_equal(loaded.feature_network(given / 255.0), model.feature_network(given / 255.0))
    np.testing.assert_array_equal(loaded.upscale(given[0]), model.upscale(given[0]))
    assert loaded.get_config()["perceptual_weight"] == 2.0 and "frozen_layers" not in loaded.get_config()


@pytest.mark.slow
def test_the_adversarial_stage_begins_where_the_pixel_stage_ends():
    pixel = tiny_sr_resnet()
    model = zoo.SRGAN(LARGE, SCALE, generator=pixel.generator, patch_filters=2, patch_stages=1)
    np.testing.assert_array_equal(model.upscale(images(1, SMALL)[0]), pixel.upscale(images(1, SMALL)[0]))


# === Enlarging ===


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("sides", [(20, 33), (40, 7), (1, 1)])
def test_parts_have_no_seams(name, sides, monkeypatch):
    model, image = TINY[name](), images(1, (*sides, 3))[0]
    whole = model.upscale(image)
    assert whole.shape == (sides[0] * SCALE, sides[1] * SCALE, 3) and whole.dtype == np.uint8
    monkeypatch.setattr(models, "_TILE", 8)
    difference = np.abs(model.upscale(image).astype(int) - whole)
    # A value on the edge between two levels may fall to either.
    assert difference.max() <= 1 and np.mean(difference > 0) < 0.01


@pytest.mark.slow
def test_upscaling_is_generating_for_images_of_the_trained_size():
    model, given = tiny_sr_resnet(), images(2, SMALL)
    made = model.generate(source_images=given)
    assert np.abs(made[0].astype(int) - model.upscale(given[0])).max() <= 1


@pytest.mark.slow
def test_a_batch_is_enlarged_image_by_image():
    model, given = tiny_sr_resnet(), images(3, (6, 7, 3))
    large = model.upscale(given)
    assert large.shape == (3, 12, 14, 3)
    np.testing.assert_array_equal(large, [model.upscale(image) for image in given])


def test_parts_are_about_equal(monkeypatch):
    monkeypatch.setattr(models, "_TILE", 10)
    assert models._parts(10) == [(0, 10)]
    assert models._parts(11) == [(0, 5), (5, 11)]


@pytest.mark.slow
def test_grey_and_alpha_are_handled():
    model = tiny_sr_resnet()
    rgba = images(1, (6, 7, 4))[0]
    large = model.upscale(rgba)
    assert large.shape == (12, 14, 4)
    np.testing.assert_array_equal(large[..., :3], model.upscale(rgba[..., :3]))
    np.testing.assert_array_equal(large[..., 3:], resize_bicubic(rgba[..., 3:], (12, 14)))
    grey = model.upscale(rgba[..., 0])
    assert grey.shape == (12, 14)
    in_colour = model.upscale(np.repeat(rgba[..., :1], 3, -1)).mean(-1)
    assert np.abs(grey - in_colour).max() <= 0.5
    np.testing.assert_array_equal(model.upscale(rgba[..., [0, 3]])[..., 0], grey)
    of_grey = tiny_sr_resnet((16, 24, 1))
    assert of_grey.upscale(rgba[..., 0]).shape == (12, 14)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["P", "CMYK", "L"])
def test_pillow_images_are_what_they_look_like(mode):
    picture = Image.fromarray(images(1, (6, 7, 3))[0]).convert(mode)
    model = tiny_sr_resnet()
    large = model.upscale(picture)
    shown = np.asarray(picture if mode == "L" else picture.convert("RGB")).reshape(6, 7, -1)
    np.testing.assert_array_equal(large, model.upscale(shown))


@pytest.mark.slow
def test_grey_and_alpha_have_no_seams_either(monkeypatch):
    model, image = tiny_sr_resnet(), images(1, (21, 18, 2))[0]
    whole = model.upscale(image)
    np.testing.assert_array_equal(whole[..., 1:], resize_bicubic(image[..., 1:], (42, 36)))
    monkeypatch.setattr(models, "_TILE", 8)
    parts = model.upscale(image)
    np.testing.assert_array_equal(parts[..., 1:], whole[..., 1:])
    assert np.abs(parts[..., 0].astype(int) - whole[..., 0]).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_large_picture_takes_little_more_memory_than_its_enlargement(channels, monkeypatch):
    monkeypatch.setattr(models, "_TILE", 48)
    model, image = tiny_sr_resnet(residual_blocks=1), images(1, (500, 600, channels))[0]
    model.upscale(image[:50, :50])
    tracemalloc.start()
    large = model.upscale(image)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # One plane of float64 would be eight times as much as a channel.
    assert peak < large.nbytes + 2_000_000


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((4, 4, 3)), "dtype float64"),
        (np.zeros((2, 4, 4, 3)), "dtype float64"),
        (np.zeros((0, 4, 4, 3), "uint8"), r"shape \(0, 4, 4, 3\)"),
        (np.zeros((4, 4, 5), "uint8"), "5 channels, expected 1 to 4"),
        (np.zeros((0, 4, 3), "uint8"), r"shape \(0, 4, 3\)"),
    ],
)
def test_what_is_no_picture_is_refused(image, says):
    with pytest.raises(InputError, match=says):
        tiny_sr_resnet().upscale(image)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: zoo.SRResNet((10, 9, 3), 2), "expected sides divisible by scale=2"),
        (lambda: zoo.SRResNet(LARGE, 0), "scale is 0"),
        (lambda: tiny_srgan(pixel_weight=-1), "pixel_weight is -1"),
        (lambda: zoo.SRResNet(LARGE, 2, generator=nets.residual_upscaler(3, 4, 2, 1)), "generator makes"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(build, says):
    with pytest.raises(InputError, match=says):
        build()


# === Files ===


def test_files_of_every_kind_are_read_as_pictures(tmp_path):
    rgb, alpha = images(1, (5, 7, 3))[0], images(1, (5, 7, 1), seed=1)[0]
    grey = rgb[..., :1]

    def read_back(name, image, **options):
        image.save(tmp_path / name, **options)
        return read_picture(tmp_path / name)

    np.testing.assert_array_equal(read_back("rgb.png", Image.fromarray(rgb)), rgb)
    np.testing.assert_array_equal(read_back("grey.png", Image.fromarray(grey[..., 0])), grey)
    rgba = np.concatenate([rgb, alpha], -1)
    np.testing.assert_array_equal(read_back("rgba.png", Image.fromarray(rgba)), rgba)
    two = np.concatenate([grey, alpha], -1)
    np.testing.assert_array_equal(read_back("two.png", Image.fromarray(two)), two)
    deep = Image.fromarray(grey[..., 0].astype("uint16") * 257)
    np.testing.assert_array_equal(read_back("deep.png", deep), grey)
    palette = Image.fromarray(rgb).quantize(8)
    np.testing.assert_array_equal(read_back("palette.png", palette), np.asarray(palette.convert("RGB")))
    flat = Image.new("CMYK", (7, 5), (0, 255, 255, 0))
    assert np.abs(read_back("cmyk.jpg", flat).astype(int) - [255, 0, 0]).max() < 5
    exif = Image.Exif()
    exif[0x0112] = 6
    np.testing.assert_array_equal(read_back("turned.png", Image.fromarray(rgb), exif=exif), np.rot90(rgb, -1))


@pytest.mark.parametrize("content", [None, b"", b"\x89PNG\r\n\x1a\nbroken"])
def test_files_that_are_no_pictures_are_named(tmp_path, content):
    if content is not None:
        (tmp_path / "photo.png").write_bytes(content)
    with pytest.raises(DataError, match=r"photo\.png"):
        read_picture(tmp_path / "photo.png")
