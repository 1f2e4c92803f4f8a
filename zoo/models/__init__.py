"""The model classes; importing this module registers them with Keras."""
