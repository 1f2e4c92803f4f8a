"""Models of two parts: an autoencoder, and a prior that draws what its decoder takes."""

import inspect

import keras

from zoo import keras_private
from zoo.callbacks import WarnOfStalePrior
from zoo.errors import InputError, check_count, shown
from zoo.models.generative_model import GenerativeModel
from zoo.training.checks import check_backend, check_known


class Prior(GenerativeModel):
    """Base of priors, whose images are what an encoder makes of images."""

    # The autoencoder that contains this prior draws the images.
    draws_alone = False

    def prepare(self, data):
        # What an encoder makes is not made of grey values and needs no scaling.
        return dict(self.unpack(data))

    def check_batch(self, batch, what, parts=1):
        """Checks nothing, because the autoencoder already checked the images that the batch comes from."""

    def save_to_preset(self, directory, weights_dtype="float32"):
        """Refuses to save, because a preset holds the whole autoencoder."""
        raise InputError(
            f"A {type(self).__name__} is a part of a model; save_to_preset of the model keeps both, and save keeps the "
            "prior alone."
        )


class HasPrior(GenerativeModel):
    """Base of autoencoders whose prior draws new images.

    A subclass has `prior_class`, `build_prior(**options)`, `rows(images)`, which encodes images for the prior, and at
    first the `prior` None. A class cannot have it, because under PyTorch an attribute of the class hides a layer of the
    object.
    """

    @classmethod
    def changed_arguments(cls, arguments, overrides):
        own, prior = arguments["prior"] or {}, overrides.get("prior", {})
        of_prior = {name: value for name, value in overrides.items() if name in own and name not in arguments}
        if of_prior and prior is not None:
            if isinstance(prior, dict):
                prior, _ = cls.prior_class.changed_arguments({**own, **prior}, of_prior)
            overrides = {**{name: value for name, value in overrides.items() if name not in of_prior}, "prior": prior}
        return super().changed_arguments(arguments, overrides)

    def build_prior_of(self, options):
        """Creates the prior of a constructor's argument `prior`: a dict of arguments of `build_prior`, or None."""
        if options is None:
            return
        if not isinstance(options, dict):
            raise InputError(f"prior is {shown(options)}, expected a dict of what build_prior takes.")
        parameters = inspect.signature(self.build_prior).parameters
        passes_on = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
        for name in options:
            if name not in parameters and not passes_on:
                raise InputError(f"prior has {name!r}, expected some of {', '.join(parameters)}.")
        self.build_prior(**options)

    def replace_prior(self, prior):
        """Makes another prior, or None, the model's."""
        if self.prior is not None:
            # Keras would otherwise continue to count and save the old prior.
            keras_private.untrack(self, self.prior)
        self.prior = prior

    def fit_prior(
        self,
        x,
        y=None,
        batch_size=64,
        epochs=1,
        optimizer=None,
        validation_data=None,
        shuffle=True,
        validation_batch_size=None,
        **kwargs,
    ):
        """Trains the prior on encoded images with Keras' `fit` of `self.prior`; `fit` does not train the prior.

        Args:
            x, y: images and what the prior is conditioned on: arrays, a dict, a folder, or a TFDS name.
            batch_size, epochs, shuffle, validation_batch_size: as for `fit`.
            optimizer: Keras optimizer or its name, or None. None keeps the prior's optimizer, at first Adam with a
                learning rate of 1e-3.
            validation_data: any source that `x` can be, labels included; a TFDS name reads the split `test`.
            **kwargs: further arguments of `fit`, such as `callbacks`, except `validation_split`.

        Returns:
            Keras' `History`, with the logs of the prior.

        Raises:
            InputError, DataError, NonFiniteError: As for `fit`.
        """
        check_backend("fit_prior")
        check_known("fit_prior", kwargs, keras.Model.fit, excluded=["validation_split"])
        epochs, fresh = check_count(epochs, "epochs"), self.prior is None
        image_set = self._read_for_prior(x, y, batch_size)
        validation_size = batch_size if validation_batch_size is None else validation_batch_size
        if validation_data is not None:
            validation_data = self._read_for_prior(validation_data, None, validation_size, training=False)
        try:
            if fresh:
                self.build_prior()
            if optimizer is not None or not self.prior.compiled:
                self.prior.compile(optimizer)
            # Encoding is slow, so it starts after all checks.
            dataset = self._prior_batches(image_set, batch_size, shuffle)
            if validation_data is not None:
                validation_data = self._prior_batches(
                    validation_data, validation_size, shuffle=False, drop_remainder=False
                )
            return self.prior.fit(dataset, epochs=epochs, validation_data=validation_data, **kwargs)
        except BaseException:
            if fresh and not (self.prior.compiled and int(self.prior.optimizer.iterations)):
                # A failed call must not leave behind an untrained prior, which would draw noise.
                self.replace_prior(None)
            raise

    def training_callbacks(self, dataset):
        return [*super().training_callbacks(dataset), WarnOfStalePrior()]

    def get_compile_config(self):
        config = super().get_compile_config()
        if config is not None and self.prior is not None and self.prior.compiled:
            config["prior"] = self.prior.get_compile_config()
        return config

    def compile_from_config(self, config):
        super().compile_from_config(config)
        # The prior is None if `from_preset` was told to leave it out.
        if "prior" in config and self.prior is not None:
            self.prior.compile_from_config(config["prior"])

    def prior_dataset(self, x, batch_size=64):
        """Returns the data set that `fit_prior` trains on: batches of encoded images with the conditions of each."""
        return self._prior_batches(self._read_for_prior(x, None, batch_size), batch_size)

    def _read_for_prior(self, x, y, batch_size, training=True):
        """Reads the images and conditions for `fit_prior`, and checks all of them before any image is encoded."""
        from zoo import data

        image_set = data.read(x if y is None else (x, y), self.image_shape, split="train" if training else "test")
        if self.prior is not None:
            image_set = self.prior.accepted(image_set)
        data.check_batch_size(batch_size, len(image_set.images), training)
        if self.classes is not None and training:
            self.classes.learn(image_set)
        return image_set

    def _prior_batches(self, image_set, batch_size, shuffle=True, drop_remainder=True):
        from zoo import data

        conditions = {each.name: getattr(image_set, each.name) for each in self.prior.trained_conditions}
        rows = data.ImageSet(self.rows(image_set.images), **conditions)
        return data.batches(rows, batch_size, shuffle=shuffle, drop_remainder=drop_remainder)

    @property
    def draws_alone(self):
        return self.prior is not None

    def check_prior(self):
        """Refuses a model without a prior."""
        if self.prior is None:
            raise InputError(f"This {type(self).__name__} has no prior to draw from; call fit_prior(images) first.")

    @property
    def classes(self):
        """Labels of the prior, which conditions images on classes where the autoencoder does not."""
        return None if self.prior is None else self.prior.classes
