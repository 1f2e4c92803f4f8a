"""Losses and penalties as formulas over logits and densities; they know no model. `keras.ops` only."""

# All of them, since a preset may name any and Keras finds only classes whose module was imported.
from zoo.objectives import adversarial, augment, likelihoods, penalties, variational

__all__ = ["adversarial", "augment", "likelihoods", "penalties", "variational"]
