"""Ready-made batches in `fit`: data sets, sequences and iterators, all of whose batches are checked."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import SHAPE, TINY_GANS, Sequence, folder_of_classes, images, png_folder, tiny_pix2pix, tiny_vae, values

import zoo
from zoo.errors import DataError, InputError

X, Y = images(8), np.arange(8, dtype="int32")


def tiny_sr_resnet():
    return zoo.SRResNet(SHAPE, scale=2, filters=2, residual_blocks=1)


@pytest.fixture(scope="module")
def trained():
    """One model for all sources."""
    model = tiny_vae()
    model.compile(run_eagerly=True)
    return model


def test_dicts_as_tfds_makes_them_are_refused_with_what_helps(trained):
    batches = tf.data.Dataset.from_tensors({"image": images(2), "label": Y[:2]})
    with pytest.raises(InputError, match=r"has the keys \['image', 'label'\], expected .*as_supervised=True"):
        trained.fit(batches)


@pytest.mark.slow
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_of_a_sequence_are_shuffled_as_keras_does(trained, shuffle):
    asked = []

    class Noted(Sequence):
        def __getitem__(self, index):
            asked.append(index)
            return super().__getitem__(index)

    keras.utils.set_random_seed(0)
    trained.fit(Noted([X[:2]] * 8), epochs=2, shuffle=shuffle, verbose=0)
    # The first of all is looked at before the training.
    epochs = [asked[-16:-8], asked[-8:]]
    assert [sorted(epoch) for epoch in epochs] == [list(range(8))] * 2
    assert (epochs == [list(range(8))] * 2) != shuffle


@pytest.mark.slow
@pytest.mark.parametrize("batch", [X, (X,), (X, Y), [X, Y], {"images": X}])
def test_iterators_of_batches_are_checked_and_no_batch_is_lost(trained, batch):
    before = int(trained.optimizer.iterations)
    trained.fit((batch for _ in range(3)), verbose=0)
    assert int(trained.optimizer.iterations) == before + 3
    with pytest.raises(InputError, match="The first batch of x holds float32 values from 0 to"):
        trained.fit(iter([X.astype("float32")]))
    with pytest.raises(DataError, match="The data set x is empty"):
        trained.fit(iter([]))


@pytest.mark.slow
def test_labels_of_a_batch_may_be_none_in_a_compiled_step():
    model = tiny_vae()
    model.compile()
    model.fit(((X, None) for _ in range(2)), verbose=0)
    assert int(model.optimizer.iterations) == 2


@pytest.mark.slow
def test_batches_whose_shape_is_not_known_before_are_trained_on():
    model = tiny_vae()
    model.compile()
    model.fit(tf.data.Dataset.range(3).map(lambda _: tf.numpy_function(lambda: X, [], tf.uint8)), verbose=0)
    assert int(model.optimizer.iterations) == 3


def test_labels_beside_ready_made_batches_are_refused(trained):
    batches = tf.data.Dataset.from_tensor_slices(X).batch(4)
    for x in (batches, iter(batches)):
        with pytest.raises(InputError, match="y was given beside an x of ready-made batches, expected None"):
            trained.fit(x, np.zeros(len(X), "int32"), verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize("keyed", [False, True])
def test_batches_take_labels_in_a_column(keyed):
    labels = np.arange(len(X), dtype="uint8") % 3
    fitted = []
    for given in (labels, labels[:, None]):
        keras.utils.set_random_seed(0)
        model = TINY_GANS["conditional_gan"]()
        model.compile(run_eagerly=True)
        batches = tf.data.Dataset.from_tensor_slices({"images": X, "labels": given} if keyed else (X, given)).batch(8)
        model.fit(batches, verbose=0)
        model.fit(iter(batches), verbose=0)
        fitted.append(values(model.weights))
    for one, other in zip(*fitted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True])
def test_batches_take_the_labels_of_keras_loaders(compiled):
    labels = np.arange(len(X)) % 2
    fitted = []
    for given in (labels, labels[:, None].astype("float32"), np.eye(3, dtype="float32")[labels]):
        keras.utils.set_random_seed(0)
        model = TINY_GANS["conditional_gan"]()
        model.compile(run_eagerly=not compiled)
        batches = tf.data.Dataset.from_tensor_slices((X, given)).batch(4)
        model.fit(batches, verbose=0)
        model.fit(iter(batches), verbose=0)
        model.train_on_batch(X, given)
        model.fit(X, given, batch_size=8, shuffle=False, verbose=0)
        fitted.append(values(model.weights))
    for others in fitted[1:]:
        for one, other in zip(fitted[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True])
def test_soft_labels_in_batches_are_refused(conditional, late):
    rows = np.eye(3, dtype="float32")[[0, 1, 2, 0, 1, 2, 0, 1]]
    soft = np.where(np.arange(8)[:, None] == 6, np.float32(1 / 3), rows)
    given = np.concatenate([rows, soft]) if late else np.concatenate([soft, rows])
    batches = tf.data.Dataset.from_tensor_slices((np.concatenate([X, X]), given)).batch(8)
    says = "labels that are not rows of a single 1 among 0" if late else r"holds rows such as \(0.333333, 0.333333, 0"
    with pytest.raises(InputError, match=says):
        conditional.fit(batches, verbose=0)


def test_rows_of_another_number_of_classes_are_refused(conditional):
    batches = tf.data.Dataset.from_tensors((X, np.eye(8, dtype="float32")))
    with pytest.raises(InputError, match="The first batch of x has labels in rows of 8, expected num_classes=3"):
        conditional.fit(batches, verbose=0)


def test_sample_weights_in_batches_are_refused(trained):
    weighted = tf.data.Dataset.from_tensors((X, np.zeros(len(X), "int32"), np.ones(len(X))))
    with pytest.raises(InputError, match="A batch has 3 entries, expected one or two: all images weigh the same"):
        trained.fit(weighted, verbose=0)


BYTES = {
    "images": (lambda x, y: x, tiny_vae),
    "images and labels": (lambda x, y: (x, y), tiny_vae),
    "images and labels of a model without classes": (lambda x, y: (x, y), tiny_sr_resnet),
    "images of a model of pairs": (lambda x, y: x, tiny_sr_resnet),
    "pairs": (lambda x, y: (x, x), tiny_pix2pix),
    "dict": (lambda x, y: {"images": x, "labels": y}, tiny_vae),
    "dict of pairs": (lambda x, y: {"images": x, "source_images": x}, tiny_pix2pix),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BYTES)
def test_the_line_that_scales_floats_up_to_255_works_when_it_is_copied(kind, tmp_path):
    made, build = BYTES[kind]
    folder_of_classes(tmp_path, "cat", "dog")
    loaded = keras.utils.image_dataset_from_directory(
        tmp_path, color_mode="grayscale", image_size=(8, 8), batch_size=4, verbose=False
    )
    x, model = loaded.map(made), build()
    model.compile(run_eagerly=True)
    with pytest.raises(InputError, match=r"^The first batch of x holds float32 values from \d+ to 25\d, ") as caught:
        model.fit(x, verbose=0)
    (line,) = re.findall(r", as (x = x\.map\(.*\)) makes them\.$", str(caught.value))
    names = {"x": x}
    exec(line, names)
    history = model.fit(names["x"], verbose=0, validation_data=names["x"]).history
    assert np.isfinite([values[0] for values in history.values()]).all()


@pytest.mark.slow
def test_images_only_data_sets_of_keras_are_refused_with_the_line_that_helps(trained, tmp_path):
    png_folder(tmp_path, X)
    loaded = keras.utils.image_dataset_from_directory(
        tmp_path, labels=None, color_mode="grayscale", image_size=(8, 8), batch_size=4, verbose=False
    )
    with pytest.raises(InputError, match=r"as x = x\.map\(lambda images: images / 127\.5 - 1\) makes them\.$"):
        trained.fit(loaded, verbose=0)
    with pytest.raises(InputError, match=r"^validation_data was refused: .*map\(lambda images: images / 127\.5 - 1\)"):
        trained.fit(X, validation_data=loaded, batch_size=4, verbose=0)
    # Arrays and other batches have no `map`.
    for source in (X.astype("float32"), Sequence([X.astype("float32")]), iter([X.astype("float32")])):
        with pytest.raises(InputError, match=r"floats in \[-1, 1\] \(scale with images / 127\.5 - 1\)\.$"):
            trained.fit(source, verbose=0)
    # Floats beyond 0..255 are of another scale.
    with pytest.raises(InputError, match=r"floats in \[-1, 1\]\.$"):
        trained.fit(tf.data.Dataset.from_tensors(X.astype("float32") * 2), verbose=0)


WRONG_BATCHES = [
    (X[..., 0], r"The first batch of x has shape \(8, 8, 8\), expected \(n, 8, 8, 1\)"),
    (X.astype("float32"), r"The first batch of x holds float32 values from"),
    (X.astype("int32"), r"The first batch of x has dtype int32"),
    ({"pictures": X}, r"The first batch of x has the keys \['pictures'\], expected at least 'images'"),
]


@pytest.mark.parametrize(("batch", "message"), WRONG_BATCHES)
def test_a_wrong_first_batch_is_noticed_before_training(trained, batch, message):
    before = values(trained.variables)
    for source in (tf.data.Dataset.from_tensors(batch), Sequence([batch])):
        with pytest.raises(InputError, match=message):
            trained.fit(source, verbose=0)
    np.testing.assert_equal(values(trained.variables), before)


@pytest.fixture(scope="module")
def conditional():
    """A model that trains on labels."""
    model = TINY_GANS["conditional_gan"]()
    model.compile()
    return model


class Batches(keras.utils.PyDataset):
    """Batches that `take` returns by their index."""

    def __init__(self, take, number):
        super().__init__()
        self._take, self._number = take, number

    def __len__(self):
        return self._number

    def __getitem__(self, index):
        return self._take(index)


def drawn(take, number):
    return (take(index) for index in range(number))


def pipeline(take, number):
    slices = (np.stack(arrays) for arrays in zip(*drawn(take, number), strict=True))
    return tf.data.Dataset.from_tensor_slices(tuple(slices))


READY_MADE = [drawn, Batches, pipeline]


@pytest.mark.slow
@pytest.mark.parametrize("source", READY_MADE)
@pytest.mark.parametrize("label", [-1, 3, 2**40])
def test_labels_of_no_class_are_noticed_in_every_batch(conditional, source, label):
    def take(index):
        return X, np.where(np.arange(len(X)) == 5, label if index == 2 else 2, 1)

    says = "A batch of x has labels that are not integers from 0 to 2{}"
    at = int(conditional.optimizer.iterations) + 3
    with pytest.raises(InputError, match=says.format(f", at training step {at}")):
        conditional.fit(source(take, 4), shuffle=False, verbose=0)
    assert int(conditional.optimizer.iterations) == at
    with pytest.raises(InputError, match=says.format("")):
        conditional.evaluate(source(take, 4), verbose=0)
    with pytest.raises(InputError, match=says.format("").replace(" x ", " validation_data ")):
        conditional.fit(X, np.ones(len(X), int), batch_size=8, validation_data=source(take, 4), verbose=0)
    # What comes after is none the worse.
    conditional.fit(drawn(take, 2), verbose=0)
    assert np.isfinite(conditional.evaluate(drawn(take, 2), verbose=0)).all()


@pytest.mark.slow
@pytest.mark.parametrize("source", READY_MADE)
@pytest.mark.parametrize("odd", [255.0, np.nan])
def test_images_out_of_range_are_noticed_in_every_batch(trained, source, odd):
    def take(index):
        return (np.full(X.shape, odd if index == 2 else 0.5, "float32"),)

    says = r"A batch of x has images that are not uint8 in 0\.\.255 or floats in \[-1, 1\]"
    for method in (trained.fit, trained.evaluate):
        with pytest.raises(InputError, match=says):
            method(source(take, 4), verbose=0)
    assert all(np.isfinite(variable).all() for variable in values(trained.weights))


@pytest.mark.slow
@pytest.mark.parametrize("source", READY_MADE[:2])
@pytest.mark.parametrize(
    ("odd", "says"),
    [
        ((X, np.full(len(X), 1.5)), r"labels of float \(n\), expected int \(n\) as the first"),
        ((X, np.ones((len(X), 3), int)), r"labels of int \(n, 3\), expected int \(n\)"),
        ((X, np.ones(3, int)), "3 labels, expected one for each of its images"),
        ((X / 255.0, np.ones(len(X), int)), r"images of float \(n, 8, 8, 1\), expected int"),
        ({"images": X}, "has images, expected images, labels as the first"),
    ],
)
def test_later_batches_are_like_the_first(conditional, source, odd, says):
    for method in (conditional.fit, conditional.evaluate):
        with pytest.raises(InputError, match=says):
            method(source(lambda index: (X, np.ones(len(X), int)) if index < 3 else odd, 4), verbose=0)


@pytest.mark.slow
def test_what_a_source_raises_is_raised(trained):
    def take(index):
        if index == 3:
            raise broken
        return X

    broken = KeyError("x")
    for source in (drawn, Batches):
        for method in (trained.fit, trained.evaluate):
            with pytest.raises(KeyError) as caught:
                method(source(take, 4), verbose=0)
            assert caught.value is broken and caught.value.__suppress_context__
    pipeline = tf.data.Dataset.from_generator(lambda: drawn(take, 4), output_signature=tf.TensorSpec(X.shape, "uint8"))
    for method in (trained.fit, trained.evaluate):
        with pytest.raises(DataError, match=r"^A batch cannot be read or trained on: KeyError: 'x'\.$"):
            method(pipeline, verbose=0)


@pytest.mark.parametrize("method", ["train_on_batch", "test_on_batch"])
@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((X.astype("float32"), Y), "x holds float32 values from 0 to 255"),
        ((X,), "x has no labels"),
        ((X, np.full(len(X), 3)), "labels holds values from 3 to 3, expected integers from 0 to 2"),
        ((X, np.ones(3, int)), r"x has labels of shape \(3,\), expected one for each of 8 images"),
        ((None,), r"x has shape \(\), expected \(n, 8, 8, 1\)"),
        (((),), "A batch is empty"),
        (({"images": X}, Y), "A batch has labels beside a dict"),
    ],
)
def test_single_batches_are_checked(conditional, method, given, says):
    with pytest.raises(InputError, match=says):
        getattr(conditional, method)(*given)


def test_images_to_predict_from_are_checked(trained):
    for predict in (trained.predict, trained.predict_on_batch):
        with pytest.raises(InputError, match="holds float32 values from 0 to 255"):
            predict(X.astype("float32"))
    np.testing.assert_array_equal(trained.predict(X, verbose=0), trained.predict_on_batch(X))


@pytest.mark.slow
def test_an_empty_data_set_is_noticed_before_training(trained):
    empty = tf.data.Dataset.from_tensor_slices(X).batch(4).take(0)
    for source in (empty, Sequence([])):
        with pytest.raises(DataError, match="The data set x is empty, expected at least one batch of images"):
            trained.fit(source, verbose=0)
