"""Every public callable with bad arguments: what leaves it is a result or one sentence of the zoo, never a raw error.

`ZOO_FUZZ_EXAMPLES=500 pytest tests/hostile/test_fuzz.py` tries longer.
"""

import functools
import inspect
import os
import warnings

import keras
import numpy as np
import pytest
from _reference import public_names
from helpers import (
    LATENT_DIM,
    NUM_CLASSES,
    SHAPE,
    TINY_GANS,
    images,
    pairs,
    tiny_cycle_gan,
    tiny_dcgan,
    tiny_gan,
    tiny_pix2pix,
    tiny_pixel_cnn,
    tiny_progressive_gan,
    tiny_style_gan,
    tiny_vae,
    tiny_vq_vae,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zoo
from zoo import callbacks, data, hub, metrics, presets, text
from zoo import images as pictures
from zoo import latents as vectors
from zoo.errors import InputError, ZooError
from zoo.objectives import adversarial, augment, likelihoods, penalties

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("ZOO_FUZZ_EXAMPLES", "20"))
FOLDER = "fuzz"


# === What is tried ===


class Raises:
    """An object that fails whatever it is asked."""

    def __array__(self, *arguments, **options):
        raise RuntimeError("no array")

    def __len__(self):
        raise RuntimeError("no length")

    def __iter__(self):
        raise RuntimeError("no items")

    def __repr__(self):
        raise RuntimeError("no text")


# Meaningless wherever a number, a text, a flag, an array or a network is expected.
NONSENSE = [object(), Raises(), 1j, np.ones((2, 3)) * 1j, np.ma.masked_array([1.0, 2.0], [True, False]), Ellipsis]
BAD = st.one_of(
    st.sampled_from(NONSENSE),
    st.none(),
    st.booleans(),
    st.sampled_from(
        ["", "x", "\x1b[2J", "a/b", "é" * 5_000, "\0", b"x", float("nan"), float("inf"), -float("inf"), 1e308]
    ),
    st.sampled_from([-1, 0, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 10**5000]),
    st.sampled_from(
        [[], (), {}, set(), [[1], [1, 2]], [None], ["x"], [[]], {"x": 1}, {1, 2}, [float("nan")], [10**400]]
    ),
    st.sampled_from([len, print, int, keras.layers.Dense, iter([1, 2]), range(3), slice(2)]),
    st.builds(
        lambda shape, dtype: np.zeros(shape, dtype),
        st.lists(st.integers(0, 3), max_size=5),
        st.sampled_from(
            ["bool", "int8", "uint16", "int64", "float16", "float64", "complex64", "U3", "S3", "O", "M8[s]"]
        ),
    ),
    st.integers(-5, 5),
    st.floats(-5, 5),
    st.text(max_size=8),
)


# === On what ===


@functools.cache
def model(name):
    build = {
        "gan": tiny_gan,
        "dcgan": tiny_dcgan,
        "vae": tiny_vae,
        "beta_vae": lambda: zoo.BetaVAE(SHAPE, LATENT_DIM, filters=2, stages=2, units=4),
        "vq_vae": tiny_vq_vae,
        "pixel_cnn": tiny_pixel_cnn,
        "progressive_gan": tiny_progressive_gan,
        "style_gan": tiny_style_gan,
        "pix2pix": tiny_pix2pix,
        "cycle_gan": tiny_cycle_gan,
        "sr_resnet": lambda: zoo.SRResNet((16, 16, 3), filters=4, residual_blocks=1),
        "text_to_image_gan": lambda: zoo.TextToImageGAN(
            SHAPE, LATENT_DIM, vocabulary=["red", "cat"], max_words=4, filters=2, text_dim=3, word_dim=4
        ),
        "rectified_flow": lambda: zoo.RectifiedFlow(SHAPE, num_classes=2, filters=8, blocks=1),
        "latent_flow": lambda: zoo.LatentFlow(
            SHAPE,
            latent_channels=2,
            filters=4,
            patch_size=2,
            blocks=1,
            perceptual_weight=0.0,
            prior={"filters": 8, "stages": 1, "blocks": 1, "vocabulary": ["red", "cat"], "max_words": 4},
        ),
        **TINY_GANS,
    }[name]
    made = build()
    made.compile()
    if name == "beta_vae":
        made.learn_attribute("smile", images(8), [True, False] * 4)
    if name == "vq_vae":
        made.build_prior(filters=4, num_blocks=1)
    return made


def method(of, method_name, /, **valid):
    return lambda: (getattr(model(of), method_name), valid)


def plain(function, /, **valid):
    return lambda: (function, valid)


def constructor(cls, /, **valid):
    valid = {"image_shape": SHAPE, **valid}
    optional = {"name": None, "dtype": None, "objective": "hinge", "penalties": (), "augmentation": None}
    accepted = set()
    for base in cls.__mro__[: cls.__mro__.index(zoo.GenerativeModel)]:
        accepted |= set(inspect.signature(base.__init__).parameters)
    return lambda: (cls, {**{key: value for key, value in optional.items() if key in accepted}, **valid})


def few_latents():
    return np.zeros((2, LATENT_DIM), "float32")


PICTURE = images(1)[0]
FEATURES = np.arange(24.0).reshape(6, 4)
SMALL = {"latent_dim": LATENT_DIM, "filters": 2}
SMALL_GAN = {**SMALL, "ema_momentum": 0.9, "discriminator_steps": 1}
CLASSES = {"num_classes": 2, "class_names": None}
CALLS = {
    # === zoo ===
    "load": plain(zoo.load, preset="gan_mnist_28", bundled=True),
    "list_presets": plain(zoo.list_presets, pattern="*", model=None, dataset=None, kind="model"),
    # === zoo.latents ===
    "latents.sample": plain(vectors.sample, num_samples=2, shape=(3,), seed=0, start=0, distribution="normal"),
    "latents.truncate": plain(vectors.truncate, latents=few_latents(), threshold=1.0),
    "latents.sample_labels": plain(vectors.sample_labels, num_samples=2, num_classes=3, seed=0),
    "latents.interpolate": plain(vectors.interpolate, start=few_latents(), end=few_latents(), steps=3, spherical=True),
    "latents.traverse": plain(vectors.traverse, latents=few_latents(), dimension=0, values=[0.0, 1.0]),
    "latents.attribute_direction": plain(
        vectors.attribute_direction, latents=FEATURES, present=[True, False] * 3, others=None
    ),
    "latents.attribute_changes": plain(
        vectors.attribute_changes, latents=FEATURES, present=[True, False] * 3, others=FEATURES[:, :1]
    ),
    "latents.move": plain(vectors.move, latents=few_latents(), direction=np.ones(LATENT_DIM), amount=1.0),
    "latents.swap": plain(vectors.swap, first=few_latents(), second=few_latents(), dimensions=[0]),
    "latents.average": plain(vectors.average, latents=few_latents(), weights=None),
    # === zoo.images ===
    "images.to_uint8": plain(pictures.to_uint8, images=np.zeros((2, *SHAPE), "float32")),
    "images.to_float": plain(pictures.to_float, images=images(2)),
    "images.binarize": plain(pictures.binarize, images=np.zeros((2, *SHAPE), "float32"), seed=0),
    "images.fit_image": plain(pictures.fit_image, image=PICTURE, image_shape=SHAPE),
    "images.read_image": plain(pictures.read_image, path="missing.png", image_shape=SHAPE, part=None),
    "images.picture_sides": plain(pictures.picture_sides, path="missing.png"),
    "images.read_picture": plain(pictures.read_picture, path="missing.png"),
    "images.grid": plain(pictures.grid, images=images(4), columns=2),
    "images.write_png": plain(pictures.write_png, path=f"{FOLDER}/x.png", image=PICTURE, scale=1),
    # === zoo.text ===
    "text.words": plain(text.words, text="a red cat"),
    "text.vocabulary_of": plain(text.vocabulary_of, prompts=["a red cat"], least=1),
    "text.Tokenizer": plain(text.Tokenizer, vocabulary=["red", "cat"], max_words=3),
    # === zoo.data ===
    "data.dataset": plain(
        data.dataset,
        source=images(8),
        image_shape=SHAPE,
        batch_size=4,
        split="train",
        data_dir=None,
        shuffle=True,
        seed=0,
        drop_remainder=True,
    ),
    "data.read": plain(data.read, source=images(8), image_shape=SHAPE, split="train", data_dir=None),
    "data.read_pairs": plain(
        data.read_pairs, source=pairs(4), image_shape=SHAPE, source_shape=SHAPE, paired=True, split="train"
    ),
    "data.attributes": plain(data.attributes, name="no such data set", split="train", data_dir=None),
    # === zoo.callbacks ===
    "callbacks.BackupAndRestore": plain(
        callbacks.BackupAndRestore, backup_dir=f"{FOLDER}/backup", delete_checkpoint=True
    ),
    "callbacks.Grow": plain(callbacks.Grow, stable_steps=1, fade_steps=1),
    "callbacks.SampleGrid": plain(
        callbacks.SampleGrid, folder=f"{FOLDER}/grids", num_samples=4, seed=0, log_dir=None, draw=None
    ),
    "callbacks.SampleMetric": plain(callbacks.SampleMetric, name="x", function=len, every=1),
    "callbacks.WarnOfModeCollapse": plain(callbacks.WarnOfModeCollapse, images=images(8), min_steps=1),
    # === zoo.hub ===
    "hub.parse": plain(hub.parse, reference="hf://org/name@main"),
    "hub.check_repo_id": plain(hub.check_repo_id, repo_id="org/name"),
    "hub.check_names": plain(hub.check_names, repo_id="org/name", revision="main", tag="v1"),
    # === zoo.presets ===
    "presets.resolve": plain(presets.resolve, preset="gan_mnist_28", bundled=True),
    "presets.entry_of": plain(presets.entry_of, name="gan_mnist_28"),
    "presets.save": lambda: (
        presets.save,
        {"model": model("gan"), "directory": f"{FOLDER}/preset", "weights_dtype": "float32"},
    ),
    # === zoo.metrics ===
    "metrics.frechet_distance": plain(
        metrics.frechet_distance, mean_a=np.zeros(2), cov_a=np.eye(2), mean_b=np.zeros(2), cov_b=np.eye(2)
    ),
    "metrics.gaussian_statistics": plain(metrics.gaussian_statistics, features=FEATURES),
    "metrics.kernel_distance": plain(metrics.kernel_distance, features_a=FEATURES, features_b=FEATURES),
    "metrics.nearest_images": plain(metrics.nearest_images, queries=images(2), references=images(3)),
    "metrics.nearest_neighbors": plain(metrics.nearest_neighbors, queries=FEATURES, references=FEATURES),
    "metrics.pairwise_squared_distances": plain(metrics.pairwise_squared_distances, a=FEATURES, b=FEATURES),
    "metrics.precision_recall": plain(metrics.precision_recall, real=FEATURES, generated=FEATURES, k=3),
    "metrics.psnr": plain(metrics.psnr, images=images(2), others=images(2)),
    "metrics.psnr_luma": plain(metrics.psnr_luma, image=PICTURE, other=PICTURE, border=1),
    # === zoo.objectives ===
    "objectives.adversarial.get": plain(adversarial.get, identifier="hinge"),
    "objectives.augment.get": plain(augment.get, identifier="diff_augment"),
    "objectives.augment.DiffAugment": plain(augment.DiffAugment, policies=("color",)),
    "objectives.augment.AdaptiveAugment": plain(augment.AdaptiveAugment, policies=("color",), target=0.6, ramp=10),
    "objectives.likelihoods.get": plain(likelihoods.get, name="bernoulli", levels=None, num_mixtures=10),
    "objectives.likelihoods.Categorical": plain(likelihoods.Categorical, levels=4),
    "objectives.likelihoods.LogisticMixture": plain(likelihoods.LogisticMixture, levels=4, num_mixtures=2),
    "objectives.penalties.get": plain(penalties.get, identifiers="r1"),
    "objectives.penalties.R1": plain(penalties.R1, weight=1.0, interval=1),
    "objectives.penalties.GradientPenalty": plain(penalties.GradientPenalty, weight=1.0, interval=1),
    "objectives.penalties.WeightClipping": plain(penalties.WeightClipping, limit=0.01),
    # === Models ===
    "GAN": constructor(
        zoo.GAN, latent_dim=LATENT_DIM, hidden_units=(4,), dropout=0.1, ema_momentum=0.9, num_classes=None
    ),
    "DCGAN": constructor(zoo.DCGAN, **SMALL_GAN, stages=None, discriminator_batch_norm=True),
    "WGAN": constructor(zoo.WGAN, **SMALL_GAN),
    "WGANGP": constructor(zoo.WGANGP, **SMALL_GAN),
    "ConditionalGAN": constructor(zoo.ConditionalGAN, **SMALL_GAN, **CLASSES),
    "ProjectionGAN": constructor(zoo.ProjectionGAN, **SMALL_GAN, **CLASSES, residual=False),
    "SAGAN": constructor(zoo.SAGAN, **SMALL_GAN, residual=False),
    "BigGAN": constructor(zoo.BigGAN, **SMALL_GAN, **CLASSES, class_dim=2, orthogonal_weight=0.0),
    "ProjectedGAN": constructor(zoo.ProjectedGAN, **SMALL_GAN, discriminator_filters=2, mixed_channels=2),
    "ProgressiveGAN": constructor(zoo.ProgressiveGAN, **SMALL),
    "StyleDCGAN": constructor(zoo.StyleDCGAN, **SMALL, mapping_layers=1, mixing_probability=0.5),
    "StyleGAN": constructor(zoo.StyleGAN, **SMALL, mapping_layers=1, mixing_probability=0.5),
    "Pix2Pix": constructor(zoo.Pix2Pix, source_shape=None, filters=2, stages=2, patch_stages=1, l1_weight=1.0),
    "CycleGAN": constructor(
        zoo.CycleGAN, filters=2, residual_blocks=1, patch_filters=2, patch_stages=1, pool_size=2, cycle_weight=1.0
    ),
    "SRResNet": constructor(zoo.SRResNet, image_shape=(16, 16, 3), scale=4, filters=2, residual_blocks=1),
    "SRGAN": constructor(
        zoo.SRGAN, image_shape=(16, 16, 3), scale=4, filters=2, residual_blocks=1, patch_filters=2, patch_stages=1
    ),
    "TextToImageGAN": constructor(
        zoo.TextToImageGAN, latent_dim=3, vocabulary=["red"], max_words=2, filters=2, text_dim=2, word_dim=2
    ),
    "VAE": constructor(
        zoo.VAE, latent_dim=2, hidden_units=(4,), likelihood="bernoulli", beta=1.0, num_importance_samples=1
    ),
    "BetaVAE": constructor(zoo.BetaVAE, latent_dim=2, filters=2, stages=2, units=4, beta=1.0),
    "VQVAE": constructor(
        zoo.VQVAE, num_embeddings=4, embedding_dim=2, filters=2, residual_blocks=1, ema_decay=0.9, commitment_cost=0.1
    ),
    "VQVAE2": constructor(zoo.VQVAE2, num_embeddings=4, embedding_dim=2, filters=2, residual_blocks=1),
    "PixelCNN": constructor(
        zoo.PixelCNN, filters=2, num_blocks=1, kernel_size=3, first_kernel_size=3, likelihood="bernoulli", levels=None
    ),
    "RectifiedFlow": constructor(
        zoo.RectifiedFlow, filters=8, patch_size=2, stages=1, blocks=1, steps=1, guidance=1.0, condition_dropout=0.1
    ),
    "LatentFlow": constructor(
        zoo.LatentFlow,
        latent_channels=2,
        filters=4,
        patch_size=2,
        blocks=1,
        kl_weight=1e-5,
        perceptual_weight=0.0,
        prior=None,
    ),
    # === Their methods ===
    "GAN.generate": method("gan", "generate", num_samples=1, latents=None, seed=0),
    "ConditionalGAN.generate": method("conditional_gan", "generate", num_samples=2, labels=[0, 1], seed=0),
    "BigGAN.generate": method("big_gan", "generate", num_samples=1, labels=0, truncation=1.0, seed=0),
    "StyleGAN.generate": method("style_gan", "generate", num_samples=1, truncation=0.5, seed=0),
    "PixelCNN.generate": method(
        "pixel_cnn", "generate", num_samples=1, source_images=None, mask=None, temperature=1.0, seed=0
    ),
    "RectifiedFlow.generate": method(
        "rectified_flow", "generate", num_samples=1, labels=0, steps=1, guidance=2.0, solver="euler", seed=0
    ),
    "LatentFlow.generate": method(
        "latent_flow", "generate", num_samples=1, prompts="red", steps=1, guidance=2.0, solver="euler", seed=0
    ),
    "Pix2Pix.generate": method("pix2pix", "generate", num_samples=1, source_images=PICTURE, seed=0),
    "TextToImageGAN.generate": method("text_to_image_gan", "generate", num_samples=1, prompts="red cat", seed=0),
    "GAN.encode_image": method("gan", "encode_image", images=images(1), steps=1),
    "GAN.shrink_and_perturb": method("gan", "shrink_and_perturb", share=0.4),
    "GAN.update_standing_statistics": method("dcgan", "update_standing_statistics", batches=[images(4)]),
    "StyleGAN.mix_styles": method("style_gan", "mix_styles", coarse=few_latents(), fine=few_latents(), at_layer=1),
    "ProgressiveGAN.grow": method("progressive_gan", "grow", fade=[1.0]),
    "VAE.encode": method("vae", "encode", images=images(2)),
    "VAE.decode": method("vae", "decode", latents=few_latents()),
    "VAE.reconstruct": method("vae", "reconstruct", images=images(2)),
    "VAE.log_likelihood_bound": method(
        "vae", "log_likelihood_bound", images=images(2), num_importance_samples=2, seed=0
    ),
    "BetaVAE.learn_attribute": method(
        "beta_vae", "learn_attribute", name="smile", images=images(8), present=[True, False] * 4, others=None, scale=1.0
    ),
    "BetaVAE.edit": method("beta_vae", "edit", images=images(2), attribute="smile", amount=1.0, keep_details=False),
    "VQVAE.encode": method("vq_vae", "encode", images=images(2)),
    "VQVAE.decode": method("vq_vae", "decode", codes=np.zeros((2, 2, 2), "int32")),
    "VQVAE.reconstruct": method("vq_vae", "reconstruct", images=images(2)),
    "VQVAE.build_prior": lambda: (
        tiny_vq_vae().build_prior,
        {"filters": 2, "num_blocks": 1, "num_classes": None, "class_names": None},
    ),
    "PixelCNN.log_prob": method("pixel_cnn", "log_prob", images=images(2), labels=None),
    "PixelCNN.bits_per_dim": method("pixel_cnn", "bits_per_dim", images=images(2), labels=None),
    "RectifiedFlow.encode_image": method("rectified_flow", "encode_image", images=images(1), labels=0, steps=1),
    "RectifiedFlow.log_prob": method("rectified_flow", "log_prob", images=images(1), labels=0, steps=1, seed=0),
    "LatentFlow.encode": method("latent_flow", "encode", images=images(2)),
    "LatentFlow.decode": method("latent_flow", "decode", latents=np.zeros((2, 4, 4, 2), "float32")),
    "LatentFlow.reconstruct": method("latent_flow", "reconstruct", images=images(2)),
    "LatentFlow.encode_image": method("latent_flow", "encode_image", images=images(1), prompts="red", steps=1),
    "LatentFlow.build_prior": method("latent_flow", "build_prior", filters=8, stages=1, blocks=1, num_classes=None),
    "Pix2Pix.translate": method("pix2pix", "translate", images=images(1)),
    "CycleGAN.translate": method("cycle_gan", "translate", images=images(1), reverse=False),
    "SRResNet.upscale": method("sr_resnet", "upscale", image=images(1, (8, 8, 3))[0]),
    "TextToImageGAN.tokenize": method("text_to_image_gan", "tokenize", prompts=["red cat"]),
    "GAN.compile": method("gan", "compile", generator_optimizer="adam", discriminator_optimizer="adam"),
    "VAE.compile": method("vae", "compile", optimizer="adam", steps_per_execution=1),
    "VAE.fit": method(
        "vae",
        "fit",
        x=images(4),
        y=None,
        batch_size=4,
        epochs=1,
        verbose=0,
        validation_data=None,
        shuffle=True,
        steps_per_epoch=None,
    ),
    "VAE.evaluate": method("vae", "evaluate", x=images(4), y=None, batch_size=4, verbose=0),
    "GAN.save_to_preset": method("gan", "save_to_preset", directory=f"{FOLDER}/preset", weights_dtype="float32"),
    "GAN.save": method("gan", "save", filepath=f"{FOLDER}/model.keras"),
    "GAN.save_weights": method("gan", "save_weights", filepath=f"{FOLDER}/gan.weights.h5"),
    "GAN.export": method("gan", "export", path=f"{FOLDER}/exported", format=None),
    "GAN.push_to_hub": method("gan", "push_to_hub", repo_id="no slash", revision=None, tag=None, private=False),
}
# Public names that are not in the table, with the reason.
LEFT_OUT = {
    "latents": {"stream", "fresh_seed", "check_seed"},  # the parts that `sample` and `sample_labels` are made of
    "images": {
        "as_array",
        "check_images",
        "checked_floats",
        "over_white",
        "as_pixels",
        "check_drawable",
        "write_png_bands",
        "read_sized_image",
        "spans_bytes",
        *{"array_of", "numbers_of", "open_picture", "png_bytes", "write_gif", "write_pngs"},
    },  # checks that the others call, and parts of commands
    "text": {"texts_of"},  # a part of the two others
    "data": {
        "ImageSet",
        "check_name",
        "check_batch_size",
        "batches",
        "identity",
        *{"check_scaled", "held_back", "holds_pairs", "is_named", "warn_of_doubtful"},
    },  # parts of `dataset`
    "callbacks": set(),
    "metrics": set(),
}


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    """Runs where files may be written, without a network."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / FOLDER).mkdir()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def assert_one_sentence(error):
    said = str(error)
    assert said and "\n" not in said and said[-1] in ".?)…", said


@pytest.mark.parametrize("name", CALLS)
def test_valid_arguments_are_taken(name):
    # Else the fuzz would see refusals of something else than the bad argument.
    call, valid = CALLS[name]()
    expected = {
        "images.read_image",
        "images.picture_sides",
        "images.read_picture",
        "data.attributes",
        "GAN.push_to_hub",
    }
    if name in expected:
        with pytest.raises(ZooError):
            call(**valid)
    else:
        call(**valid)


@pytest.mark.parametrize("name", CALLS)
def test_bad_arguments_end_in_one_sentence(name):
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def attempt(drawn):
        call, valid = CALLS[name]()
        argument = drawn.draw(st.sampled_from(sorted(valid)))
        value = drawn.draw(BAD)
        if (name, argument) in ANYTHING and isinstance(value, Raises):
            return
        try:
            call(**{**valid, argument: value})
        except ZooError as error:
            assert_one_sentence(error)

    attempt()


# A source of batches may raise whatever it likes, and its user sees that.
ANYTHING = {("GAN.update_standing_statistics", "batches")}


@pytest.mark.parametrize("name", CALLS)
def test_nonsense_never_succeeds(name):
    call, valid = CALLS[name]()
    for argument in valid:
        if (name, argument) in ANYTHING:
            continue
        for value in NONSENSE:
            with pytest.raises(ZooError) as caught:
                call(**{**valid, argument: value})
            assert_one_sentence(caught.value)


@pytest.mark.parametrize(
    ("module", "prefix"),
    [(vectors, "latents"), (pictures, "images"), (text, "text"), (data, "data"), (metrics, "metrics")],
)
def test_every_public_function_is_in_the_table(module, prefix):
    public = {name for name in public_names(module) if callable(getattr(module, name))}
    assert public - LEFT_OUT[prefix] == {
        name.removeprefix(f"{prefix}.") for name in CALLS if name.startswith(f"{prefix}.")
    }


def test_every_public_model_is_in_the_table():
    models = set(zoo.__all__) - {"load", "list_presets", "GenerativeModel", "AdversarialModel"}
    assert models <= set(CALLS)


# What once succeeded without a word, and means nothing.
MEANINGLESS = [
    ("VAE.decode", {"latents": None}),
    ("GAN.generate", {"latents": np.full((1, LATENT_DIM), 1j)}),
    ("GAN.generate", {"num_samples": True}),
    ("ConditionalGAN.generate", {"labels": [0.5, 1.0]}),
    ("ConditionalGAN.generate", {"labels": [-1, 0]}),
    ("ConditionalGAN.generate", {"labels": [0, NUM_CLASSES]}),
    ("latents.sample_labels", {"num_samples": -2}),
    ("latents.sample_labels", {"num_classes": 0}),
    ("latents.interpolate", {"spherical": "no"}),
    ("BetaVAE.edit", {"keep_details": "no"}),
    ("BetaVAE.edit", {"amount": 10**400}),
    ("CycleGAN.translate", {"reverse": "no"}),
    ("data.dataset", {"shuffle": "no"}),
    ("images.grid", {"columns": -1}),
    ("images.grid", {"images": np.zeros((0, *SHAPE), "uint8")}),
    ("VAE.fit", {"x": np.full((4, *SHAPE), 255.0, "float32")}),
    ("VAE.fit", {"shuffle": "no"}),
    ("DCGAN", {"stages": 10**9}),
    ("text.Tokenizer", {"vocabulary": ["\u0300\u0323" * 200_000]}),
    ("Pix2Pix", {"patch_stages": 10**9}),
]


@pytest.mark.parametrize(("name", "arguments"), MEANINGLESS)
def test_what_means_nothing_is_refused(name, arguments):
    call, valid = CALLS[name]()
    with pytest.raises(InputError) as caught:
        call(**{**valid, **arguments})
    assert_one_sentence(caught.value)
