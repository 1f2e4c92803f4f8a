"""One tiny builder for each model class: the only place to touch so that the contract suite tests a new family.

A family states its options, its data and its conditions; what `test_contract.py` asks of it follows from that.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from helpers import NUM_CLASSES, SHAPE, images

import zoo
from zoo.objectives.augment import AdaptiveAugment
from zoo.objectives.penalties import R1

#: The exported classes that users derive from and never build.
BASES = {"GenerativeModel", "AdversarialModel"}
CLASS_NAMES = ("Shirt", "Ankle boot", "Bag")
PROMPTS = ("a man", "a woman with red hair", "a man with a hat", "woman")
WORDS = ("a", "man", "woman", "with", "red", "hair", "hat")


@dataclasses.dataclass(frozen=True)
class Family:
    """How one model class is built small, and what it takes beside images.

    Args:
        options: arguments of the constructor after `image_shape`.
        image_shape: shape of the images.
        condition: what belongs to each image in `fit` and `generate`: `"labels"`, `"prompts"` or `"source_images"`, or
            None.
        draws_condition: whether `generate` draws the condition if it is given none, instead of refusing to draw.
        fits_alone: whether `fit` makes the condition out of the images if it is given none, instead of refusing them.
        paired: whether each source image belongs to one image.
        source_scale: how many times smaller source images are in height and width.
        also_takes: a value for each further argument of `generate`, for three images.
        predicts_from: what `predict` takes: `"latents"`, `"images"`, `"source_images"`, `"pairs"` or
            `"times"`.
        xla: whether the test of half precision compiles by XLA, too. One family of each kind of step and layers does.
        fast: whether it builds and draws in a fraction of a second, so that `make check` does so, too.
    """

    options: Mapping
    image_shape: tuple[int, int, int] = SHAPE
    condition: str | None = None
    draws_condition: bool = False
    fits_alone: bool = False
    paired: bool = True
    source_scale: int = 1
    also_takes: Mapping = dataclasses.field(default_factory=dict)
    predicts_from: str = "latents"
    xla: bool = False
    fast: bool = True

    def build(self, name, **arguments):
        """Returns a new model of the class that `name` begins with."""
        classes = {"num_classes": NUM_CLASSES, "class_names": CLASS_NAMES} if self.condition == "labels" else {}
        return class_of(name)(self.image_shape, **{**self.options, **classes, **arguments})

    @property
    def source_shape(self):
        """Shape of the source images."""
        height, width, channels = self.image_shape
        return (height // self.source_scale, width // self.source_scale, channels)

    def conditions(self, number):
        """`number` rows of the condition by its name, as `fit` and `generate` take them."""
        if self.condition == "labels":
            return {"labels": np.arange(number, dtype="int32") % NUM_CLASSES}
        if self.condition == "prompts":
            return {"prompts": [PROMPTS[index % len(PROMPTS)] for index in range(number)]}
        if self.condition == "source_images":
            return {"source_images": images(number, self.source_shape, seed=1)}
        return {}

    def data(self, number):
        """`number` images and their condition, as `fit` takes them."""
        return {"images": images(number, self.image_shape), **self.conditions(number)}

    def batch(self, model, number):
        """The same as `train_on_batch` takes it: prompts are numbers of words."""
        batch = self.data(number)
        return {**batch, "prompts": model.tokenize(batch["prompts"])} if "prompts" in batch else batch

    def inputs(self, model, number):
        """What `predict` takes."""
        batch = self.batch(model, number)
        if self.predicts_from == "images":
            return batch
        if self.predicts_from == "source_images":
            return batch["source_images"]
        if self.predicts_from == "pairs":
            return {side: batch[side] for side in ("images", "source_images")}
        if self.predicts_from == "times":
            return {**batch, "images": batch["images"] / 127.5 - 1.0, "times": np.linspace(0.0, 1.0, number)}
        del batch["images"]
        latents = np.random.RandomState(0).normal(size=(number, model.latent_dim)).astype("float32")
        return {"latents": latents, **batch} if batch else latents


def class_of(name):
    """The class of an entry of `FAMILIES`."""
    return getattr(zoo, name.partition(",")[0])


_LATENTS = {"latents": np.eye(3, 4, dtype="float32")}
_TRUNCATED = {**_LATENTS, "truncation": 0.5}
_TEMPERATURE = {"temperature": 0.5}
# In few steps, the average differs from the generator only with a low momentum.
_GAN = {"latent_dim": 4, "ema_momentum": 0.5}
_CONV = {**_GAN, "filters": 2, "discriminator_steps": 1}
_STYLES = {**_GAN, "filters": 3}
_AUTOENCODER = {"predicts_from": "images"}
_CODES = {"embedding_dim": 3, "filters": 4, "residual_blocks": 1, "prior": {"filters": 4, "num_blocks": 1}}
_LABELS = {"condition": "labels", "draws_condition": True}
_PIXEL_CNN = {"filters": 6, "num_blocks": 2, "first_kernel_size": 3}
_TRANSLATOR = {"filters": 2, "patch_stages": 1, "penalties": "r1", "augmentation": "adaptive", "ema_momentum": 0.5}
_FLOW = {"filters": 8, "blocks": 1, "steps": 2, "ema_momentum": 0.5}
_FOLLOWED = {"steps": 1, "solver": "euler", "source_images": images(3), "mask": np.eye(8) > 0}
_UPSCALER = {
    "image_shape": (8, 12, 3),
    "condition": "source_images",
    "fits_alone": True,
    "source_scale": 2,
    "predicts_from": "source_images",
}

#: At least one family of each exported class; "NAME, what is different" is a second one of the class NAME.
FAMILIES = {
    # It has the states of a lazy penalty, of an adaptive augmentation and of dropout.
    "GAN": Family(
        {
            **_GAN,
            "hidden_units": (6,),
            "penalties": R1(0.5, 2),
            "augmentation": AdaptiveAugment(ramp=100),
            "discriminator_steps": 2,
        },
        also_takes=_LATENTS,
    ),
    "DCGAN": Family(_CONV, also_takes=_LATENTS),
    "WGAN": Family(_CONV, also_takes=_LATENTS),
    "WGANGP": Family({**_CONV, "augmentation": "diff_augment"}, also_takes=_LATENTS, xla=True),
    "ConditionalGAN": Family(_CONV, **_LABELS, also_takes=_LATENTS),
    # BigGAN has every layer of the residual networks of these two.
    "ProjectionGAN": Family({**_CONV, "residual": False}, **_LABELS, also_takes=_LATENTS),
    "SAGAN": Family({**_CONV, "residual": False}, also_takes=_LATENTS, xla=True),
    "BigGAN": Family(
        {**_CONV, "class_dim": 3, "augmentation": "diff_augment"},
        **_LABELS,
        also_takes=_TRUNCATED,
        fast=False,
    ),
    "ProjectedGAN": Family(
        {**_GAN, "filters": 2, "discriminator_filters": 2, "mixed_channels": 2}, also_takes=_LATENTS, fast=False
    ),
    "ProgressiveGAN": Family(_STYLES, also_takes=_LATENTS),
    "StyleGAN": Family({**_STYLES, "mapping_layers": 2}, also_takes=_TRUNCATED, xla=True, fast=False),
    "StyleDCGAN": Family({**_STYLES, "mapping_layers": 2, "spectral_norm": True}, also_takes=_TRUNCATED, fast=False),
    "TextToImageGAN": Family(
        {**_GAN, "vocabulary": WORDS, "max_words": 6, "filters": 2, "text_dim": 2, "word_dim": 4},
        (8, 8, 3),
        condition="prompts",
        also_takes=_LATENTS,
        xla=True,
        fast=False,
    ),
    "Pix2Pix": Family({**_TRANSLATOR, "stages": 2}, condition="source_images", predicts_from="source_images"),
    "CycleGAN": Family(
        {**_TRANSLATOR, "residual_blocks": 1, "patch_filters": 2, "pool_size": 6},
        condition="source_images",
        paired=False,
        predicts_from="pairs",
        xla=True,
        fast=False,
    ),
    "SRResNet": Family({"scale": 2, "filters": 4, "residual_blocks": 1}, **_UPSCALER),
    "SRGAN": Family(
        {**_TRANSLATOR, "scale": 2, "residual_blocks": 1, "patch_filters": 2},
        **_UPSCALER,
    ),
    "VAE": Family(
        {"latent_dim": 4, "hidden_units": (6,), "num_importance_samples": 2, "likelihood": "gaussian"},
        **_AUTOENCODER,
        also_takes={**_LATENTS, **_TEMPERATURE},
        xla=True,
    ),
    "BetaVAE": Family(
        {"latent_dim": 4, "filters": 2, "units": 4},
        (16, 16, 3),
        **_AUTOENCODER,
        also_takes={**_LATENTS, **_TEMPERATURE},
    ),
    "VQVAE": Family({"num_embeddings": 6, **_CODES}, **_AUTOENCODER, also_takes=_TEMPERATURE, fast=False),
    "VQVAE2": Family({"num_embeddings": 32, **_CODES}, **_AUTOENCODER, also_takes=_TEMPERATURE, xla=True, fast=False),
    "PixelCNN": Family(
        {**_PIXEL_CNN, "class_map_features": 2},
        (4, 5, 1),
        **_LABELS,
        also_takes={**_TEMPERATURE, "source_images": images(3, (4, 5, 1)), "mask": np.eye(4, 5) > 0},
        predicts_from="images",
        fast=False,
    ),
    "RectifiedFlow": Family(
        _FLOW,
        **_LABELS,
        also_takes={"latents": np.eye(3, 64, dtype="float32"), "guidance": 2.0, **_FOLLOWED},
        predicts_from="times",
    ),
    "RectifiedFlow, of texts": Family(
        {**_FLOW, "vocabulary": WORDS, "max_words": 6},
        condition="prompts",
        also_takes={"latents": np.eye(3, 64, dtype="float32"), "guidance": 2.0, **_FOLLOWED},
        predicts_from="times",
        fast=False,
    ),
    "LatentFlow": Family(
        {
            "latent_channels": 2,
            "filters": 4,
            "patch_size": 2,
            "blocks": 1,
            "perceptual_weight": 0.0,
            "prior": {**_FLOW, "stages": 1},
        },
        **_AUTOENCODER,
        also_takes={"latents": np.eye(3, 32, dtype="float32"), **_FOLLOWED},
        fast=False,
    ),
    "PixelCNN, of colours": Family(
        {**_PIXEL_CNN, "likelihood": "logistic_mixture", "num_mixtures": 2},
        (3, 4, 3),
        also_takes={**_TEMPERATURE, "source_images": images(3, (3, 4, 3)), "mask": np.eye(3, 4) > 0},
        predicts_from="images",
        xla=True,
        fast=False,
    ),
}
