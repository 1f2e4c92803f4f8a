"""The pictures of a run: what grids and cards show of models that do more than draw samples."""

import numpy as np

from zoo import latents
from zoo.bicubic import resize_bicubic
from zoo.images import grid
from zoo.metrics import nearest_images
from zoo.training.image_sets import spread

# Rows, columns, and coarse layers of the grid of mixed styles (Karras et al. 2019, figure 3).
_COARSE, _FINE, _COARSE_LAYERS = 4, 7, 1


def nearest_pairs(samples, train_images):
    """Returns each sample followed by the training image nearest to it in pixels, `(2 * n, h, w, c)`."""
    nearest, _ = nearest_images(samples, train_images)
    return np.stack([samples, train_images[nearest]], 1).reshape(-1, *samples.shape[1:])


def reconstructions(model, images):
    """Returns each image followed by the model's reconstruction of it, `(2 * n, h, w, c)`."""
    return np.stack([images, model.reconstruct(images)], 1).reshape(-1, *model.image_shape)


def translations(model, image_set):
    """Returns some source images of a set, each followed by its translation and by the true image, `(81, h, w, c)`."""
    sources = spread(image_set.source_images)
    shown = [sources, model.translate(sources), spread(image_set.images)]
    same_channels = [np.broadcast_to(images, (*images.shape[:3], model.image_shape[-1])) for images in shown]
    return np.stack(same_channels, 1).reshape(-1, *model.image_shape)


def enlargements(model, image_set):
    """Returns some small images of a set enlarged bicubically, by the model, and as they are large, `(81, h, w, c)`."""
    large = spread(image_set.images)
    if image_set.source_images is None:
        small = [resize_bicubic(image, model.source_shape[:2]) for image in large]
    else:
        small = spread(image_set.source_images)
    bicubic = [resize_bicubic(image, model.image_shape[:2]) for image in small]
    shown = [bicubic, [model.upscale(image) for image in small], large]
    return np.stack(shown, 1).reshape(-1, *model.image_shape)


def prompted(model, prompts, seed=0):
    """Returns a grid of five images of each prompt, a prompt a row."""
    return grid(model.generate(prompts=np.repeat(prompts, 5), seed=seed), columns=5)


def swept(model, condition):
    """Returns a grid of the same noise with each value of a condition in `protocols.CURVES`, a row each.

    A model with classes has a column for each.
    """
    # The protocols import data sets, and these TensorFlow.
    from zoo.metrics import protocols

    columns = model.num_classes or 8
    labels = {"labels": np.arange(columns)} if model.num_classes else {}
    rows = [model.generate(columns, **labels, seed=0, **{condition: each}) for each in protocols.CURVES[condition]]
    return grid(np.concatenate(rows), columns=columns)


def style_mixing(model):
    """Returns a grid that mixes the coarse styles of its first column with the fine styles of its first row."""
    z = latents.sample(_COARSE + _FINE, model.noise_shape, seed=0)
    images = model.generate(latents=z)
    corner = np.full((1, *model.image_shape), 255, "uint8")
    rows = [np.concatenate([corner, images[_COARSE:]])]
    for image, row in zip(images, model.mix_styles(z[:_COARSE], z[_COARSE:], _COARSE_LAYERS), strict=False):
        rows.append(np.concatenate([image[None], row]))
    return grid(np.concatenate(rows), columns=1 + _FINE)


def drawing(model, image_set):
    """Returns a function that draws the images of a grid; None for models that draw samples."""
    if hasattr(model, "upscale"):
        return lambda: enlargements(model, image_set)
    if hasattr(model, "translate"):
        return lambda: translations(model, image_set)
    return None
