"""Names of TFDS data sets: splits, features, and what cannot be found."""

import re
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from helpers import SHAPE, epoch, images, png_folder

from zoo import data
from zoo.errors import DataError, InputError


def prepared(folder, name, pixels, version="1.0.0"):
    """A TFDS data set of one's own, which is read from its files: TFDS has no builder of that name."""
    encoding = None if pixels.dtype == np.float32 else "png"
    image = tfds.features.Image(shape=pixels.shape[1:], dtype=pixels.dtype.type, encoding_format=encoding)
    examples = tf.data.Dataset.from_tensor_slices({"image": pixels})
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=version,
        features=tfds.features.FeaturesDict({"image": image}),
        split_datasets={"test": examples, "train": examples},
        data_dir=folder,
    )


@pytest.mark.slow
def test_images_of_16_bits_are_read_as_8(tmp_path):
    prepared(tmp_path, "sixteen", np.full((2, 8, 8, 1), 40000, "uint16"))
    for side in (8, 4):
        assert (data.read("sixteen", (side, side, 1), data_dir=tmp_path).images == round(40000 / 257)).all()


def test_images_of_floats_are_refused(tmp_path):
    prepared(tmp_path, "floats", np.full((2, 8, 8, 1), 0.5, "float32"))
    with pytest.raises(DataError, match="The data set 'floats' has image of float32, expected 8 or 16 bits"):
        data.read("floats", SHAPE, data_dir=tmp_path)


@pytest.mark.slow
def test_data_sets_of_one_name_are_told_apart(tmp_path):
    for folder, number, version in (("a", 2, "1.0.0"), ("b", 3, "1.0.0"), ("c", 2, "2.0.0")):
        prepared(tmp_path / folder, "mine", images(number), version)
    identities = [data.identity("mine", tmp_path / folder) for folder in "abc"]
    assert len(set(identities)) == 3 and data.identity("mine", tmp_path / "a") == identities[0]
    # What is not here is known by its version alone.
    assert identities[0].startswith("mine/1.0.0;") and data.identity("mnist", tmp_path) == "mnist/3.0.1;"


@pytest.mark.slow
def test_tfds_names_are_read_and_resized():
    with tfds.testing.mock_data(num_examples=7, policy=tfds.testing.MockPolicy.USE_CODE):
        found = data.read("mnist", (14, 14, 1))
        dataset = data.dataset("mnist", (14, 14, 1), 3, shuffle=False)
    assert found.images.shape == (7, 14, 14, 1) and found.images.dtype == np.uint8
    assert found.labels.dtype == np.int32 and set(found.labels) <= set(range(10))
    assert found.class_names == tuple("0123456789")
    np.testing.assert_array_equal(epoch(dataset)["images"], found.images[:6])


def test_tfds_images_of_many_sizes_are_read_one_by_one():
    with tfds.testing.mock_data(num_examples=4, policy=tfds.testing.MockPolicy.USE_CODE):
        found = data.read("tf_flowers", (10, 12, 3))
    assert found.images.shape == (4, 10, 12, 3)
    assert len(found.class_names) == 5


def test_flowers_are_cut_into_training_and_test_images(monkeypatch):
    asked = []
    # As prepared: without its data a builder has no splits.
    files = tfds.core.ShardedFileTemplate(data_dir="none", dataset_name="tf_flowers", filetype_suffix="tfrecord")
    split = tfds.core.SplitInfo(name="train", shard_lengths=[3670], num_bytes=0, filename_template=files)

    class Builder:
        name = "tf_flowers"
        info = types.SimpleNamespace(
            features=tfds.builder("tf_flowers").info.features, splits=tfds.core.SplitDict([split])
        )

        def as_dataset(self, split):
            asked.append(split)
            pictures = {"image": np.zeros((2, 9, 9, 3), "uint8"), "label": np.arange(2)}
            return tf.data.Dataset.from_tensor_slices(pictures)

    monkeypatch.setattr("zoo.data.tfds.prepared", lambda name, data_dir: Builder())
    # Parts are those of the share, so that no part of "train" reaches into the test images.
    for split, read in (
        ("train", "train[:85%]"),
        ("test", "train[85%:]"),
        ("train[:10]", "train[0:10]"),
        ("train[3000:]", "train[3000:3120]"),
        ("train[:50%]+test[-10:]", "train[0:1560]+train[3660:3670]"),
    ):
        data.read("tf_flowers", (8, 8, 3), split=split)
        assert asked.pop() == read
    data.read("tf_flowers:3.0.1", (8, 8, 3), split="test")
    assert asked == ["train[85%:]"]
    with pytest.raises(
        DataError,
        match=r"The data set 'tf_flowers' has no split 'train\[3200:\]', only test of 550 and train of 3120 im",
    ):
        data.read("tf_flowers", (8, 8, 3), split="train[3200:]")


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(DataError, match=r"no folder and no TFDS data set 'fashion_mnits'; did you mean fashion_mnist"):
        data.read("fashion_mnits", (28, 28, 1))
    with pytest.raises(DataError, match=r"no folder and no TFDS data set 'xqzvw'\.$"):
        data.read("xqzvw", (28, 28, 1))
    with pytest.raises(DataError, match=r"no folder and no TFDS data set 'mnist:9\.9\.9'"):
        data.read("mnist:9.9.9", (28, 28, 1))


def test_what_cannot_be_looked_up_is_said_in_one_sentence(monkeypatch):
    def offline(*_, **__):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(tfds, "builder", offline)
    with pytest.raises(DataError, match=r"'huggingface:x' could not be looked up \(ConnectionError: no route\)\.$"):
        data.read("huggingface:x", SHAPE)


def test_names_of_data_sets_are_no_folders_in_the_folder_of_tfds(tmp_path, monkeypatch):
    (tmp_path / "mnist" / "3.0.1").mkdir(parents=True)
    (tmp_path / "mnist" / "3.0.1" / "dataset_info.json").write_text("{}")
    png_folder(tmp_path / "mine", images(2))
    monkeypatch.chdir(tmp_path)
    with tfds.testing.mock_data(num_examples=7, policy=tfds.testing.MockPolicy.USE_CODE):
        assert len(data.read("mnist", (28, 28, 1)).images) == 7
    assert len(data.read("mine", SHAPE).images) == 2
    for folder in (Path("mnist"), "./mnist", "mnist/"):
        with pytest.raises(DataError, match="The folder 'mnist' holds no images"):
            data.read(folder, SHAPE)


def test_sets_without_images_are_refused():
    with (
        tfds.testing.mock_data(num_examples=1, policy=tfds.testing.MockPolicy.USE_CODE),
        pytest.raises(DataError, match="The data set 'imdb_reviews' has no image feature"),
    ):
        data.read("imdb_reviews", SHAPE)


def test_what_cannot_be_downloaded_is_said_in_one_sentence(tmp_path, monkeypatch):
    def offline(self, **_):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", offline)
    with pytest.raises(DataError) as caught:
        data.read("mnist", (28, 28, 1), data_dir=tmp_path)
    message = str(caught.value)
    assert "'mnist' is not prepared in" in message and str(tmp_path) in message
    assert "(ConnectionError: no route); connect to the network" in message
    assert "\n" not in message


@pytest.mark.parametrize("split", [None, 5, ["train"]])
def test_what_names_no_split_is_refused(split):
    with (
        tfds.testing.mock_data(num_examples=2, policy=tfds.testing.MockPolicy.USE_CODE),
        pytest.raises(InputError, match=f"split is {re.escape(repr(split))}, expected the name of a split"),
    ):
        data.read("mnist", (28, 28, 1), split=split)


@pytest.mark.slow
def test_an_empty_split_is_refused(monkeypatch):
    class Builder:
        name, info = "mnist", tfds.builder("mnist").info

        def as_dataset(self, split):
            return tf.data.Dataset.range(9).take(0)

    monkeypatch.setattr("zoo.data.tfds.prepared", lambda name, data_dir: Builder())
    with pytest.raises(DataError, match=r"The split 'train\[5:2\]' of the data set 'mnist' is empty"):
        data.read("mnist", (28, 28, 1), split="train[5:2]")
