"""Whether an edited face shows the change that was asked for, and nothing else."""

import numpy as np

from zoo.datasets import avatars

# What an attribute of faces decides besides itself, which may change with it.
COVERS = {"smile": ("mouth",), "glasses": ("eyewear",)}
# Less than what the eye sees.
_SAME_ROTATION = 3.0


def edit_shares(model, images, present, attribute, reader, amounts=(1.0,)):
    """Gives an attribute to faces that lack it and takes it from those that have it, and reads the results.

    Args:
        model: one with `edit` that knows `attribute`.
        images: uint8 faces `(n, h, w, 3)`.
        present: `(n,)` booleans, whether a face has the attribute.
        attribute: one of `COVERS`.
        reader: `zoo.metrics.features.AvatarAttributes`.
        amounts: of the edit, each the same for all faces; its negative takes the attribute away.

    Returns:
        For each amount the share of faces on which the attribute is read as asked once it is edited, with details
        kept, and the `kept_shares` beside the faces as they were.
    """
    present = np.asarray(present, bool)
    before = reader(images)
    found = []
    for amount in amounts:
        after = reader(model.edit(images, attribute, np.where(present, -amount, amount), keep_details=True))
        found.append((float(np.mean(after[attribute] != present)), kept_shares(before, after, attribute)))
    return found


def kept_shares(before, after, attribute):
    """For each attribute of the data set `avatars` but those that `attribute` decides, the share of equal readings.

    A rotation counts as the same within 3 degrees; the eyes and eyebrows that sunglasses hide in one of the two are not
    compared.

    Args:
        before, after: what `AvatarAttributes` reads off the same faces without and with the change.
        attribute: the one that was changed, of `COVERS`.
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
