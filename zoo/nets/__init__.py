"""Functional Keras networks that know no loss; `keras.ops` and `keras.layers` only."""
