"""What is seen of work that goes on: the progress bar of everything that may take longer than a second."""

import contextlib
import functools
import logging

from tqdm import tqdm

#: `tqdm` that shows nothing in the first second, leaves nothing behind, and keeps out of files and pipes.
bar = functools.partial(tqdm, delay=1, leave=False, disable=None)


@contextlib.contextmanager
def traced_quietly():
    """Holds back TensorFlow's warning of functions that are traced often, as which it sees the first images of models.

    It is about loops that a user could write otherwise.
    """
    logger, kept = logging.getLogger("tensorflow"), lambda record: "tf.function retracing" not in record.getMessage()
    logger.addFilter(kept)
    try:
        yield
    finally:
        logger.removeFilter(kept)


def predicted(network, inputs):
    """What a Keras model makes of a batch, by its `predict_on_batch`."""
    with traced_quietly():
        outputs = network.predict_on_batch(inputs)
    # TensorFlow's models alone have one.
    strategy = getattr(network, "distribute_strategy", None)
    if strategy is None or strategy.num_replicas_in_sync == 1:
        return outputs
    import keras

    # Every replica answers for the whole batch, one after the other.
    return keras.tree.map_structure(lambda rows: rows[: len(rows) // strategy.num_replicas_in_sync], outputs)
