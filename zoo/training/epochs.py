"""Epochs of any number of steps."""


def in_epochs_of(batches, steps):
    """Returns batches of `zoo.data` in epochs of so many steps, each of which begins a new pass over the data.

    Args:
        batches: data set of `zoo.data`.
        steps: int, at least 1. It may be more or fewer than the data has batches.
    """
    passes = -(-steps // len(batches))
    epochs = batches.repeat(passes).take(steps)
    epochs.images, epochs.set_epoch = batches.images, lambda epoch: batches.set_epoch(epoch * passes)
    return epochs
