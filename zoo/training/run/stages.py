"""Stages: what a run trains, on which batches, with which optimizers, and what it watches."""

import dataclasses
from collections.abc import Callable, Sequence

import keras
import numpy as np

from zoo import data
from zoo.training.epochs import in_epochs_of
from zoo.training.run.optimizers import cosine_adam


@dataclasses.dataclass
class Stage:
    """One training of a model: Adam with rates that decay to 0 along a cosine.

    Afterwards the model is compiled with constant rates, which suit fine-tuning.

    Attributes:
        images: `zoo.data.ImageSet`.
        epochs: int. Epochs, at least 1; grid, log and backup are written after each.
        batch_size: int. Images for one update.
        learning_rate: float, a pair of floats for generator and discriminator, or None (default) for the model's
            default optimizers at constant rates.
        betas: `beta_1` and `beta_2` of Adam; default `(0.9, 0.999)`.
        steps_per_epoch: int or None. Batches of an epoch, which may be more or fewer than the data has. Default None,
            one pass over the data.
        name: str. Folder of the stage within that of the run; only a run of one stage may leave it empty (default).
        metrics: callbacks that add figures to the logs; default none.
        draw: function without arguments that returns the images of the grid, or None (default) for `generate`.
        best_by: str or None. Name of a log. The stage ends with the weights of the epoch where it was lowest; default
            None, the weights of the last epoch.
        cosines: dict of ints or None. Epochs until the rate is 0, by the epoch, counted from 0, from which this length
            holds. Default None, all epochs.
        changes: dict of constructor arguments that the model has from this stage on, as in `zoo.load(name, **changes)`:
            weights that still fit are kept, others begin anew. Default none.

    Example:

    ```python
    shared = {"batch_size": 32, "learning_rate": (2e-3, 5e-4), "betas": (0.0, 0.99)}
    first = run.Stage(images, epochs=20, name="first", **shared)
    second = run.Stage(images, epochs=5, name="second", changes={"objective": "relativistic"}, **shared)
    ```
    """

    images: data.ImageSet
    epochs: int
    batch_size: int
    learning_rate: float | tuple[float, float] | None = None
    betas: tuple[float, float] = (0.9, 0.999)
    _: dataclasses.KW_ONLY
    steps_per_epoch: int | None = None
    name: str = ""
    metrics: Sequence[keras.callbacks.Callback] = ()
    draw: Callable[[], np.ndarray] | None = None
    best_by: str | None = None
    cosines: dict[int, int] | None = None
    changes: dict = dataclasses.field(default_factory=dict)

    def begin(self, model, seed):
        """Returns the network that the stage trains, and its batches."""
        return model, self.of_length(self._batches(model, seed))

    def _batches(self, model, seed):
        paired, parts = getattr(model, "trains_on_pairs", True), getattr(model, "discriminator_steps", 1)
        return data.batches(self.images, self.batch_size, seed=seed, paired=paired, parts=parts)

    def of_length(self, batches):
        """Returns batches in epochs of `steps_per_epoch`, each of which begins a new pass over the data."""
        return batches if self.steps_per_epoch is None else in_epochs_of(batches, self.steps_per_epoch)

    def compile(self, network, steps):
        """Compiles the network for so many training steps."""
        if self.learning_rate is None:
            network.compile()
            return
        beta_1, beta_2 = self.betas
        # A generator has one update in each step, its discriminator several.
        updates = (steps, steps * getattr(network, "discriminator_steps", 1))
        optimizers = [
            cosine_adam(rate, self._lengths(number), beta_1=beta_1, beta_2=beta_2)
            for rate, number in zip(self._rates, updates, strict=False)
        ]
        network.compile(*optimizers)

    def _lengths(self, updates):
        if self.cosines is None:
            return updates
        per_epoch = updates // self.epochs
        return {epoch * per_epoch: length * per_epoch for epoch, length in self.cosines.items()}

    def compile_for_fine_tuning(self, network):
        """Compiles the trained network with the rates that the training began with."""
        if self.learning_rate is not None:
            beta_1, beta_2 = self.betas
            network.compile(*(keras.optimizers.Adam(rate, beta_1=beta_1, beta_2=beta_2) for rate in self._rates))

    @property
    def _rates(self):
        return self.learning_rate if isinstance(self.learning_rate, tuple) else (self.learning_rate,)
