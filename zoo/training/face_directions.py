"""The directions in a VAE's latent space in which a face of `avatars` smiles, wears glasses and turns its head."""

import numpy as np

from zoo.datasets import avatars
from zoo.metrics import editing, features

# Of the 40,000 training faces, the directions are found on the first, and the last choose how far an edit goes.
_LABELLED, _TUNED = 39_000, 1_000
# The values that an edit adds and removes. All other values are columns of their own, which the edit leaves alone.
_VALUES = {"smile": {"mouth": ("open_smile", "sad")}, "glasses": {"eyewear": ("square", "none")}}


def learn_face_directions(model, images, attributes, amounts):
    """Teaches a VAE the attributes `smile` and `glasses`, each with one amount for all faces, and `rotation`.

    The amount is the one of which the worst share of edited faces is best: those that change as requested, and those
    that keep each other attribute.

    Args:
        model: trained `zoo.BetaVAE`.
        images: training faces `(n, h, w, 3)`, uint8.
        attributes: dict of arrays `(n,)` by attribute, as `zoo.data.attributes` returns it.
        amounts: floats, the amounts of an edit to choose from.

    Example:

    ```python
    learn_face_directions(model, train.images, zoo.data.attributes("avatars"), amounts=(0.9, 1.0, 1.1))
    ```
    """
    # Dark glasses are left out, because they hide the eyes.
    shown = np.flatnonzero(attributes["eyes"][:_LABELLED] != avatars.CHOSEN["eyes"].index(avatars.HIDDEN))
    labelled, labels = images[shown], {name: values[shown] for name, values in attributes.items()}
    reader = features.AvatarAttributes()
    for attribute, values in _VALUES.items():
        present, others = labels[attribute], _one_hot(labels, values)
        model.learn_attribute(attribute, labelled, present, others)
        truth = attributes[attribute][-_TUNED:]
        shares = editing.edit_shares(model, images[-_TUNED:], truth, attribute, reader, amounts)
        for amount, (flipped, kept) in zip(amounts, shares, strict=True):
            print(f"{attribute}, amount {amount}: {flipped:.3f} change, {kept}")
        worst = [min(flipped, *kept.values()) for flipped, kept in shares]
        model.learn_attribute(attribute, labelled, present, others, scale=amounts[int(np.argmax(worst))])
    # Clockwise against counter-clockwise, with everything else unchanged.
    model.learn_attribute("rotation", labelled, labels["rotation"] > 0, _one_hot(labels))


def _one_hot(attributes, left_out=None):
    """Returns a column for every value but those `left_out`, the first one of other attributes, and `hidden`."""
    left_out = {name: values[:1] for name, values in avatars.CHOSEN.items()} | (left_out or {})
    columns = [
        attributes[name] == index
        for name, values in avatars.CHOSEN.items()
        for index, value in enumerate(values)
        if value not in (*left_out[name], avatars.HIDDEN)
    ]
    return np.stack(columns, 1)
