"""`GenerativeModel`: what all models of the zoo share: images drawn by `generate`, training, presets and files."""

import keras
import numpy as np

from zoo import presets
from zoo.backend import check_process
from zoo.errors import InputError, check_image_shape, check_text, shown
from zoo.exporting.destination import destination
from zoo.exporting.networks import Values, functional
from zoo.exporting.writing import write
from zoo.images import checked_floats
from zoo.nets.building import is_functional
from zoo.presets.savable import SavableModel
from zoo.sampling import batches
from zoo.sampling.conditions import Labels, labels_for
from zoo.training.checks import check_backend
from zoo.training.trainer import Trainer


class GenerativeModel(SavableModel, Trainer):
    """Base class of all models of the zoo.

    A subclass builds its networks in `__init__`, sets `self.built = True` and implements

    - `train_step(data)`: `prepare` turns the data into a batch, `update` takes a step down a loss, and `report` returns
      the logs. `test_step` supports `evaluate` and `validation_data` in the same way;
    - `sample(noise, **conditions)`: draws a batch of images. `conditions` lists what it takes besides noise;
    - `get_config()`: the arguments of `__init__`;
    - `default_networks` and `default_optimizers`, if it has any. `optimized_variables` says what each of several
      optimizers trains.

    Args:
        image_shape: `(height, width, channels)`, three positive ints.
        monitored: tuple of str. Names of all logs that `train_step` reports to `fit`.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.

    Raises:
        InputError: If `image_shape` is not three positive integers.

    Example:

    ```python
    import keras
    from keras import ops

    import zoo


    class Autoencoder(zoo.GenerativeModel):
        def __init__(self, image_shape):
            super().__init__(image_shape, monitored=("loss", "network_gradient_norm"))
            self.network = keras.Sequential([keras.Input(image_shape), keras.layers.Dense(image_shape[-1])])
            self.built = True

        def train_step(self, data):
            batch = self.prepare(data)
            logs = self.update("network", self.error, batch, self.trainable_variables, self.optimizer)
            return self.report(logs, batch)

        def error(self, batch):
            loss = ops.mean(ops.square(self.network(batch["images"]) - batch["images"]))
            return loss, {"loss": loss}
    ```
    """

    #: Conditions that `generate` takes, instances of `zoo.sampling.conditions.Condition`.
    conditions = ()
    #: `zoo.sampling.conditions.Labels` of a conditional model, or None.
    classes = None
    #: Images drawn at once. Every batch has this size, because other sizes round differently.
    generation_batch = 64
    #: Distribution of the noise of `noise_shape` that an image is drawn from: `"normal"` or `"uniform"`.
    noise_distribution = "normal"

    def __new__(cls, *args, **kwargs):
        # These checks run here because subclasses build their networks before they call `__init__` of this class.
        check_process(first=True)
        name, dtype = kwargs.get("name"), kwargs.get("dtype")
        if name is not None and "/" in check_text(name, "name"):
            raise InputError(f"name is {name!r}, expected a text without slashes.")
        try:
            keras.dtype_policies.get(dtype)
        except Exception:  # noqa: BLE001
            raise InputError(f"dtype is {shown(dtype)}, expected a dtype policy of Keras, such as 'float32'.") from None
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, image_shape, monitored, name=None, dtype=None):
        super().__init__(monitored, name=name, dtype=dtype)
        self.image_shape = check_image_shape(image_shape)

    # === Classes ===

    def set_classes(self, num_classes, class_names=None):
        """Makes the model conditional on labels of `num_classes` classes, or unconditional if that is None."""
        if num_classes is None and class_names is not None:
            raise InputError(f"class_names is {shown(class_names)}, expected None, since num_classes is None.")
        self.classes = None if num_classes is None else Labels(num_classes, class_names)

    @property
    def num_classes(self):
        """Number of classes of a conditional model, or None."""
        return None if self.classes is None else self.classes.num_classes

    @property
    def class_names(self):
        """Names of the classes, or None if unknown."""
        return None if self.classes is None else self.classes.class_names

    @property
    def is_unconditional(self):
        """Whether the model knows no classes."""
        return self.classes is None

    @property
    def label_conditions(self):
        """The labels of a conditional model as a tuple of one condition; an unconditional model has none."""
        return () if self.classes is None else (self.classes,)

    def labels_for(self, number, labels):
        """Returns the labels of `number` images; see `zoo.sampling.conditions.labels_for`."""
        return labels_for(self.classes, number, labels)

    # === Fine-tuning ===

    def fine_tune(
        self, data, steps=1000, *, output=None, validation_data=None, held_back=None, seed=0, verbose="auto", **choices
    ):
        """Fine-tunes the model on images of another kind in one call, and says what it chooses.

        It looks at the images, chooses batch size, learning rates and everything else in `Choices` for them, trains by
        `fit`, and keeps the weights that are best on images that were held back: by kernel distance on general features
        for models that draw, by error for models that translate or enlarge images, by loss for others. It ends early if
        nothing more is gained. Afterwards the model is compiled as before. Python, NumPy and Keras are seeded.

        Args:
            data: folder, array, `(images, labels)`, dict or TFDS name, as for `fit`. Images of another size are resized
                to `image_shape`; `zoo.load(name, image_shape=...)` loads a model of another size.
            steps: int, at least 1. Training steps; a model with a prior takes as many for each of both. Defaults to
                1,000.
            output: str, path or None. Folder of the preset that is written, with grids and figures in its folder
                `training`. The same call on the same preset continues a run that was killed, bit for bit. Defaults to
                None, which leaves the weights in the model alone.
            validation_data: source like `data` with images for the choice of the best weights, or None (default) to
                hold some of `data` back.
            held_back: int or None. Number of images that are held back. Defaults to None, a tenth, but at least 16 or a
                quarter and at most 500.
            seed: int from 0 to 2**32 - 1. Seed of everything that is drawn. Defaults to 0.
            verbose: as for `fit`; 0 also silences what was chosen. Defaults to `"auto"`.
            **choices: attributes of `zoo.training.choices.Choices`, such as `batch_size=16`, which are then not chosen.

        Returns:
            `zoo.training.fine_tuning.FineTuned`: a description of the data, the choices, and the figures by step.

        Raises:
            InputError: If the data does not suit the model, a choice is unknown or out of range, or `output` holds
                other things.
            DataError: If there are too few images.
            NonFiniteError: If a loss or gradient became NaN or infinite.

        Example:

        ```python
        import zoo

        gan = zoo.load("dcgan_fashion_mnist_28")
        gan.fine_tune("my_images/", steps=1000, output="my_gan/")
        images = gan.generate(16, seed=0)
        ```
        """
        # Most programs fine-tune nothing, and importing the metrics takes a moment.
        from zoo.training.fine_tuning import fine_tune

        return fine_tune(
            self,
            data,
            steps,
            output=output,
            validation_data=validation_data,
            held_back=held_back,
            seed=seed,
            verbose=verbose,
            given=choices,
        )

    # === Exporting ===

    def export(self, path, format=None):
        """Exports the networks that draw, for programs without Keras; `docs/exporting.md` describes the files.

        Images lie in [-1, 1], and batches may have any size. A folder holds each network by its name and a description
        of all, `export.json`.

        Args:
            path: str or path. A name that ends in `.onnx` or `.tflite` is the file of a single network, and a name
                without suffix a folder, which is new, empty or an earlier export.
            format: `"onnx"`, `"litert"` (formerly TensorFlow Lite), `"tf_saved_model"`, or None. Defaults to None: the
                format of the suffix, and a SavedModel in a folder.

        Raises:
            InputError: If the format is unknown or cannot hold a network, the suffix does not fit, the folder does not
                exist or holds other things, a file is asked for several networks, or the backend is not TensorFlow.
            MissingDependencyError: If a package of the extra `[export]` is missing.
            StorageError: If nothing can be written. What was there remains.

        Example:

        ```python
        import zoo

        zoo.load("dcgan_fashion_mnist_28").export("dcgan.onnx")
        zoo.load("vae_mnist_28").export("vae", format="onnx")  # vae/encoder.onnx, vae/decoder.onnx, vae/export.json
        ```
        """
        place = destination(path, format)
        check_backend("export", ["tensorflow"])
        facts = {**presets.origin_of(self), **self.exported_facts()}
        write(place, self.exported_networks(), facts, self.exported_files())

    def exported_networks(self):
        """Returns the functions that `export` writes, a dict of `zoo.exporting.networks.Network` by name.

        By default, these are the model's functional networks by the names of their attributes.
        """
        networks = {name: value for name, value in vars(self).items() if is_functional(value) and name[0] != "_"}
        if not networks:
            raise InputError(
                f"A {type(self).__name__} has no functional network to export; exported_networks() can name others."
            )
        return {name: functional(network) for name, network in networks.items()}

    def exported_facts(self):
        """Returns a dict of what programs need besides the networks, in values of JSON, for `export.json`."""
        classes = {} if self.classes is None else {"num_classes": self.num_classes, "class_names": self.class_names}
        return {"image_shape": self.image_shape, **classes}

    def exported_files(self):
        """Returns a dict of the contents of further JSON files of an exported folder, by file name."""
        return {}

    @property
    def exported_labels(self):
        """The labels among the inputs of exported networks, a dict of one entry, or none without classes."""
        return {} if self.classes is None else {"labels": Values((), "int32", (0, self.num_classes - 1))}

    # === Generating ===

    def generate(self, num_samples: int | None = None, *, seed: int | None = None, **conditions) -> np.ndarray:
        """Draws images.

        Image `i` depends on `seed` and `i` alone, so `generate(64, seed=0)[:16]` equals `generate(16, seed=0)`. The
        random state of training does not change.

        Args:
            num_samples: int, at least 1, or None. None is the number of conditions, or 1 without conditions.
            seed: int or None. With None, each call draws other images.
            **conditions: those of the model's `conditions`. The conditions of the zoo's models are

                - `labels`: integers `(num_samples,)` from 0 to `num_classes - 1`, or names of classes; one label serves
                  all images. By default labels are drawn uniformly.
                - `prompts`: list of texts, one for each image, or one text for all; default drawn from the model's
                  example prompts.
                - `source_images`: uint8 or [-1, 1] images `(num_samples, height, width, channels)`, or one image for
                  all.
                - `mask`: bool array `(height, width)`. Pixels of `source_images` are kept where it is True.
                - `latents`: `(num_samples, latent_dim)` to decode instead of random ones.
                - `truncation`: float, at least 0, that keeps latents near their mean, for better images of less
                  variety; 0 yields the mean itself. `StyleGAN` takes a factor, where 1 changes nothing; `BigGAN` takes
                  a threshold, where 2 changes little.
                - `temperature`: float, at least 0, that scales the randomness; 1 is the model's own distribution.
                - `steps`: int, at least 1. Steps in which a flow turns noise into images; more take longer, and err
                  less.
                - `guidance`: float, at least 0. How far a flow goes towards the label or prompt; 1 is its own
                  distribution.
                - `solver`: `"heun"` (default) or `"euler"`, which takes half of the time for each step and needs more.

        Returns:
            uint8 array `(num_samples, height, width, channels)`.

        Raises:
            InputError: If the class does not accept a condition, or `num_samples` is not positive or its images would
                take more than 4 GiB.
        """
        check_process()
        return batches.draw(self, num_samples, seed, conditions)

    def sample(self, noise, **conditions):
        """Maps noise to images, for `generate`.

        Args:
            noise: float32 `(generation_batch, *noise_shape)`.
            **conditions: those that the call of `generate` has, as their `checked` returns them. Conditions of single
                images have a row for each row of noise.

        Returns:
            float array `(generation_batch, height, width, channels)` in [-1, 1].
        """
        raise NotImplementedError

    @property
    def noise_shape(self):
        """Shape of the noise that one image is drawn from."""
        return (self.latent_dim,)

    def takes(self, condition):
        """Returns whether `generate` takes the condition of this name."""
        return any(each.name == condition for each in self.conditions)

    @property
    def draws_alone(self):
        """Whether `generate` works with `num_samples` alone."""
        return not any(condition.required for condition in self.conditions)

    def checked_images(self, images, name="images", image_shape=None):
        """Returns user images as float32 in [-1, 1]; the `InputError` for invalid ones calls them `name`."""
        check_process()
        return checked_floats(images, image_shape or self.image_shape, name)

    def in_batches(self, function, rows, label):
        """Applies a function to a dict of any number of rows, `generation_batch` rows at a time."""
        return batches.in_batches(function, rows, self.generation_batch, label)
