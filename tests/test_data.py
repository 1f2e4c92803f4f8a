"""Arrays, what is read of them, and the order of the batches that come of it."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import SHAPE, epoch, images, tiny_vae

from zoo import data
from zoo.errors import DataError, InputError


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "float16"])
def test_arrays_are_taken_as_they_are(dtype):
    x = images(5) if dtype == "uint8" else (images(5) / 127.5 - 1).astype(dtype)
    found = data.read(x, SHAPE)
    np.testing.assert_array_equal(found.images, x)
    assert found.images.dtype == dtype
    assert found.labels is None and found.class_names is None


LABELS = np.array([3, 1, 4, 1, 5])


@pytest.mark.parametrize(
    "source",
    [
        (images(5), LABELS),
        [images(5), LABELS.tolist()],
        (images(5), LABELS[:, None]),
        {"images": images(5), "labels": LABELS.astype("uint8")},
        data.ImageSet(images(5), LABELS.astype("int32")),
    ],
)
def test_labels_come_as_a_tuple_or_in_a_dict(source):
    found = data.read(source, SHAPE)
    np.testing.assert_array_equal(found.images, images(5))
    np.testing.assert_array_equal(found.labels, LABELS)
    assert found.labels.dtype == np.int32


ONE_HOT = np.eye(6)[LABELS]
BINARY = np.array([0, 1, 1, 0, 1])


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64", "bool"])
def test_one_hot_rows_are_labels(dtype):
    np.testing.assert_array_equal(data.read((images(5), ONE_HOT.astype(dtype)), SHAPE).labels, LABELS)


@pytest.mark.parametrize("labels", [BINARY[:, None].astype("float32"), BINARY.astype("float64").tolist()])
def test_binary_floats_are_labels(labels):
    found = data.read({"images": images(5), "labels": labels}, SHAPE).labels
    np.testing.assert_array_equal(found, BINARY)
    assert found.dtype == np.int32


SOFT = np.where(ONE_HOT == 1, 0.9, 0.02)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (
            SOFT,
            r"holds rows such as \(0\.02, 0\.02, 0\.02, 0\.9, 0\.02, 0\.02\), expected one integer for each",
        ),
        (np.where([[False]] * 4 + [[True]], 0, ONE_HOT), r"holds rows such as \(0, 0, 0, 0, 0, 0\), expected one"),
        (np.maximum(ONE_HOT, np.eye(6)[0]), r"holds rows such as \(1, 0, 0, 1, 0, 0\), expected one"),
        (np.full((5, 2), np.nan), r"holds rows such as \(nan, nan\), expected one"),
        (
            np.array([[0.0], [1], [0.5], [1], [0]]),
            "holds floats such as 0.5, expected one integer for each",
        ),
        (LABELS.astype("float32"), "holds floats such as 3, expected one integer for each image, or only 0 and 1, as"),
    ],
)
def test_what_only_looks_like_labels_is_refused_in_one_sentence(labels, says):
    with pytest.raises(InputError, match=f"^labels {says}"):
        data.read((images(5), labels), SHAPE)


def test_labels_beyond_32_bits_are_refused():
    with pytest.raises(InputError, match="labels holds values from 4294967297 to 4294967297, expected 32-bit integers"):
        data.read((np.zeros((5, 4, 4, 1), "uint8"), np.full(5, 2**32 + 1)), (4, 4, 1))


@pytest.mark.parametrize("labels", [LABELS[:4], ["a"] * 5, np.zeros((5, 0))])
def test_labels_that_are_not_one_integer_an_image_are_refused(labels):
    with pytest.raises(InputError, match=r"labels has shape .* expected one integer for each of the 5 images"):
        data.read((images(5), labels), SHAPE)


def test_a_dict_without_images_is_refused():
    with pytest.raises(InputError, match=r"The data has the keys \['1', 'labels'\], expected at least 'images'"):
        data.read({"labels": LABELS, 1: 2}, SHAPE)


@pytest.mark.parametrize("dtype", [">f4", ">f8", np.longdouble])
def test_numbers_are_the_same_in_whatever_bytes_they_come(dtype):
    x = images(8) / 127.5 - 1
    found = epoch(data.dataset(x.astype(dtype), SHAPE, 4, shuffle=False))["images"]
    np.testing.assert_allclose(found, x, atol=1e-6)


def test_a_column_of_arrays_is_an_array():
    column = np.empty(5, object)
    column[:] = list(images(5))
    np.testing.assert_array_equal(data.read(column, SHAPE).images, images(5))
    column[2] = images(1, (4, 4, 1))[0]
    with pytest.raises(InputError, match="images is a list of arrays of different shapes"):
        data.read(column, SHAPE)


def test_floats_that_look_like_zero_to_one_warn():
    with pytest.warns(UserWarning, match=r"images holds floats from 0[.\d]* to [01][.\d]*, which looks like \[0, 1\]"):
        data.read(images(4) / 255, SHAPE)


def test_integers_of_zero_and_one_warn():
    with pytest.warns(UserWarning, match="images holds uint8 values of 0 and 1, which is all but black in 0..255"):
        data.read(images(4) % 2, SHAPE)


def test_usable_arrays_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.read(images(4), SHAPE)
        data.read(0 * images(4), SHAPE)
        # Rounding after a resize leaves the range by a hair.
        data.read((images(4) / 127.5 - 1) * 1.0005, SHAPE)


def test_fewer_images_than_a_batch_are_refused_unless_remainders_stay():
    with pytest.raises(DataError, match=r"has 5 images, fewer than one batch of 8; give more images or a smaller"):
        data.dataset(images(5), SHAPE, 8)
    assert len(epoch(data.dataset(images(5), SHAPE, 8, drop_remainder=False))["images"]) == 5


@pytest.mark.parametrize("seed", [-1, 1.5, "0", 2**64])
def test_bad_seeds_are_refused(seed):
    with pytest.raises(InputError, match=r"seed is .*, expected an integer"):
        data.dataset(images(4), SHAPE, 2, seed=seed)


def order(dataset):
    return epoch(dataset)["labels"].tolist()


def numbered(count=20, **options):
    return data.dataset((images(count), np.arange(count)), SHAPE, 4, **options)


def test_every_epoch_has_its_own_order_of_the_same_images():
    dataset = numbered()
    first, second = order(dataset), order(dataset)
    assert first != second != list(range(20))
    assert sorted(first) == sorted(second) == list(range(20))


@pytest.mark.slow
def test_the_order_is_a_function_of_seed_and_epoch():
    orders = [order(dataset) for dataset in [numbered(seed=5)] for _ in range(3)]
    resumed = numbered(seed=5)
    for number in (2, 0, 1):
        resumed.set_epoch(number)
        assert order(resumed) == orders[number]
    np.random.seed(1)
    tf.random.set_seed(1)
    assert order(numbered(seed=5)) == orders[0] != order(numbered(seed=6))


def test_images_and_labels_stay_together():
    found = epoch(numbered())
    np.testing.assert_array_equal(found["images"], images(20)[found["labels"]])
    assert found["images"].dtype == np.uint8 and found["labels"].dtype == np.int32


def test_each_epoch_takes_the_next_text_of_every_image():
    tokens = np.arange(6, dtype="int32").reshape(3, 2, 1)
    dataset = data.batches(data.ImageSet(images(3), prompts=tokens), 3, seed=1)
    plain = data.batches(data.ImageSet(images(3), np.arange(3)), 3, seed=1)
    for number in (0, 1, 2, 1):
        dataset.set_epoch(number)
        plain.set_epoch(number)
        assert epoch(dataset)["prompts"].tolist() == [[2 * image + number % 2] for image in order(plain)]


def test_without_shuffling_the_order_is_that_of_the_source():
    dataset = numbered(shuffle=False)
    assert order(dataset) == order(dataset) == list(range(20))


@pytest.mark.parametrize(("drop", "steps", "last"), [(True, 5, 4), (False, 6, 2)])
def test_remainders_are_dropped_or_kept(drop, steps, last):
    dataset = numbered(22, drop_remainder=drop)
    sizes = [len(batch["labels"]) for batch in dataset]
    assert int(dataset.cardinality()) == len(sizes) == steps
    assert sizes[-1] == last


def test_no_tuner_holds_the_end_of_an_epoch():
    dataset = data.dataset(images(16), batch_size=8)
    for each in (dataset, dataset.shortened(1), dataset.map(lambda batch: batch["images"])):
        assert each.options().autotune.enabled is False


@pytest.mark.slow
def test_fit_begins_every_epoch_with_its_own_order():
    dataset, drawn = numbered(8), []
    original = dataset.set_epoch
    dataset.set_epoch = lambda number: (drawn.append(number), original(number))
    model = tiny_vae()
    model.compile(run_eagerly=True)
    model.fit(dataset, epochs=4, initial_epoch=1, verbose=0)
    assert drawn == [1, 2, 3]


def both(monkeypatch, source, batch_size, **options):
    """Batches of a source under TensorFlow and under other backends, which do without it."""
    found = [data.batches(data.ImageSet(**source), batch_size, **options)]
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    found.append(data.batches(data.ImageSet(**source), batch_size, **options))
    assert [isinstance(each, keras.utils.PyDataset) for each in found] == [False, True]
    return found


def assert_same_epochs(dataset, other, number=2):
    for _ in range(number):
        for batch, same in zip(dataset, other, strict=True):
            assert batch.keys() == same.keys()
            for name in batch:
                np.testing.assert_array_equal(batch[name], same[name])


@pytest.mark.parametrize("options", [{}, {"drop_remainder": False}, {"shuffle": False}, {"parts": 2, "seed": 3}])
def test_every_backend_gets_the_same_batches(monkeypatch, options):
    source = {"images": images(22), "labels": np.arange(22), "prompts": np.arange(44).reshape(22, 2)}
    dataset, other = both(monkeypatch, source, 4, **options)
    assert len(dataset) == len(other) == other.num_batches
    assert_same_epochs(dataset, other)
    other.set_epoch(0)
    dataset.set_epoch(0)
    assert_same_epochs(dataset.take(2), other.take(2))
    assert_same_epochs(dataset.shortened(1), other.shortened(1))
    assert_same_epochs(dataset.repeat(2), other.repeat(2))
    with pytest.raises(InputError, match="steps_per_epoch is 9, expected at most"):
        other.shortened(9)


def test_every_backend_gets_the_same_batches_without_pairs(monkeypatch):
    source = {"images": images(6), "source_images": images(10)[::-1]}
    assert_same_epochs(*both(monkeypatch, source, 3, paired=False))


def test_names_and_folders_need_a_shape(tmp_path):
    with pytest.raises(InputError, match=r"image_shape is needed to read '.*', got None"):
        data.read(tmp_path)


def test_labels_of_different_lengths_are_refused():
    with pytest.raises(InputError, match="labels is a list of arrays of different shapes"):
        data.read((images(3), [[1, 2], [3], [4]]), SHAPE)


@pytest.mark.parametrize(
    ("shapes", "says"),
    [((64, SHAPE), "image_shape is 64, expected"), ((SHAPE, (8, 8)), r"source_shape is \(8, 8\), expected")],
)
def test_pairs_of_no_shape_are_refused(tmp_path, shapes, says):
    with pytest.raises(InputError, match=says):
        data.read_pairs(tmp_path, *shapes)


def test_steps_per_epoch_end_an_epoch_whose_order_is_its_own():
    def seen(dataset):
        return [list(batch["labels"].numpy()) for batch in dataset]

    made = {"images": np.zeros((8, 2, 2, 1), "uint8"), "labels": np.arange(8)}
    whole, short = data.dataset(made, batch_size=2), data.dataset(made, batch_size=2).shortened(3)
    for _ in range(2):
        assert seen(short) == seen(whole)[:3]
    short.set_epoch(0)
    assert seen(short) == seen(data.dataset(made, batch_size=2))[:3]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"shuffle": "no"}, "shuffle is 'no', expected True or False"),
        ({"drop_remainder": 0}, "drop_remainder is 0, expected True or False"),
        ({"split": None}, "split is None, expected the name of a split"),
        ({"data_dir": 3}, "A path is 3, expected a string"),
    ],
)
def test_options_of_a_data_set_are_checked(options, says):
    with pytest.raises(InputError, match=says):
        data.dataset(images(8), batch_size=2, **options)
