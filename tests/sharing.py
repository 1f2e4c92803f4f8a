"""Trains on several devices under JAX: `python sharing.py PATH DEVICES PROCESSES INDEX COORDINATOR`."""

import random
import sys

import keras
import numpy as np
import pytest
from helpers import SHAPE, images, tiny_dcgan, tiny_vae, tiny_vq_vae, values

import zoo
from zoo import devices
from zoo.errors import InputError
from zoo.objectives.penalties import R1

BATCH, STEPS = 8, 5
BUILDERS = {
    "dcgan": lambda: tiny_dcgan(discriminator_batch_norm=False, penalties=R1(0.5, 2), ema_momentum=0.5),
    "batch_norm": tiny_dcgan,
    "vq_vae": lambda: tiny_vq_vae(ema_decay=0.9),
    "vae": tiny_vae,
}


def trained():
    """The weights of each model after a few steps."""
    found = {}
    for name, build in BUILDERS.items():
        random.seed(0)
        keras.utils.set_random_seed(0)
        model = build()
        # Adam turns the signs of gradients of nothing but rounding into steps.
        model.compile(*(keras.optimizers.SGD(0.1) for _ in model.optimizer_names))
        model.fit(images(BATCH * STEPS), batch_size=BATCH, verbose=0)
        found[name] = np.concatenate([value.ravel() for value in values(model.weights)])
    # The last batch of 12 images has 4, which 8 devices cannot share.
    assert np.isfinite(model.evaluate(images(BATCH + 4), batch_size=BATCH, verbose=0)).all()
    return found


def rows_read():
    """The numbers of the images that this process reads in an epoch."""
    numbered = np.zeros((BATCH * STEPS, *SHAPE), "uint8") + np.arange(BATCH * STEPS, dtype="uint8")[:, None, None, None]
    return np.concatenate([batch["images"][:, 0, 0, 0] for batch in zoo.data.dataset(numbered, batch_size=BATCH)])


def main(path, number, processes, index, coordinator):
    alone = trained() if processes == 1 else {}
    devices.share(number, processes, index, coordinator)
    assert devices.number_of_devices() == number * processes
    with pytest.raises(InputError, match=f"batch_size is 11, expected a multiple of {number * processes}, the number"):
        zoo.data.dataset(images(24), batch_size=11)
    if processes == 1:
        model = tiny_vae()
        model.compile()
        with pytest.raises(InputError, match=f"x has {number + 1} images, expected a multiple of {number}, the number"):
            model.train_on_batch(images(number + 1))
    np.savez(path, **trained(), rows=rows_read(), **{f"{name}_alone": weights for name, weights in alone.items()})
    if processes > 1:
        with pytest.raises(InputError, match="Process 1 has other data than process 0, expected the same"):
            devices.check_agreement({"settings": 0, "data": index})
    devices.part()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5])
