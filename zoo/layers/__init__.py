"""Layers that Keras has not; they know no network and no loss."""
