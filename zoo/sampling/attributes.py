"""The latent directions of attributes, such as a smile, that `edit` of a VAE moves along."""

import base64

import numpy as np
from keras import ops

from zoo import latents as latent_vectors
from zoo.arrays import as_numbers
from zoo.errors import InputError, shown
from zoo.exporting.networks import Network, Values


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

    def exported_networks(self):
        """Returns the network that edits latents as `zoo.latents.move` does, or none if no attribute is known."""
        if not self._directions:
            return {}
        directions = np.stack([_as_changes(self._directions[name]) for name in self.names]).swapaxes(0, 1)

        def edit(latents, attribute, amount):
            amount = amount[:, None, None]
            with_ones = ops.concatenate([ops.ones_like(latents[:, :1]), latents], axis=-1)[:, None]
            without, with_it = (ops.matmul(with_ones, ops.take(part, attribute, axis=0)) for part in directions)
            return {"edited": latents + (amount * ops.where(amount < 0, with_it, without))[:, 0]}

        attribute = Values((), "int32", (0, len(self.names) - 1))
        latents = Values(directions.shape[-1:])
        return {"edit": Network(edit, {"latents": latents, "attribute": attribute, "amount": Values(())})}

    def as_texts(self):
        """Returns the directions as texts, which are compact where JSON would write each number on a line."""
        return {
            name: base64.b64encode(direction.astype("<f4").tobytes()).decode()
            for name, direction in self._directions.items()
        }


def _as_changes(direction):
    """Returns a direction that suits all latents in the form of those that depend on them, `(2, d + 1, d)`."""
    if direction.ndim == 3:
        return direction
    changes = np.zeros((2, len(direction) + 1, len(direction)), "float32")
    changes[:, 0] = direction
    return changes


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
