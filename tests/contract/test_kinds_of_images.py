"""No kind of step and loss diverges in a few steps, whatever kind of images it trains on."""

import warnings

import keras
import numpy as np
import pytest
from families import FAMILIES
from helpers import values
from kinds import KINDS

STEPS, BATCH_SIZE = 4, 8


def data_of(family, kind):
    number = STEPS * BATCH_SIZE
    data = {"images": kind(number, family.image_shape), **family.conditions(number)}
    if "source_images" in data:
        data["source_images"] = kind(number, family.source_shape)
    return data


# Families of each kind of loss, the cheapest ones.
CHOSEN = ("GAN", "WGANGP", "TextToImageGAN", "SRGAN", "VAE", "BetaVAE", "VQVAE2", "PixelCNN, of colours")


@pytest.mark.slow
@pytest.mark.parametrize("name", CHOSEN)
def test_no_kind_of_images_makes_a_loss_nan(name):
    model = FAMILIES[name].build(name)
    model.compile()
    variables = [*model.variables, *(v for each in model.optimizer_names for v in getattr(model, each).variables)]
    start = values(variables)
    for title, kind in KINDS.items():
        with warnings.catch_warnings():
            # A few steps on one white image are no training that anything else can be said of.
            warnings.filterwarnings("ignore", category=UserWarning)
            # It raises NonFiniteError at the first NaN.
            history = model.fit(data_of(FAMILIES[name], kind), batch_size=BATCH_SIZE, epochs=2, verbose=0).history
        # The error of white images can be 0, whose PSNR is infinite and part of no mean.
        figures = {log: means for log, means in history.items() if log != "psnr"}
        assert all(np.isfinite(means).all() for means in figures.values()), (title, history)
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 0
