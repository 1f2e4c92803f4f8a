"""Warnings about a user's images: few, near copies, too small, partly grey, single of their class."""

import io
import time
import warnings

import numpy as np
import pytest
from helpers import SHAPE, TINY_GANS, images, png_folder, tiny_cycle_gan, tiny_vae, write_picture
from PIL import Image

import zoo
from zoo import data
from zoo.errors import DataError, InputError

COLOUR = (16, 16, 3)


def warned(call, *arguments):
    """The warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(*arguments)
    return [str(warning.message) for warning in caught if warning.category is UserWarning]


def as_jpeg(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def smooth(number, seed=0):
    """Pictures of few soft spots, as photographs are."""
    coarse = images(number, (4, 4, 3), seed)
    return np.stack([np.asarray(Image.fromarray(each).resize((64, 64), Image.Resampling.BICUBIC)) for each in coarse])


@pytest.mark.parametrize(("number", "count"), [(2, "2 images"), (1, "a single image"), (9, "9 images")])
def test_few_images_are_warned_of(number, count):
    (message,) = warned(data.warn_of_doubtful, images(number))
    assert message == f"x has {count}: a model learns so few by heart and draws nothing else."


def test_usable_images_are_not_warned_of():
    black = np.zeros((2, *COLOUR), "uint8")
    for usable in (
        images(10),
        images(400, COLOUR),
        smooth(60),
        images(60, COLOUR) // 64,
        images(60, COLOUR) / 127.5 - 1,
        # A few black ones, a few copies, and one grey image are no reason.
        np.concatenate([images(60, COLOUR), black]),
        np.concatenate([images(60, COLOUR), images(10, COLOUR)]),
        np.repeat(images(60), 3, axis=-1),
        images(12, (3, 5, 2)),
    ):
        assert warned(data.warn_of_doubtful, usable) == []


def test_one_image_many_times_is_warned_of():
    one = smooth(1)[0]
    saved = np.stack([as_jpeg(one, quality) for quality in range(60, 96)])
    says = (
        "{} of {} images of x are near copies of another one: a model repeats them instead of drawing new ones, and "
        "images that are held back for validation tell little."
    )
    assert warned(data.warn_of_doubtful, saved) == [says.format(36, 36)]
    assert warned(data.warn_of_doubtful, np.stack([one] * 5000)) == [says.format(300, 300)]
    assert warned(data.warn_of_doubtful, np.zeros((20, *COLOUR), "uint8")) == [says.format(20, 20)]
    # Beside other images.
    assert warned(data.warn_of_doubtful, np.concatenate([saved, smooth(30, seed=1)])) == [says.format(36, 66)]


def test_mixed_grey_and_colour_is_warned_of():
    grey = np.repeat(images(10, (16, 16, 1)), 3, axis=-1)
    mixed = np.concatenate([images(30, COLOUR), grey])
    says = "10 of 40 images of x are grey, the others in colour: a model then draws both kinds"
    for given in (mixed, mixed / np.float32(127.5) - 1):
        (message,) = warned(data.warn_of_doubtful, given)
        assert message.startswith(says) and message.endswith("or channels=1, which makes all of them grey.")
    # A model of grey images makes all of them grey.
    assert warned(data.warn_of_doubtful, mixed[..., :1]) == []


def test_looking_at_thousands_of_images_takes_milliseconds():
    many = images(3000, (64, 64, 3))
    data.warn_of_doubtful(many)
    begun = time.process_time()
    for _ in range(5):
        data.warn_of_doubtful(many)
    # 5 ms on the slowest machine that was tried.
    assert (time.process_time() - begun) / 5 < 0.05


def test_pictures_that_are_enlarged_are_named(tmp_path):
    png_folder(tmp_path, images(3, (12, 12, 1)))
    write_picture(tmp_path / "icon.png", images(1, (4, 9))[0])
    write_picture(tmp_path / "wide.png", images(1, (7, 40))[0])
    says = r"^2 of 5 images in '.*' are smaller than 8x8 pixels and were enlarged, .* blurred: icon\.png \(9x4\), wide"
    with pytest.warns(UserWarning, match=says):
        data.read(tmp_path, SHAPE)
    with pytest.warns(UserWarning, match=r"^2 of 5 images are smaller than 8x8 pixels and were enlarged"):
        data.read(f"{tmp_path}/*.png", SHAPE)
    assert warned(data.read, [tmp_path / "000.png"], SHAPE) == []


def test_both_sides_of_pairs_may_be_too_small(tmp_path):
    png_folder(tmp_path / "A", images(2, (4, 4, 1)))
    png_folder(tmp_path / "B", images(2, (8, 8, 1)))
    says = r"^2 of 4 images in .* are smaller than 8x8 pixels and .*: A/000\.png \(4x4\), A/001\.png \(4x4\)\.$"
    with pytest.warns(UserWarning, match=says):
        data.read_pairs(tmp_path, SHAPE, SHAPE)
    assert warned(data.read_pairs, tmp_path, SHAPE, (4, 4, 1)) == []


# === In `fit` ===


@pytest.mark.slow
def test_fit_warns_of_the_training_images_alone(tmp_path):
    model = tiny_vae()
    model.compile(run_eagerly=True)
    folder = png_folder(tmp_path, images(2))
    (message,) = warned(lambda: model.fit(folder, batch_size=2, verbose=0))
    assert message.startswith("x has 2 images: a model learns so few by heart")
    assert warned(lambda: model.fit(images(12), batch_size=4, validation_data=folder, verbose=0)) == []
    with pytest.raises(DataError, match="The data set has 2 images, fewer than one batch of 64"):
        model.fit(folder, verbose=0)
    both = tiny_cycle_gan()
    both.compile(run_eagerly=True)
    (message,) = warned(lambda: both.fit(images(2), images(12), batch_size=4, verbose=0))
    assert message.startswith("source_images has 2 images")


@pytest.mark.slow
def test_classes_of_a_single_image_are_warned_of_by_models_that_learn_classes(tmp_path):
    for name, number in (("ant", 1), ("bee", 9), ("cow", 1)):
        png_folder(tmp_path / name, images(number, seed=number))
    model = TINY_GANS["conditional_gan"]()
    model.compile(run_eagerly=True)
    says = "Classes with a single image in x: {}; a model repeats it instead of learning what such a class looks like."
    assert warned(lambda: model.fit(tmp_path, batch_size=4, verbose=0)) == [says.format("ant, cow")]
    model = TINY_GANS["conditional_gan"]()
    model.compile(run_eagerly=True)
    labels = np.array([1] * 11 + [2])
    assert warned(lambda: model.fit(images(12), labels, batch_size=4, verbose=0)) == [says.format("2")]
    assert warned(lambda: model.fit(images(12), np.arange(12) % 3, batch_size=4, verbose=0)) == []
    unconditional = tiny_vae()
    unconditional.compile(run_eagerly=True)
    assert warned(lambda: unconditional.fit(tmp_path, batch_size=4, verbose=0)) == []


def test_captions_without_a_known_word_are_refused_in_one_sentence():
    model = zoo.TextToImageGAN(SHAPE, vocabulary=["red", "hat"], filters=2, word_dim=4, text_dim=2)
    model.compile(run_eagerly=True)
    with pytest.raises(
        InputError, match=r"^prompts holds 'zebra', none of whose words is known; known are red, hat\.$"
    ):
        model.fit({"images": images(4), "prompts": ["red hat", "hat", "zebra", "red"]}, batch_size=2, verbose=0)
