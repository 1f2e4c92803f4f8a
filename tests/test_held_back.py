"""`validation_split` of `fit`: which images of a source are held back."""

import tracemalloc

import numpy as np
import pytest
from helpers import (
    NUM_CLASSES,
    SHAPE,
    TINY_GANS,
    images,
    png_folder,
    tiny_cycle_gan,
    tiny_pix2pix,
    tiny_vae,
    write_picture,
)

import zoo
from zoo import data
from zoo.data.image_set import IN_MEMORY_BYTES
from zoo.errors import DataError, InputError
from zoo.training import feeding


def numbers(image_set):
    """The images of a set as numbers, as `numbered` made them."""
    return image_set.images[:, 0, 0, 0].tolist()


def numbered(number, shape=SHAPE):
    return np.broadcast_to(np.arange(number, dtype="uint8")[:, None, None, None], (number, *shape)).copy()


@pytest.mark.parametrize(("number", "fraction", "held"), [(10, 0.2, 2), (10, 0.25, 3), (7, 0.5, 4), (2, 0.01, 1)])
def test_the_share_is_that_of_keras_and_always_the_same(number, fraction, held):
    given = data.ImageSet(numbered(number))
    for at_random in (True, False):
        train, left = data.held_back(given, fraction, at_random=at_random)
        assert len(left.images) == held and sorted(numbers(train) + numbers(left)) == list(range(number))
        again, _ = data.held_back(given, fraction, at_random=at_random)
        assert numbers(again) == numbers(train) == sorted(numbers(train))
    assert numbers(left) == list(range(number - held, number))


def test_files_are_held_back_at_random():
    _, left = data.held_back(data.ImageSet(numbered(200)), 0.2)
    # About as many of the first half as of the second.
    assert 10 < sum(number < 100 for number in numbers(left)) < 30


@pytest.mark.parametrize(
    ("sizes", "fraction", "held"),
    [
        ([10, 10], 0.2, [2, 2]),
        ([90, 10], 0.2, [18, 2]),
        ([96, 2, 2], 0.1, [8, 1, 1]),
        ([5, 1, 4], 0.3, [2, 0, 1]),
        ([2, 2, 2], 0.5, [1, 1, 1]),
        # The share is too small, or too large, for every class.
        ([9, 3, 3, 3], 0.1, [1, 1, 0, 0]),
        ([4, 2, 2], 0.8, [3, 2, 2]),
    ],
)
def test_each_class_is_in_both_parts_if_the_share_allows(sizes, fraction, held):
    labels = np.random.RandomState(0).permutation(np.repeat(np.arange(len(sizes)), sizes)).astype("int32")
    given = data.ImageSet(numbered(len(labels)), labels, tuple("abcd"[: len(sizes)]))
    train, left = data.held_back(given, fraction)
    found = np.bincount(left.labels, minlength=len(sizes)).tolist()
    assert sorted(found) == sorted(held) and (sorted(held) != held or found[0] == held[0])
    for part in (train, left):
        np.testing.assert_array_equal(part.labels, labels[numbers(part)])
        assert part.class_names == given.class_names


def test_what_belongs_to_images_is_held_back_with_them():
    given = data.ImageSet(numbered(8), prompts=np.array(list("abcdefgh")), source_images=numbered(8))
    for part in data.held_back(given, 0.5):
        assert part.prompts.tolist() == ["abcdefgh"[number] for number in numbers(part)]
        np.testing.assert_array_equal(part.source_images, part.images)
    train, left = data.held_back(given._replace(source_images=numbered(16)), 0.25, paired=False)
    assert [len(part.images) for part in (train, left)] == [6, 2]
    assert [len(part.source_images) for part in (train, left)] == [12, 4]


def test_large_sets_are_held_back_in_files(monkeypatch):
    monkeypatch.setattr("zoo.data.image_set.IN_MEMORY_BYTES", 100)
    assert IN_MEMORY_BYTES > 100
    given = data.ImageSet(numbered(64, (64, 64, 3)))
    tracemalloc.start()
    train, left = data.held_back(given, 0.25)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(train.images, np.memmap) and isinstance(left.images, np.memmap)
    assert peak < given.images.nbytes / 4


def test_something_is_left_to_train_on():
    with pytest.raises(InputError, match=r"validation_split is 0\.9, which leaves none of 5 images to train on"):
        data.held_back(data.ImageSet(images(5)), 0.9)


# === In `fit` ===


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current folder with pictures of two classes, and with pairs of pictures."""
    monkeypatch.chdir(tmp_path)
    for index, name in enumerate(("cat", "dog", "emu")):
        png_folder(tmp_path / "classes" / name, images(8, seed=index))
    for side in "AB":
        png_folder(tmp_path / "pairs" / side, images(8, seed=ord(side)))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        lambda: {"x": "classes"},
        lambda: {"x": "classes/*/*.png"},
        lambda: {"x": data.image_files.listed_files("classes/*/*.png")},
        lambda: {"x": data.image_files.listed_files("classes/*/*.png"), "y": np.arange(24) % 3},
        lambda: {"x": {"images": images(24), "labels": np.arange(24)}},
        lambda: {"x": (images(24), np.arange(24))},
        lambda: {"x": data.ImageSet(images(24))},
        lambda: {"x": list(images(24))},
    ],
)
def test_fit_validates_on_a_share_of_any_source_that_is_no_batches(folder, source):
    model = tiny_vae()
    model.compile(run_eagerly=True)
    history = model.fit(**source(), batch_size=6, validation_split=0.25, verbose=0).history
    assert np.isfinite(history["val_loss"]).all()
    assert int(model.optimizer.iterations) == 3


def test_arrays_hold_back_their_last_images_and_folders_some_of_each_class(folder):
    model, given = TINY_GANS["conditional_gan"](), (numbered(24), np.arange(24) % NUM_CLASSES)
    for source in (given, dict(zip(("images", "labels"), given, strict=True))):
        _, left = feeding.split(model, source, None, 0.25)
        assert numbers(left) == list(range(18, 24))
    train, left = feeding.split(model, "classes", None, 0.25)
    assert np.bincount(left.labels).tolist() == [2, 2, 2] and np.bincount(train.labels).tolist() == [6, 6, 6]
    assert train.class_names == left.class_names == ("cat", "dog", "emu")


@pytest.mark.slow
@pytest.mark.parametrize("build", [tiny_pix2pix, tiny_cycle_gan])
def test_folders_of_pairs_are_held_back_together(folder, build):
    model = build()
    model.compile(run_eagerly=True)
    assert "val_generator_loss" in model.fit("pairs", batch_size=2, validation_split=0.25, verbose=0).history
    train, left = feeding.split(model, "pairs", None, 0.25)
    assert len(train.images) == len(train.source_images) == 6 and len(left.images) == len(left.source_images) == 2


@pytest.mark.slow
def test_captions_are_held_back_with_their_images():
    captions = ["a red hat", "a blue hat"] * 4
    model = zoo.TextToImageGAN(SHAPE, vocabulary=["a", "red", "blue", "hat"], filters=2, word_dim=4, text_dim=2)
    model.compile(run_eagerly=True)
    given = {"images": images(8), "prompts": captions}
    history = model.fit(given, batch_size=4, validation_split=0.5, verbose=0).history
    assert np.isfinite(history["val_generator_loss"]).all()
    tokens = np.full((8, 40), 9)
    with pytest.raises(InputError, match=r"x has prompts of int64 from 9 to 9, expected word numbers from 0 to 5"):
        model.fit(data.ImageSet(images(8), prompts=tokens), batch_size=4, verbose=0)
    with pytest.raises(InputError, match=r"x has prompts of shape \(8, 3\), expected word numbers"):
        model.fit(data.ImageSet(images(8), prompts=tokens[:, :3]), batch_size=4, verbose=0)


def test_a_folder_too_small_to_split_is_refused(tmp_path):
    write_picture(tmp_path / "0.png", images(1)[0, ..., 0])
    model = tiny_vae()
    model.compile(run_eagerly=True)
    with pytest.raises(InputError, match="which leaves none of 1 images to train on"):
        model.fit(str(tmp_path), validation_split=0.2, verbose=0)
    with pytest.raises(DataError, match="There is no image folder"):
        model.fit(str(tmp_path / "none"), validation_split=0.2, verbose=0)
