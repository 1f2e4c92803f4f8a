"""Classifiers, whose features evaluate generators: their stage, their figures, and the end of their run."""

import dataclasses

import keras
import numpy as np

from zoo import data, presets
from zoo.metrics import features, references
from zoo.training.run.optimizers import warmed_adamw
from zoo.training.run.stages import Stage
from zoo.training.run.writing import write_and_reload, write_entry


@dataclasses.dataclass(kw_only=True)
class ClassifierStage(Stage):
    """The training of a Keras classifier, with AdamW whose rate first rises.

    Attributes:
        weight_decay: float.
        losses: Keras loss or dict of losses by output; default cross-entropy of logits, with the accuracy as metric.
        loss_weights: dict of floats by output, or None (default).
        targets: dict of arrays by output. The labels of `images` are then indices into these arrays. Default None, the
            labels are the target.

    Example:

    ```python
    run.ClassifierStage(images, epochs=5, batch_size=128, learning_rate=3e-3, weight_decay=1e-3)
    ```
    """

    weight_decay: float
    losses: dict | None = None
    loss_weights: dict | None = None
    targets: dict | None = None

    def begin(self, model, seed):
        batches = _supervised(data.batches(self.images, self.batch_size, seed=seed))
        if self.targets is None:
            return model, batches
        # Runs of other models need no TensorFlow under other backends.
        import tensorflow as tf

        targets = {name: tf.constant(values) for name, values in self.targets.items()}
        found = batches.map(lambda images, index: (images, {k: tf.gather(v, index) for k, v in targets.items()}))
        found.set_epoch = batches.set_epoch
        return model, found

    def compile(self, network, steps):
        optimizer = warmed_adamw(self.learning_rate, steps, self.weight_decay)
        if self.losses is None:
            network.compile(optimizer, cross_entropy(), metrics=["accuracy"])
        else:
            network.compile(optimizer, self.losses, loss_weights=self.loss_weights)

    def compile_for_fine_tuning(self, network):
        """Leaves the network compiled with its losses and its schedule."""


def cross_entropy():
    """Returns the cross-entropy of logits and integer labels."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _supervised(dataset):
    """Maps canonical batches to `(images in [-1, 1], labels)` for a plain Keras classifier."""
    result = dataset.map(lambda batch: (keras.ops.cast(batch["images"], "float32") / 127.5 - 1.0, batch["labels"]))
    result.set_epoch = dataset.set_epoch
    return result


def accuracy(model, test):
    """Returns the figure of a classifier for its manifest entry, given an `ImageSet` of test images with labels."""
    batches = _supervised(data.batches(test, 1000, shuffle=False, drop_remainder=False))
    value = model.evaluate(batches, verbose=0, return_dict=True)["accuracy"]
    return {"accuracy_test": {"value": round(value, 4), "protocol": f"share of the {len(test.images)} test images"}}


def attribute_figures(found, expected):
    """Returns the figures of a classifier of avatars: the accuracy of each attribute, and the mean error of rotation.

    Args:
        found, expected: dicts of arrays by attribute.
    """
    of = f"the {len(expected['rotation'])} test images, whose combinations of hair style, skin and mouth are new"
    result = {}
    for name, values in found.items():
        if name == "rotation":
            error = float(np.abs(values - expected[name]).mean())
            result["error_test_rotation"] = {"value": round(error, 3), "protocol": f"mean over {of}, in degrees"}
        else:
            share = float((values == expected[name]).mean())
            result[f"accuracy_test_{name}"] = {"value": round(share, 4), "protocol": f"share of {of}"}
    return result


def finish_classifier(run, model, train, test, *, measure=accuracy, keep_test_set=False):
    """Ends the run of a classifier: preset, test figures, the features of the data set, manifest entry.

    Args:
        run: `Run` with a `dataset`.
        model: trained classifier.
        train, test: `zoo.data.ImageSet` with labels.
        measure: function of the model and `test` that returns figures; default `accuracy`.
        keep_test_set: bool. Whether to bundle the test images, for likelihoods; default False.
    """
    model = write_and_reload(run, model)
    metrics = measure(model, test)
    for name, figure in metrics.items():
        print(f"{name}: {figure['value']:.4f}")
    _write_reference(run, model, train, test, keep_test_set)
    write_entry(run, model, kind="feature_network", metrics=metrics)


def _write_reference(run, model, train, test, keep_test_set):
    """Writes the features of the data set, which generators are compared with, beside the package's or the run's."""
    identity = presets.describe_file(run.draft / presets.WEIGHTS)["sha256"]
    network = features.of_classifier(model, run.dataset, identity)
    bundled = run.preset_directory.parent == presets.BUNDLED
    folder = references.BUNDLED if bundled else run.output / "references"
    arrays = references.describe({"test": test.images, "train": train.images}, network)
    file = references.file_name(run.dataset, test.images.shape[1:], network)
    references.write(folder / file, network, arrays)
    if keep_test_set:
        references.write_test_set(folder, run.dataset, test.images, test.labels)
