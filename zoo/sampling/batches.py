"""Drawing images batch by batch: the same image for the same seed and index, whatever the number of images."""

import numpy as np

from zoo import latents as latent_vectors
from zoo.arrays import check_number_of_images
from zoo.errors import InputError
from zoo.images import to_uint8
from zoo.progress import bar


def draw(model, num_samples, seed, given):
    """Draws the images of a call of `generate`.

    Args:
        model, num_samples, seed, given: as for `parts`.

    Returns:
        uint8 array `(num_samples, height, width, channels)`.

    Raises:
        InputError: As for `parts`.
    """
    num_samples, drawn = parts(model, num_samples, seed, given)
    images, start = np.empty((num_samples, *model.image_shape), "uint8"), 0
    for part in drawn:
        images[start : start + len(part)] = part
        start += len(part)
    return images


def parts(model, num_samples, seed, given, alike=False):
    """Checks a call of `generate`, and draws its images part by part, as the parts are asked for.

    Args:
        model: model with `conditions`, `noise_shape`, `noise_distribution`, `generation_batch` and `sample`.
        num_samples: int or None. None is the number of the conditions' rows, or 1.
        seed: int or None. None draws a new seed.
        given: dict of the user's conditions, None where one is not given.
        alike: bool. Whether conditions that are not given are drawn once, for all images. Defaults to False.

    Returns:
        The number of images, and an iterator of uint8 arrays `(n, height, width, channels)`.

    Raises:
        InputError: If the model takes no such condition, lacks a required one, or an argument is out of range.
    """
    declared = {condition.name: condition for condition in model.conditions}
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in declared:
            known = ", ".join(("num_samples", *declared, "seed"))
            raise InputError(f"{type(model).__name__}.generate does not understand {name}; it takes {known}.")
    for name, condition in declared.items():
        if name not in given and condition.required:
            raise InputError(condition.required)
        if name in given and condition.needs and condition.needs not in given:
            together = " and ".join(other for other in declared if other in (name, condition.needs))
            raise InputError(f"{condition.needs} is None, expected {together} together.")
    values = {name: condition.checked(given[name]) for name, condition in declared.items() if name in given}
    rows = {name: values.pop(name) for name in list(values) if declared[name].axes_of_one is not None}
    num_samples, rows = _one_for_each(rows, declared, num_samples, model.image_shape)
    seed = latent_vectors.fresh_seed() if seed is None else latent_vectors.check_seed(seed)
    for name, condition in declared.items():
        drawn = None if name in given else condition.drawn(1 if alike else num_samples, seed)
        if drawn is not None:
            rows[name] = np.repeat(drawn, num_samples, axis=0) if alike else drawn
    return num_samples, _drawn(model, num_samples, seed, declared, rows, values)


def _drawn(model, num_samples, seed, declared, rows, values):
    """Yields the images, batch by batch, from conditions with a row for each image and values that all share."""
    noise_shape, size = model.noise_shape, model.generation_batch
    noise = next((rows.pop(name) for name, condition in declared.items() if condition.is_noise and name in rows), None)
    for start in bar(range(0, num_samples, size), "generating", unit="batch"):
        stop = min(start + size, num_samples)
        part = (
            latent_vectors.sample(stop - start, noise_shape, seed, start, model.noise_distribution)
            if noise is None
            else noise[start:stop]
        )
        batch = {name: padded(values[start:stop], size) for name, values in rows.items()}
        yield to_uint8(model.sample(padded(part, size), **batch, **values)[: stop - start])


def _one_for_each(rows, declared, num_samples, image_shape):
    """Returns the number of images, and the conditions with one row for each of them."""
    for name, value in rows.items():
        if num_samples is None and value.ndim > declared[name].axes_of_one:
            num_samples = len(value)
    num_samples = check_number_of_images(1 if num_samples is None else num_samples, image_shape)
    for name, value in rows.items():
        if value.ndim == declared[name].axes_of_one:
            rows[name] = np.broadcast_to(value, (num_samples, *value.shape))
        elif len(value) != num_samples:
            raise InputError(f"{name} has {len(value)} rows, expected num_samples={num_samples}.")
    return num_samples, rows


def padded(rows, size):
    """Returns the rows of a batch with rows of zeros added up to `size`, because other sizes round differently."""
    batch = np.zeros((size, *rows.shape[1:]), rows.dtype)
    batch[: len(rows)] = rows
    return batch


def in_batches(function, rows, size, label):
    """Applies a function to any number of rows, `size` at a time.

    Args:
        function: function of keyword arguments, batches of `size` rows, that returns an array of `size` rows.
        rows: dict from the names of the arguments to arrays of equally many rows, at least one.
        size: int. Rows of a batch.
        label: str. Label of the progress bar.

    Returns:
        Array of as many rows.
    """
    number, results = len(next(iter(rows.values()))), []
    for start in bar(range(0, number, size), label):
        batch = {name: padded(values[start : start + size], size) for name, values in rows.items()}
        results.append(function(**batch)[: number - start])
    return np.concatenate(results)
