"""What trainings do to image sets before they begin."""

import numpy as np


def mirrored(image_set):
    """Returns an image set followed by its mirror images, for motifs without a side."""
    twice = {
        field: np.concatenate([rows, rows[:, :, ::-1] if field in ("images", "source_images") else rows])
        for field, rows in image_set._asdict().items()
        if rows is not None and field != "class_names"
    }
    return image_set._replace(**twice)


def spread(items, number=27):
    """Returns some of an array's items, evenly spread; triples of 27 items fill a square grid."""
    return items[np.linspace(0, len(items) - 1, number).astype(int)]
