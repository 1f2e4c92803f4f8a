"""Trains the stages of a run with everything that a long training needs."""

import importlib.util
import os

import keras

import zoo
from zoo import callbacks
from zoo.backend import set_random_seed
from zoo.errors import InputError, shown
from zoo.nets import conv
from zoo.presets.rebuilding import rebuilt
from zoo.training.run.history import HISTORY, Clock, best_weights
from zoo.training.run.settings import Trained

_BATCHES_OF_STATISTICS = 100


def train(run, model, stages):
    """Trains a model in stages, one after the other.

    After each epoch a stage writes a grid of samples, a row of `history.csv`, TensorBoard logs (if that is installed)
    and a backup into its folder. A GAN ends with the standing statistics of its averaged generator. A run that was
    killed continues where it was; finished stages are restored from their backups.

    Args:
        run: `Run`, as `begin` or `recipe` returns it.
        model: Keras model; the pipeline compiles it.
        stages: list of `Stage`; if there are several, each has a name of its own.

    Returns:
        The trained model, which is `model` or the one that the `changes` of a stage made of it.

    Raises:
        InputError: two stages have the same name, the model does not take the `changes` of a stage, or `run.further` is
            set and the preset has other weights.

    Example:

    ```python
    gan = run.train(trial, gan, [run.Stage(images, epochs=20, batch_size=32, learning_rate=(2e-3, 5e-4))])
    ```
    """
    names = [stage.name for stage in stages]
    if len(set(names)) < len(names) or (len(names) > 1 and "" in names):
        raise InputError(f"stages have the names {shown(names)}, expected a different one for each.")
    networks = []
    for stage in stages:
        if stage.changes:
            model = _changed(model, stage.changes, run.seed)
        network, batches = stage.begin(model, run.seed)
        stage.compile(network, stage.epochs * len(batches))
        if run.further and not networks and not run.continues(stage.name):
            _start_from_preset(run, network)
        metrics, finish_weights = _watched(run, network, stage)
        seconds = fit(run, network, batches, epochs=stage.epochs, stage=stage.name, metrics=metrics, draw=stage.draw)
        finish_weights()
        if hasattr(network, "discriminator"):
            _shrink_kernels(network)
        run.trained.append(Trained(stage.name, stage.epochs, seconds))
        networks.append(network)
    for stage, network in zip(stages, networks, strict=True):
        stage.compile_for_fine_tuning(network)
    return model


def _changed(model, changes, seed):
    """Returns a model with changed constructor arguments and all weights of the given one that still fit."""
    config = keras.saving.serialize_keras_object(model)
    # The stage compiles the new model.
    config.pop("compile_config", None)
    # New weights must be the same when a run is killed before the first backup of the stage.
    set_random_seed(seed)
    return rebuilt(model, config, changes)


def _watched(run, network, stage):
    """Returns the metrics of a stage, and a function that gives the trained network its final weights."""
    measure = _standing_statistics(run, network, stage)
    if stage.best_by is None:
        return stage.metrics, measure
    kept = best_weights(run, stage.best_by, stage.name)
    # A distance that is measured with the training's own statistics of batch norms chooses other, worse epochs.
    measured = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: measure())
    return [measured, *stage.metrics, kept], lambda: network.load_weights(kept.filepath)


def _standing_statistics(run, network, stage):
    """Returns a function that measures a GAN's standing statistics; it does nothing for other networks."""
    if not hasattr(network, "update_standing_statistics"):
        return lambda: None
    _, batches = stage.begin(network, run.seed)

    def measure():
        # The same batches are used after every epoch, whether or not the run was killed.
        batches.set_epoch(stage.epochs)
        network.update_standing_statistics(batches.take(_BATCHES_OF_STATISTICS))

    return measure


def _shrink_kernels(gan):
    """Undoes the growth of the generator's kernels, so that the initial rates change them again."""
    networks = gan.generator, gan.ema_generator
    if hasattr(gan, "synthesis"):
        networks = [network.get_layer("synthesis") for network in networks]
    if conv.shrinks(networks[0]):
        conv.shrink_kernels(*networks)


def fit(run, model, batches, *, epochs, stage="", metrics=(), draw=None):
    """Runs `fit` of a compiled model with grids, `history.csv`, TensorBoard logs and a backup after each epoch.

    Args:
        run: `Run`.
        model: compiled Keras model. Only models with `generate` draw grids.
        batches: data set of `zoo.data`.
        epochs: int. Epochs in all, those before a kill included.
        stage: str. Folder of this training within that of the run; default `""`.
        metrics: callbacks that come before all others; default none.
        draw: function without arguments that returns the images of the grid, or None (default) for `generate`.

    Returns:
        float, the seconds that all epochs took.
    """
    continues, folder = run.continues(stage), run.output / stage
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock(folder / "seconds.json", continues)
    # TensorBoard is an optional dependency.
    logs = folder / "tensorboard" if importlib.util.find_spec("tensorboard") else None
    watchers = []
    if hasattr(model, "generate"):
        watchers.append(callbacks.SampleGrid(folder / "samples", log_dir=logs, draw=draw))
    if logs:
        watchers.append(keras.callbacks.TensorBoard(str(logs), profile_batch=0, write_graph=False))
    model.fit(
        batches,
        epochs=epochs,
        # The batches come in an order of their own, and Keras warns that it cannot shuffle them.
        shuffle=False,
        callbacks=[
            # Models of the zoo set the epoch of their data themselves, plain Keras models do not.
            callbacks.EpochOrder(batches),
            *metrics,
            *watchers,
            callbacks.CSVLogger(str(folder / HISTORY), append=continues),
            clock,
            # The backup stays until the preset is written, so that a kill during the evaluation costs no training.
            callbacks.BackupAndRestore(run.backup(stage), delete_checkpoint=False),
        ],
        verbose=1 if os.isatty(1) else 2,
    )
    return clock.seconds


def _start_from_preset(run, model):
    """Gives a model the weights of its own preset; the optimizers and their schedules start anew."""
    shipped = zoo.load(run.preset_directory)
    shapes = [[variable.shape for variable in one.weights] for one in (model, shipped)]
    if shapes[0] != shapes[1]:
        raise InputError(
            f"--further (further=True) starts from the weights in {run.preset_directory}, which are those of another "
            "model than the one that is trained."
        )
    for variable, value in zip(model.weights, shipped.weights, strict=True):
        variable.assign(value)
