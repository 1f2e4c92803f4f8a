"""The conditions that `generate` takes and that a model trains on, each with its own checks.

A model lists the conditions of `generate` in `conditions`, and those that its training data must hold in
`trained_conditions`. A new kind of condition is a subclass of `Condition`; neither `generate` nor `zoo sample` knows
the subclasses.
"""

import warnings

import numpy as np

from zoo import latents as latent_vectors
from zoo.arrays import as_array, as_numbers, class_numbers
from zoo.errors import InputError, check_amount, check_count, first_of, shown
from zoo.images import checked_floats
from zoo.text import texts_of


class Condition:
    """One argument of `generate`.

    Attributes:
        name: str. Name of the argument, and of the entry of a batch.
        axes_of_one: number of axes that the condition of a single image has, or None for a condition that all images of
            a call share. A condition with one axis more has a row for each image.
        is_noise: bool. Whether the condition replaces the random noise of the images.
        option: str or None. Option of the command `zoo sample`, or None if a text cannot give the condition.
        needs: str or None. Name of the condition that must be given together with this one.
        required: str or None. What a call without the condition is told, or None if the condition can be left out.

    Example:

    ```python
    from zoo.errors import check_count
    from zoo.sampling.conditions import Condition


    class Steps(Condition):
        name, option = "steps", "--steps"

        def checked(self, value):
            return check_count(value, "steps")

        def parsed(self, text):
            return int(text)
    ```
    """

    name = None
    axes_of_one = None
    is_noise = False
    option = None
    needs = None
    required = None

    def checked(self, value):
        """Returns the user's value in the form that `sample` receives, or raises `InputError`.

        A condition of single images, which has `axes_of_one`, returns an array.
        """
        raise NotImplementedError

    def parsed(self, text):
        """Returns the value that a text of the command line means, or raises `ValueError`."""
        return text

    def drawn(self, num_samples, seed):
        """Returns one condition for each image of a call that gives none, or None."""
        return None

    # === Training ===

    def check_batch_size(self, batch_size):
        """Refuses a number of images per step that the model cannot train on."""

    def read(self, image_set):
        """Returns a data set in the form that the model trains on, or raises `InputError` if it lacks the condition."""
        return image_set

    def learn(self, image_set):
        """Adopts what only the training data knows, once that data is accepted."""

    def check_batch(self, batch, what, parts):
        """Refuses a ready-made batch, a dict that messages call `what` and that a step cuts into `parts`."""

    def prepared(self, batch, monitor, step):
        """Returns the entry of a batch as the model's losses take it; `monitor` records invalid numbers."""
        raise NotImplementedError


class Amount(Condition):
    """A number that all images of a call share, such as the temperature.

    Args:
        name: str. Name of the argument.
        least: float. Smallest number that is accepted. Defaults to 0.
    """

    def __init__(self, name, least=0.0):
        self.name, self.option, self.least = name, f"--{name}", least

    def checked(self, value):
        check_amount(value, self.name)
        if value < self.least:
            raise InputError(f"{self.name} is {shown(value)}, expected a number of at least {self.least:g}.")
        return value

    def parsed(self, text):
        return float(text)


class Steps(Condition):
    """The number of steps in which all images of a call are drawn."""

    name, option = "steps", "--steps"

    def checked(self, value):
        return check_count(value, self.name)

    def parsed(self, text):
        return int(text)


class Solver(Condition):
    """The method that integrates the velocity of all images of a call.

    Args:
        known: names of the methods.
    """

    name, option = "solver", "--solver"

    def __init__(self, known):
        self.known = tuple(known)

    def checked(self, value):
        if not isinstance(value, str) or value not in self.known:
            raise InputError(f"solver is {shown(value)}, expected {' or '.join(map(repr, self.known))}.")
        return value


def temperature(of_uniform_noise=False):
    """Returns the condition `temperature`, which scales the randomness of an image.

    Args:
        of_uniform_noise: bool. Whether the model raises probabilities to 1 / temperature, a power that float32 has to
            hold, so that the temperature is at least 1e-6. Defaults to False.
    """
    return Amount("temperature", least=1e-6 if of_uniform_noise else 0.0)


class Latents(Condition):
    """Latents `(n, latent_dim)` to decode instead of random ones."""

    name, axes_of_one, is_noise = "latents", 1, True

    def __init__(self, latent_dim):
        self.latent_dim = latent_dim

    def checked(self, value, name="latents"):
        latents = as_numbers(value, name, f"finite numbers (n, {self.latent_dim})")
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim or len(latents) == 0:
            raise InputError(f"{name} has shape {latents.shape}, expected (n, {self.latent_dim}).")
        return latents


class StyleLatents(Latents):
    """Latents `(n, latent_dim)`, or one for each layer of a style-based generator `(n, num_layers, latent_dim)`."""

    def __init__(self, latent_dim, num_layers):
        super().__init__(latent_dim)
        self.num_layers = num_layers

    def checked(self, value, name="latents"):
        latents = as_array(value, name)
        if latents.ndim != 3:
            return super().checked(latents, name)
        if latents.shape[1:] != (self.num_layers, self.latent_dim):
            raise InputError(
                f"{name} has shape {latents.shape}, expected (n, {self.latent_dim}) or "
                f"(n, {self.num_layers}, {self.latent_dim})."
            )
        return super().checked(latents.reshape(-1, self.latent_dim), name).reshape(latents.shape)


class Labels(Condition):
    """Labels of classes, as integers or as names of classes regardless of case.

    Args:
        num_classes: int, at least 1. Number of classes.
        class_names: list of `num_classes` texts that differ in more than their case, or None. Defaults to None.

    Raises:
        InputError: If an argument is out of range.
    """

    name, axes_of_one, option = "labels", 0, "--label"

    def __init__(self, num_classes, class_names=None):
        self.num_classes = check_count(num_classes, "num_classes")
        self.class_names = None if class_names is None else self._checked_names(class_names)

    def _checked_names(self, class_names):
        names = tuple(texts_of(class_names, "class_names", "names"))
        if len(names) != self.num_classes:
            raise InputError(f"class_names has {len(names)} names, expected num_classes={self.num_classes}.")
        if len({name.casefold() for name in names}) < len(names):
            raise InputError(f"class_names is {', '.join(names)}, expected names that differ in more than their case.")
        return names

    def checked(self, value):
        expected = f"expected integers from 0 to {self.num_classes - 1}"
        try:
            labels = as_array(value, "labels")
        except InputError:
            raise InputError(f"labels is no array, {expected}.") from None
        if labels.dtype.kind == "U":
            labels = self._numbers(labels)
        if not np.issubdtype(labels.dtype, np.integer) or labels.ndim > 1 or labels.size == 0:
            raise InputError(
                f"labels has dtype {labels.dtype} and shape {labels.shape}, {expected}, one for each image."
            )
        if labels.min() < 0 or labels.max() >= self.num_classes:
            raise InputError(f"labels holds values from {labels.min()} to {labels.max()}, {expected}.")
        return labels.astype("int32")

    def _numbers(self, names):
        """Returns the labels of classes by their names."""
        if self.class_names is None:
            raise InputError(
                f"labels holds {str(names.flat[0])!r}, but the names of the classes are not known, expected integers "
                f"from 0 to {self.num_classes - 1}."
            )
        known = {name.casefold(): label for label, name in enumerate(self.class_names)}
        for name in names.flat:
            if name.casefold() not in known:
                raise InputError(f"labels holds {str(name)!r}, expected names among {', '.join(self.class_names)}.")
        return np.vectorize(lambda name: known[name.casefold()], otypes=["int32"])(names)

    def parsed(self, text):
        # The names of the classes of digits are digits, too.
        is_name = text.casefold() in map(str.casefold, self.class_names or ())
        return int(text) if text.isdecimal() and not is_name else text

    def drawn(self, num_samples, seed):
        return latent_vectors.sample_labels(num_samples, self.num_classes, seed)

    # === Training ===

    def read(self, image_set):
        self._check_classes(image_set.class_names)
        self._check_present(image_set.labels)
        return image_set

    def _check_classes(self, names):
        """Refuses a data set whose classes differ from the model's in number, names or order."""
        if names is None:
            return
        if len(names) != self.num_classes:
            raise InputError(
                f"x has {len(names)} classes ({', '.join(names)}), expected num_classes={self.num_classes}."
            )
        known = names if self.class_names is None else self.class_names
        if [name.casefold() for name in names] != [name.casefold() for name in known]:
            raise InputError(
                f"x has the classes {', '.join(names)}, expected those of the model in its order: {', '.join(known)}."
            )

    def _check_present(self, labels):
        if labels is None:
            raise InputError(f"x has no labels, expected one for each image, since num_classes is {self.num_classes}.")
        self.checked(labels)

    def learn(self, image_set):
        if self.class_names is None and image_set.class_names is not None:
            self.class_names = self._checked_names(image_set.class_names)
        single = np.flatnonzero(np.bincount(image_set.labels) == 1)
        if single.size:
            names = [str(label if self.class_names is None else self.class_names[label]) for label in single]
            warnings.warn(
                f"Classes with a single image in x: {first_of(names)}; a model repeats it instead of learning what "
                "such a class looks like.",
                stacklevel=4,
            )

    def check_batch(self, batch, what, parts):
        labels = batch.get("labels")
        if labels is not None:
            width = np.shape(labels)[1:]
            if len(width) == 1 and width != (self.num_classes,):
                raise InputError(f"{what} has labels in rows of {width[0]}, expected num_classes={self.num_classes}.")
            labels = class_numbers(labels)
            # Only `generate` takes names of classes; Keras trains on numbers.
            if labels.dtype.kind == "U":
                raise InputError(f"{what} has labels of text, expected integers.")
        self._check_present(labels)

    def prepared(self, batch, monitor, step):
        if "labels" not in batch:
            raise InputError(
                f"A batch has no labels, expected one for each image, since num_classes is {self.num_classes}."
            )
        return monitor.labels(batch["labels"], self.num_classes, step)


def labels_for(classes, number, labels):
    """Checks the labels of `number` given images.

    Args:
        classes: `Labels` of the model, or None for a model without classes.
        number: int. Number of images.
        labels: integers or names `(number,)`, one for all images, or None.

    Returns:
        int32 array `(number,)`, or None for a model without classes.

    Raises:
        InputError: If labels are missing, out of range or of another number, or the model has no classes.
    """
    if classes is None:
        if labels is not None:
            raise InputError("labels were given to a model without classes, expected None.")
        return None
    if labels is None:
        raise InputError(f"labels is None, expected integers from 0 to {classes.num_classes - 1}.")
    labels = classes.checked(labels)
    if labels.ndim and len(labels) != number:
        raise InputError(f"labels has {len(labels)} rows, expected one for each of {number} images.")
    return np.broadcast_to(labels, number)


class Prompts(Condition):
    """Texts as rows of word numbers.

    Args:
        tokenizer: `zoo.text.Tokenizer`.
        examples: list of texts that images of a call without prompts are drawn from, or None. Defaults to None.
        compared: bool. Whether training tells the prompts of a step apart, so that it needs several. Defaults to True.

    Raises:
        InputError: If `examples` holds other things than texts, or is empty.
    """

    name, axes_of_one, option = "prompts", 1, "--prompt"

    def __init__(self, tokenizer, examples=None, compared=True):
        self.tokenizer, self._compared = tokenizer, compared
        if examples is not None and not (examples := texts_of(examples, "example_prompts")):
            raise InputError("example_prompts is [], expected a list of texts, or None.")
        self.examples = None if examples is None else tuple(examples)
        self._tokens = None if examples is None else tokenizer(self.examples)

    @property
    def required(self):
        return "prompts is None, expected one text or one for each image." if self.examples is None else None

    def checked(self, value):
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value.item()
        one = isinstance(value, str)
        prompts = [value] if one else texts_of(value, "prompts")
        if not prompts:
            raise InputError("prompts is empty, expected one text or a list of one for each image.")
        rows = self.tokenizer(prompts)
        return rows[0] if one else rows

    def checked_for(self, number, value):
        """Returns the word numbers of the prompts of `number` given images, or raises `InputError`."""
        if value is None:
            raise InputError("prompts is None, expected one text or one for each image.")
        rows = self.checked(value)
        if rows.ndim > 1 and len(rows) != number:
            raise InputError(f"prompts has {len(rows)} texts, expected one for each of {number} images.")
        return np.broadcast_to(rows, (number, self.tokenizer.max_words))

    def drawn(self, num_samples, seed):
        return self._tokens[latent_vectors.sample_labels(num_samples, len(self.examples), seed)]

    # === Training ===

    def check_batch_size(self, batch_size):
        if self._compared and batch_size == 1:
            raise InputError("batch_size is 1, expected at least 2: prompts are told apart from one another.")

    def read(self, image_set):
        if image_set.prompts is None:
            raise InputError("x has no prompts, expected a dict of images and prompts, one text for each image.")
        if image_set.prompts.dtype.kind != "U":
            # What `fit` has read and split holds word numbers.
            rows = image_set.prompts.reshape(-1, image_set.prompts.shape[-1])
            self._check_rows({"prompts": rows}, "x")
            self._check_tokens(image_set.prompts, "x")
            return image_set
        tokens = self.tokenizer(image_set.prompts.ravel().tolist())
        return image_set._replace(prompts=tokens.reshape(*image_set.prompts.shape, -1))

    def check_batch(self, batch, what, parts):
        self._check_rows(batch, what)
        prompts = as_array(batch["prompts"], "prompts")
        self._check_tokens(prompts, what)
        if self._compared and len(prompts) < 2 * parts:
            raise InputError(
                f"{what} has {len(prompts)} prompts, expected at least {2 * parts}, 2 for each discriminator step: "
                "they are told apart from one another."
            )

    def _check_tokens(self, prompts, what):
        if prompts.dtype.kind not in "iu" or prompts.min() < 0 or prompts.max() >= self.tokenizer.size:
            raise InputError(
                f"{what} has prompts of {prompts.dtype} from {prompts.min()} to {prompts.max()}, "
                f"expected word numbers from 0 to {self.tokenizer.size - 1}, as `tokenize` makes them."
            )

    def prepared(self, batch, monitor, step):
        self._check_rows(batch, "A batch")
        return monitor.integers("prompts", batch["prompts"], self.tokenizer.size, step, (self.tokenizer.max_words,))

    def _check_rows(self, batch, what):
        expected = f"word numbers (n, {self.tokenizer.max_words}) as `tokenize` makes them"
        if "prompts" not in batch:
            raise InputError(f"{what} has the keys {sorted(batch)}, expected prompts too, {expected}.")
        shape = np.shape(batch["prompts"])
        if tuple(shape[1:]) != (self.tokenizer.max_words,):
            raise InputError(f"{what} has prompts of shape {tuple(shape)}, expected {expected}.")


class SourceImages(Condition):
    """Images that each new image is made from.

    Args:
        image_shape: `(height, width, channels)` of the source images.
        made: function that makes the source images of a batch of images that holds none, or None if a batch must hold
            them. Defaults to None.
    """

    name, axes_of_one = "source_images", 3
    required = "source_images is None, expected the images that new ones are made from."

    def __init__(self, image_shape, made=None):
        self.image_shape, self._made = image_shape, made

    def checked(self, value):
        images = as_array(value, "source_images")
        one = images.ndim == 3
        checked = checked_floats(images[None] if one else images, self.image_shape, "source_images")
        return checked[0] if one else checked

    # === Training ===

    def check_batch(self, batch, what, parts):
        if "source_images" in batch:
            checked_floats(batch["source_images"], self.image_shape, "source_images")
        elif self._made is None:
            raise InputError(f"{what} has the keys {sorted(batch)}, expected source_images too.")

    def prepared(self, batch, monitor, step):
        if "source_images" in batch:
            return monitor.images("source_images", batch["source_images"], self.image_shape, step)
        if self._made is None:
            raise InputError("A batch has no source_images, expected what its images are made from.")
        return self._made(batch["images"])


class CompletedImages(SourceImages):
    """Images of which `mask` says what is kept."""

    needs, required = "mask", None


class Mask(Condition):
    """The pixels of `source_images` that are kept, for all images of a call.

    Args:
        image_shape: `(height, width, channels)` of the images.
    """

    name, needs = "mask", "source_images"

    def __init__(self, image_shape):
        self.image_shape = image_shape

    def checked(self, value):
        mask = as_array(value, "mask")
        if mask.dtype != bool or mask.shape != self.image_shape[:2]:
            raise InputError(
                f"mask has dtype {mask.dtype} and shape {mask.shape}, expected bool {self.image_shape[:2]}."
            )
        return mask
