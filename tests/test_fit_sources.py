"""What `fit` and `evaluate` take as a source, and what they refuse before any work."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import SHAPE, Sequence, images, png_folder, tiny_gan, tiny_vae, values, write_picture

import zoo
from zoo import data
from zoo.errors import DataError, InputError

LABELS = np.array([3, 1, 4, 1, 5])


@pytest.fixture(scope="module")
def trained():
    """One model for all sources."""
    model = tiny_vae()
    model.compile(run_eagerly=True)
    return model


@pytest.fixture(scope="module")
def two_part_gan():
    """A model that multiplies the batch size."""
    model = tiny_gan(discriminator_steps=2)
    model.compile()
    return model


def test_arguments_that_fit_does_not_have_are_refused_before_anything_is_read(trained):
    with pytest.raises(
        InputError, match=r"fit was given data_dir, expected x, y, batch_size, .*; TFDS_DATA_DIR names the"
    ):
        trained.fit("mnist", data_dir="somewhere")
    with pytest.raises(InputError, match="evaluate was given data_dir, expected x, y, "):
        trained.evaluate("mnist", data_dir="somewhere")


def test_what_was_read_is_checked_like_arrays(trained):
    given = data.ImageSet(images(5), LABELS, tuple("abc"))
    assert data.read(given, SHAPE).class_names == tuple("abc")
    np.testing.assert_array_equal(data.read(given, SHAPE).labels, LABELS)
    for wrong in (given._replace(labels=LABELS[:4]), given._replace(prompts=["a"] * 4)):
        with pytest.raises(InputError, match=r"(labels|prompts) has shape \(4,\) .* expected one"):
            trained.fit(wrong, batch_size=1)


REFUSED = [
    (images(3, (8, 8, 3)), r"has shape \(3, 8, 8, 3\), expected \(n, 8, 8, 1\)\."),
    (
        images(3)[..., 0],
        r"has shape \(3, 8, 8\), expected \(n, 8, 8, 1\); a channel axis is added by \w+\[\.{3}, None\]",
    ),
    (images(3).reshape(3, 64), r"has shape \(3, 64\), expected \(n, 8, 8, 1\)\."),
    (images(0), "is empty, expected at least one image"),
    (images(3).astype("int64"), r"has dtype int64, expected uint8 in 0\.\.255 or floats in \[-1, 1\]"),
    (images(3) > 100, "has dtype bool, expected uint8"),
    (images(3).astype("float32"), r"holds float32 values from \d+ to 25\d, expected uint8 in 0\.\.255 or floats"),
    (images(3) / 127.5 - 1.1, r"holds float64 values from -1\.\d+ to .*, expected uint8"),
    (np.full((2, *SHAPE), np.nan, "float32"), "holds NaN or infinite values, expected finite floats"),
    (np.where(images(2) > 9, 0, -np.inf), "holds NaN or infinite values, expected finite floats"),
]


@pytest.mark.parametrize(("x", "message"), REFUSED)
def test_unusable_arrays_are_refused_whichever_way_they_come(x, message, trained):
    with pytest.raises(InputError, match=f"^images {message}"):
        data.read(x, SHAPE)
    with pytest.raises(InputError, match=message):
        data.dataset({"images": x}, SHAPE, 1)
    before = values(trained.variables)
    with pytest.raises(InputError, match=message):
        trained.fit(x, batch_size=1, verbose=0)
    with pytest.raises(InputError, match=message):
        trained.fit(data.ImageSet(x), batch_size=1, verbose=0)
    np.testing.assert_equal(values(trained.variables), before)


@pytest.mark.parametrize("batch_size", [0, -3, 2.5, "4", True])
def test_batch_sizes_that_are_not_positive_are_refused(batch_size, two_part_gan):
    with pytest.raises(InputError, match=f"batch_size is {batch_size!r}, expected an integer of at least 1"):
        data.dataset(images(5), SHAPE, batch_size)
    with pytest.raises(InputError, match=f"batch_size is {batch_size!r}, expected an integer of at least 1"):
        two_part_gan.fit(images(5), batch_size=batch_size, verbose=0)


@pytest.mark.parametrize("source", ["my_imges/", "my imges", "./imges"])
def test_what_looks_like_a_folder_is_taken_for_one(source, trained):
    with pytest.raises(DataError, match=f"There is no image folder '{source}'"):
        trained.fit(source)


def test_a_file_is_no_folder(tmp_path, trained):
    path = write_picture(tmp_path / "one.png", images(1)[0, ..., 0])
    with pytest.raises(DataError, match=r"one\.png' is a file, expected an image folder, a list of files or the name"):
        trained.fit(str(path))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (None, "x is a NoneType, expected an array of images, a list of image files, an image folder or the name of a"),
        (object(), "x is a object, expected"),
        (np.array(["a.png", "b.png", "c.png"]), "x holds texts such as 'a.png', expected"),
        (np.ones((2, *SHAPE)) * 1j, "x holds values of dtype complex128, expected"),
        (np.array([], str), "x holds values of dtype <U1, expected"),
        ([images(1)[0], images(1, (4, 4, 1))[0]], "images is a list of arrays of different shapes"),
        ((images(4), images(4)), r"x is 2 arrays, expected images, or \(images, labels\) with one integer"),
        ((images(4), LABELS[:4], np.ones(4)), "x is 3 arrays, expected images, or .*no targets nor sample weights"),
    ],
)
def test_what_is_no_source_is_called_by_its_name(trained, source, says):
    with pytest.raises(InputError, match=says):
        trained.fit(source)


X, Y = images(8), np.arange(8, dtype="int32")


SOURCES = {
    "array": lambda folder: {"x": X, "batch_size": 4},
    "floats": lambda folder: {"x": X / np.float32(127.5) - 1, "batch_size": 4},
    "array and labels": lambda folder: {"x": X, "y": Y, "batch_size": 4},
    "tuple": lambda folder: {"x": (X, Y), "batch_size": 4},
    "dict": lambda folder: {"x": {"images": X, "labels": Y}, "batch_size": 4},
    "folder": lambda folder: {"x": str(png_folder(folder, X)), "batch_size": 4},
    "path": lambda folder: {"x": png_folder(folder, X), "batch_size": 4},
    "zoo.data": lambda folder: {"x": data.dataset(X, SHAPE, 4)},
    "tf.data": lambda folder: {"x": tf.data.Dataset.from_tensor_slices(X).batch(4)},
    "tf.data of tuples": lambda folder: {"x": tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)},
    "tf.data of dicts": lambda folder: {"x": tf.data.Dataset.from_tensor_slices({"images": X, "labels": Y}).batch(4)},
    "PyDataset": lambda folder: {"x": Sequence([(X[:4], Y[:4]), (X[4:], Y[4:])])},
    "PyDataset of dicts": lambda folder: {"x": Sequence([{"images": X[:4]}, {"images": X[4:]}])},
}


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
def test_fit_takes(source, trained, tmp_path):
    before = int(trained.optimizer.iterations)
    weights = values(trained.weights)
    history = trained.fit(**SOURCES[source](tmp_path / "images"), verbose=0).history
    assert int(trained.optimizer.iterations) == before + 2
    assert np.isfinite(history["loss"]).all()
    assert any((one != other).any() for one, other in zip(weights, values(trained.weights), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [{"validation_data": X}, {"validation_data": (X, Y)}, {"validation_split": 0.5}])
def test_validation(trained, arguments):
    history = trained.fit(X, batch_size=2, verbose=0, **arguments).history
    assert {"loss", "val_loss", "val_elbo"} <= set(history)
    assert np.isfinite(history["val_loss"]).all()


@pytest.mark.slow
def test_validation_data_leave_the_training_data_whole(trained):
    before = int(trained.optimizer.iterations)
    trained.fit(X, batch_size=4, verbose=0, validation_split=0.5, validation_data=X[:2])
    assert int(trained.optimizer.iterations) == before + 2


def test_validation_splits_take_as_many_labels_as_images(trained):
    with pytest.raises(InputError, match="y has 7 rows, expected one for each of 8 of x"):
        trained.fit(X, Y[:7], batch_size=4, validation_split=0.25, verbose=0)


@pytest.mark.slow
def test_an_epoch_without_data_is_not_the_best(trained):
    with warnings.catch_warnings():
        # Keras' own, that data ran out.
        warnings.simplefilter("ignore")
        history = trained.fit(iter([X[:4]] * 2), epochs=3, steps_per_epoch=2, verbose=0).history
    assert np.isfinite(history["loss"][0]) and np.isnan(history["loss"][1])


def test_validation_splits_leave_something_to_train_on(trained):
    with pytest.raises(InputError, match=r"validation_split is 0\.99, which leaves none of 8 images to train on"):
        trained.fit(X, validation_split=0.99)


@pytest.mark.parametrize("fraction", [1.5, -0.5, "0.1"])
def test_validation_splits_are_shares(trained, fraction):
    with pytest.raises(InputError, match=f"validation_split is {fraction!r}, expected a number from 0 to below 1"):
        trained.fit(X, validation_split=fraction)


@pytest.mark.slow
def test_validation_has_batches_of_its_own_size(trained):
    ends = []
    count = keras.callbacks.LambdaCallback()
    count.on_test_batch_end = lambda batch, logs=None: ends.append(batch)
    trained.fit(X, batch_size=8, validation_data=X, validation_batch_size=2, callbacks=[count], verbose=0)
    assert len(ends) == len(X) // 2


def test_validation_split_needs_all_images_and_their_labels(trained, tmp_path):
    says = r"validation_split needs all images of x, got batches in a \w+; give validation_data instead"
    for batches in (tf.data.Dataset.from_tensors(X), Sequence([X]), iter([X])):
        with pytest.raises(InputError, match=says):
            trained.fit(batches, validation_split=0.5, verbose=0)
    with pytest.raises(InputError, match=r"y was given beside x='.*', expected None"):
        trained.fit(str(tmp_path), Y, validation_split=0.5, verbose=0)
    with pytest.raises(InputError, match="y is 3, expected one label for each image"):
        trained.fit(X, 3, validation_split=0.5, verbose=0)


def test_refused_validation_data_are_named(trained):
    with pytest.raises(InputError, match="validation_data was refused: images has shape"):
        trained.fit(X, validation_data=X[:, :4], batch_size=4, verbose=0)


@pytest.mark.parametrize("build", [tiny_vae, tiny_gan])
def test_an_uncompiled_model_says_so(build):
    name = type(build()).__name__
    with pytest.raises(InputError, match=rf"fit needs a compiled model; call {name}\.compile\(\) first"):
        build().fit(X, batch_size=4, verbose=0)
    with pytest.raises(InputError, match=rf"evaluate needs a compiled model; call {name}\.compile\(\) first"):
        build().evaluate(X, batch_size=4, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": -1}, "epochs is -1, expected an integer of at least 1"),
        ({"epochs": 1.5}, "epochs is 1.5, expected an integer of at least 1"),
        ({"class_weight": {0: 2.0}}, "class_weight was given, expected None"),
        ({"sample_weight": np.ones(len(X))}, "sample_weight was given, expected None"),
        ({"validation_freq": 0}, "validation_freq is 0, expected an integer of at least 1"),
        ({"steps_per_epoch": 0}, "steps_per_epoch is 0, expected an integer of at least 1"),
        ({"validation_steps": "2"}, "validation_steps is '2', expected an integer of at least 1"),
        ({"initial_epoch": -1}, "initial_epoch is -1, expected an integer of at least 0"),
        ({"validation_batch_size": 0}, "validation_batch_size is 0, expected an integer of at least 1"),
    ],
)
def test_what_keras_would_ignore_is_refused(trained, arguments, message):
    with pytest.raises(InputError, match=message):
        trained.fit(X, batch_size=4, verbose=0, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps is 0, expected an integer of at least 1"),
        ({"sample_weight": np.ones(len(X))}, "sample_weight was given, expected None"),
    ],
)
def test_what_keras_would_ignore_is_refused_by_evaluate(trained, arguments, message):
    with pytest.raises(InputError, match=message):
        trained.evaluate(X, batch_size=4, verbose=0, **arguments)


def test_training_under_another_backend_is_refused(trained, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(InputError, match="KERAS_BACKEND is 'numpy', expected 'tensorflow', 'jax' or 'torch' for fit"):
        trained.fit(X, batch_size=4, verbose=0)


def test_a_backend_that_is_chosen_too_late_is_refused(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(InputError, match="KERAS_BACKEND is 'jax', but Keras was imported with 'tensorflow'; set it be"):
        zoo.load("gan_mnist_28")


def test_a_backend_that_changes_later_is_refused(monkeypatch):
    monkeypatch.setattr("zoo.backend._chosen", "jax")
    with pytest.raises(InputError, match="Keras' backend became 'tensorflow' after the zoo began with 'jax'; set KER"):
        zoo.load("gan_mnist_28")


def test_labels_beside_a_folder_are_refused(trained, tmp_path):
    with pytest.raises(InputError, match=r"y was given beside x='.*', expected None, since that holds what belongs"):
        trained.fit(tmp_path, np.zeros(len(X), "int32"), verbose=0)


def test_fewer_images_than_a_batch_are_noticed_before_training(trained, two_part_gan):
    with pytest.raises(DataError, match="has 8 images, fewer than one batch of 9"):
        trained.fit(X, batch_size=9, verbose=0)
    with pytest.raises(DataError, match="has 8 images, fewer than one batch of 5 for each of 2 discriminator steps"):
        two_part_gan.fit(X, batch_size=5, verbose=0)


@pytest.mark.slow
def test_steps_per_epoch_beyond_the_data_are_refused(trained):
    trained.fit(X, batch_size=2, epochs=2, steps_per_epoch=1, verbose=0)
    with pytest.raises(InputError, match=r"steps_per_epoch is 99, expected at most the \d batches of the data set"):
        trained.fit(X, batch_size=4, steps_per_epoch=99, verbose=0)


@pytest.mark.slow
def test_lists_of_images_of_different_sizes_are_refused(trained):
    with pytest.raises(InputError, match="images is a list of arrays of different shapes"):
        trained.encode([X[0], X[0, :3]])
