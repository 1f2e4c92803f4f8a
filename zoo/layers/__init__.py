"""Layers that Keras lacks. They depend on no network and no loss."""
