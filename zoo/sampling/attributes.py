"""The latent directions of attributes, such as a smile, that `edit` of a VAE moves along."""

import base64

import numpy as np

from zoo import latents as latent_vectors
from zoo.arrays import as_numbers
from zoo.errors import InputError, shown


class AttributeDirections:
    """Directions by the name of an attribute.

    Args:
        directions: dict of directions as `zoo.latents.attribute_direction` or `attribute_changes` return them, or of
            the texts of `as_texts`, or None.
        latent_dim: int. Size of the latent vector.

    Raises:
        InputError: If `directions` is no such dict.
    """

    def __init__(self, directions, latent_dim):
        if not isinstance(directions, (dict, type(None))):
            raise InputError(f"attribute_directions is {shown(directions)}, expected a dict by attribute, or None.")
        self._directions = {name: _direction(value, name, latent_dim) for name, value in (directions or {}).items()}

    @property
    def names(self):
        """Sorted names of the attributes."""
        return sorted(self._directions)

    def of(self, attribute):
        """Returns the direction of an attribute, or raises `InputError` if it is unknown."""
        if not isinstance(attribute, str) or attribute not in self._directions:
            known = ", ".join(self.names) or "none; learn_attribute finds them from labelled images"
            raise InputError(f"attribute is {shown(attribute)}, expected one of: {known}.")
        return self._directions[attribute]

    def learn(self, name, latents, present, others, scale):
        """Finds the direction of an attribute from labelled latents; see `VAE.learn_attribute`."""
        if others is None:
            direction = latent_vectors.attribute_direction(latents, present)
        else:
            direction = latent_vectors.attribute_changes(latents, present, others)
        self._directions[name] = np.float32(scale) * direction

    def as_texts(self):
        """Returns the directions as texts, which are compact where JSON would write each number on a line."""
        return {
            name: base64.b64encode(direction.astype("<f4").tobytes()).decode()
            for name, direction in self._directions.items()
        }


def _direction(value, attribute, latent_dim):
    """Returns the array of an entry of `attribute_directions`, which may be text of `get_config`."""
    shapes, name = ((latent_dim,), (2, latent_dim + 1, latent_dim)), f"attribute_directions[{shown(attribute)}]"
    if isinstance(value, str):
        try:
            value = np.frombuffer(base64.b64decode(value, validate=True), "<f4")
        except ValueError:
            raise InputError(f"{name} is {value[:20]!r}, expected an array or text of get_config.") from None
        if value.size == np.prod(shapes[1]):
            value = value.reshape(shapes[1])
    expected = " or ".join(map(str, shapes))
    value = as_numbers(value, name, expected)
    if value.shape not in shapes:
        raise InputError(f"{name} has shape {value.shape}, expected {expected}.")
    return value
