"""TFDS builders of the zoo's own data sets, one per module. Importing this package registers them."""

from zoo.datasets import avatars, emoji, photographs

__all__ = ["avatars", "emoji", "photographs"]
