"""Losses and penalties as formulas over logits and densities; they know no model. `keras.ops` only."""
