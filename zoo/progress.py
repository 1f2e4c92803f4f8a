"""The progress bar of everything that may take longer than a second."""

import contextlib
import functools
import logging

from tqdm import tqdm

#: A `tqdm` bar that appears after one second, disappears at the end, and writes nothing to files and pipes.
bar = functools.partial(tqdm, delay=1, leave=False, disable=None)


@contextlib.contextmanager
def traced_quietly():
    """Suppresses TensorFlow's warning about frequent retracing.

    The warning is meant for loops in user code, but the first images of several models trigger it too.
    """
    logger, kept = logging.getLogger("tensorflow"), lambda record: "tf.function retracing" not in record.getMessage()
    logger.addFilter(kept)
    try:
        yield
    finally:
        logger.removeFilter(kept)


def predict_batch(network, inputs):
    """Returns the outputs of a Keras model for a batch, by `predict_on_batch`."""
    with traced_quietly():
        outputs = network.predict_on_batch(inputs)
    # Only models of the TensorFlow backend have a distribution strategy.
    strategy = getattr(network, "distribute_strategy", None)
    if strategy is None or strategy.num_replicas_in_sync == 1:
        return outputs
    import keras

    # Every replica predicts the whole batch, and the results are concatenated.
    return keras.tree.map_structure(lambda rows: rows[: len(rows) // strategy.num_replicas_in_sync], outputs)
