"""Functional Keras networks. They depend on no loss and use only `keras.ops` and `keras.layers`."""
