"""Metrics of face editing: whether an edit shows the requested change and nothing else."""

import numpy as np

from zoo.datasets import avatars

# Attributes of a face that each edited attribute determines, and that may change with it.
COVERS = {"smile": ("mouth",), "glasses": ("eyewear",)}
# Rotations in degrees that differ by less are not visible.
_SAME_ROTATION = 3.0


def edit_shares(model, images, present, attribute, reader, amounts=(1.0,)):
    """Adds an attribute to faces that lack it, removes it from those that have it, and measures the results.

    Args:
        model: model with `edit` that knows `attribute`.
        images: uint8 faces `(n, h, w, 3)`.
        present: `(n,)` booleans, whether each face has the attribute.
        attribute: one of `COVERS`.
        reader: `zoo.metrics.features.AvatarAttributes`.
        amounts: amounts of the edit, each used for all faces; its negative removes the attribute. Default `(1.0,)`.

    Returns:
        List with a tuple per amount: the share of faces whose attribute is read as requested after the edit (with
        details kept), and the `kept_shares` relative to the original faces.
    """
    present = np.asarray(present, bool)
    before = reader(images)
    found = []
    for amount in amounts:
        after = reader(model.edit(images, attribute, np.where(present, -amount, amount), keep_details=True))
        found.append((float(np.mean(after[attribute] != present)), kept_shares(before, after, attribute)))
    return found


def kept_shares(before, after, attribute):
    """Computes, for each attribute that `attribute` does not determine, the share of faces that keep its value.

    Rotations within 3 degrees count as equal. Eyes and eyebrows are compared only where sunglasses hide them neither
    before nor after.

    Args:
        before, after: what `AvatarAttributes` reads from the same faces before and after the change.
        attribute: the attribute that was changed, one of `COVERS`.

    Returns:
        Dict of floats from 0 to 1 by the names of the attributes of the data set `avatars`.
    """
    kept = {}
    for name in [*avatars.CHOSEN, "rotation"]:
        if name in COVERS[attribute]:
            continue
        if name == "rotation":
            same = np.abs(after[name] - before[name]) < _SAME_ROTATION
        else:
            same = after[name] == before[name]
        if attribute == "glasses" and name in ("eyes", "eyebrows"):
            hidden = avatars.CHOSEN[name].index(avatars.HIDDEN)
            same = same[(before[name] != hidden) & (after[name] != hidden)]
        kept[name] = float(np.mean(same)) if len(same) else 1.0
    return kept
