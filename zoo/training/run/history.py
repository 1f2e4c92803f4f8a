"""What a run remembers of its epochs: their time, their figures, and the weights of the best one."""

import csv
import json
import time

import keras
import numpy as np

from zoo import callbacks
from zoo.files import write_json
from zoo.metrics import features, protocols
from zoo.training.run.image_sets import captioned_faces

#: Name of the metric `distance_to_train`.
DISTANCE = "fid2k_train"
HISTORY = "history.csv"


class Clock(keras.callbacks.Callback):
    """Adds up the time of finished epochs in a file, so that a resumed run reports its whole training time."""

    def __init__(self, path, continues):
        super().__init__()
        self._path = path
        self.seconds = json.loads(path.read_text()) if continues else 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self._begun = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds += time.monotonic() - self._begun
        write_json(self._path, self.seconds)


def distance_to_train(run, model, every=1, of_prior=False):
    """Returns a callback with the Fréchet distance of 2,000 samples to the training images, as `fid2k_train`.

    Args:
        run: `Run` with a `dataset` that has a feature network. A smoke run draws fewer samples.
        model: the model that is trained.
        every: int. Epochs between two values; default 1.
        of_prior: bool. Whether the prior of the model is trained, and the model draws; default False.

    Example:

    ```python
    stage = run.Stage(images, metrics=[run.distance_to_train(trial, gan)], best_by=run.DISTANCE, ...)
    ```
    """
    number = protocols.SMOKE.images if run.smoke else 2_000
    distance = protocols.frechet_to_train(run.dataset, model.image_shape, number)
    return callbacks.SampleMetric(DISTANCE, (lambda _: distance(model)) if of_prior else distance, every=every)


def agreement_with_captions(model, number=256, of_prior=False):
    """Returns a callback with the share of what captions of training faces name that the images have.

    The metric is `agreement_train`, and an attribute classifier reads the images.

    Args:
        model: the model of `avatars` that is trained.
        number: int. Number of captions; default 256.
        of_prior: bool. Whether the prior of the model is trained, and the model draws; default False.

    Example:

    ```python
    stage = run.Stage(images, metrics=[run.agreement_with_captions(gan)], ...)
    ```
    """
    described, reader = captioned_faces("train", number), features.AvatarAttributes()

    def agreement(trained):
        right = protocols.prompts_right(model if of_prior else trained, described, reader)
        return np.mean(np.concatenate(right))

    return callbacks.SampleMetric("agreement_train", agreement)


def best_weights(run, metric, stage=""):
    """Returns a callback that keeps the weights of the epoch where a metric is lowest, in `best.weights.h5`.

    Args:
        run: `Run`. If it continues a killed one, the epochs before the kill count, too.
        metric: str. Name of a log that a callback before this one writes.
        stage: str. Name of the stage; default `""`.
    """
    lowest = None
    if run.continues(stage):
        lowest = min((float(row[metric]) for row in _rows(run.output / stage)), default=None)
    return keras.callbacks.ModelCheckpoint(
        str(run.output / stage / "best.weights.h5"),
        monitor=metric,
        mode="min",
        save_best_only=True,
        save_weights_only=True,
        initial_value_threshold=lowest,
    )


def correlation(run, column, other):
    """Returns a figure for the manifest: how two columns of `history.csv` move together over the epochs.

    Args:
        run: `Run` of a single stage.
        column, other: str. Names of columns.

    Returns:
        Dict of one figure by name; empty if the run has fewer than three epochs.
    """
    rows = _rows(run.output)
    if len(rows) < 3:
        return {}
    value = np.corrcoef(*([float(row[name]) for row in rows] for name in (column, other)))[0, 1]
    protocol = f"Pearson correlation of {column} with {other} at the ends of the {len(rows)} epochs"
    return {f"correlation_{column}_{other}": {"value": round(float(value), 4), "protocol": protocol}}


def _rows(folder):
    path = folder / HISTORY
    if not path.exists():
        return []
    with path.open(newline="") as file:
        # An epoch that was killed between its row and its backup has two rows.
        return list({row["epoch"]: row for row in csv.DictReader(file)}.values())
