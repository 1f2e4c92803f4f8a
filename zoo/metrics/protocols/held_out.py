"""The images of a test split on which models are measured."""

import functools

import numpy as np

from zoo.datasets import avatars
from zoo.images import fit_image
from zoo.metrics import references
from zoo.progress import bar

#: Maximum number of test faces that are rendered.
MAX_TEST_FACES = 1_000


def held_out_images(dataset, model, size, data_dir):
    """Returns the first test images, and their labels if the model has classes."""
    if dataset == "avatars":
        # Rendering only these faces takes seconds; reading the data set would render the training faces, too.
        return held_out_faces(min(MAX_TEST_FACES, size.test_images), model.image_shape)[1], None
    images, labels = references.test_set(dataset, model.image_shape, data_dir)
    number = size.test_images
    return images[:number], None if model.num_classes is None else labels[:number]


@functools.lru_cache(maxsize=1)
def held_out_faces(number, image_shape):
    """Returns the first faces of the test split of `avatars` and their images, resized if the shape differs."""
    faces = [avatars.draw("test", index) for index in range(number)]
    shown = bar(faces, "drawing faces")
    return faces, np.stack([fit_image(avatars.render(face), image_shape) for face in shown])
