"""Losses and penalties as formulas of logits and densities. They depend on no model and use `keras.ops` only."""

# A preset may name any of these classes, and Keras only finds classes whose module was imported.
from zoo.objectives import adversarial, augment, likelihoods, penalties, variational

__all__ = ["adversarial", "augment", "likelihoods", "penalties", "variational"]
