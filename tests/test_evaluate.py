"""Feature networks, references and protocols, on small real parts."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import tiny_pix2pix, tiny_pixel_cnn, tiny_vae

import zoo
from zoo import data, latents, presets
from zoo.bicubic import resize_bicubic
from zoo.datasets import avatars, captions
from zoo.errors import DataError, InputError, MissingDependencyError, PresetError
from zoo.images import read_picture
from zoo.metrics import (
    features,
    frechet_distance,
    gaussian_statistics,
    kernel_distance,
    nearest_images,
    precision_recall,
    protocols,
    references,
)
from zoo.metrics.editing import edit_shares
from zoo.metrics.protocols import classifiers, evaluation, short_prompts
from zoo.metrics.protocols import faces as protocols_of_faces

SHAPE = (28, 28, 1)
SMALL = protocols.Size(images=200, importance_samples=20, test_images=8, seeds=(0, 1))


def pool_network():
    """A feature network that a test can compute by hand: 7x7 average pooling, 16 features."""
    inputs = keras.Input(SHAPE)
    pooled = keras.layers.Flatten()(keras.layers.AveragePooling2D(7)(inputs))
    return features.FeatureNetwork("pool", "pool-1", keras.Model(inputs, pooled))


@pytest.fixture
def real_data(monkeypatch):
    """Stands in for TFDS: two splits of synthetic images, and a count of how often they are read."""
    stream = np.random.RandomState(0)
    splits = {name: stream.randint(0, 256, (300, *SHAPE)).astype("uint8") for name in references.SPLITS}
    reads = []

    def read(name, image_shape, *, split, data_dir=None):
        reads.append(split)
        return data.ImageSet(splits[split])

    monkeypatch.setattr(data, "read", read)
    monkeypatch.setattr(data, "identity", lambda name, _=None: f"{name}/1.0.0; test: 300")
    return splits, reads


def test_features_scale_resize_and_batch():
    network = pool_network()
    images = np.random.RandomState(0).randint(0, 256, (300, *SHAPE)).astype("uint8")
    by_hand = (images / 127.5 - 1).reshape(300, 4, 7, 4, 7).mean((2, 4)).reshape(300, 16)
    assert np.abs(network(images) - by_hand).max() < 1e-5
    grey = np.full((2, 56, 56, 3), 51, "uint8")
    assert np.abs(network(grey) - (51 / 127.5 - 1)).max() < 1e-5
    with pytest.raises(InputError, match="float32, expected uint8"):
        network(np.zeros((1, *SHAPE), "float32") - 0.5)


@pytest.mark.slow
def test_ones_own_images_are_compared_with_what_a_model_draws():
    model = zoo.load("dcgan_fashion_mnist_28")
    like, unlike = model.generate(24, seed=9), np.random.RandomState(0).randint(0, 256, (24, *SHAPE)).astype("uint8")
    size = protocols.Size(images=16, seeds=(0, 1))
    found, other = (protocols.own_images(model, images, size=size) for images in (like, unlike))
    assert list(found) == [f"{key}16_efficientnet_lite0_imagenet" for key in ("kid", "precision", "recall")]
    near, far = (figures["kid16_efficientnet_lite0_imagenet"] for figures in (found, other))
    assert near["value"] < 0.3 < 1 < far["value"] and abs(near["real"]) < 0.3 and near["std"] > 0
    assert near["protocol"].startswith("kernel distance (squared MMD of a cubic kernel, unbiased) of 16 generated")
    with pytest.raises(InputError, match="images holds 7 images, expected at least 8"):
        protocols.own_images(model, like[:7])
    with pytest.raises(InputError, match="model is a Pix2Pix, which draws nothing by itself"):
        protocols.own_images(tiny_pix2pix(), like)


def test_reference_is_computed_once_then_cached_and_dies_with_its_network(real_data, tmp_path, monkeypatch):
    splits, reads = real_data
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    network = pool_network()
    found = references.load("synthetic", network, SHAPE)
    mean, covariance = gaussian_statistics(network(splits["test"]))
    assert np.abs(found["test_mean"] - mean).max() < 1e-9
    assert np.abs(found["test_covariance"] - covariance).max() < 1e-9
    assert found["train_features"].shape == (300, 16)
    assert len(reads) == 2
    again = references.load("synthetic", network, SHAPE)
    assert len(reads) == 2
    assert all(np.array_equal(found[key], again[key]) for key in found)
    network.identity = "pool-2"
    references.load("synthetic", network, SHAPE)
    assert len(reads) == 4
    # A damaged file is as good as none.
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"half of it")
    assert references.load("synthetic", network, SHAPE).keys() == found.keys() and len(reads) == 6
    # What is not here has no sizes.
    monkeypatch.setattr(data, "identity", lambda name, _=None: f"{name}/1.0.0;")
    references.load("synthetic", network, SHAPE)
    assert len(reads) == 6
    monkeypatch.setattr(data, "identity", lambda name, _=None: f"{name}/1.0.1; test: 300")
    references.load("synthetic", network, SHAPE)
    assert len(reads) == 8


def test_reference_that_cannot_be_cached_serves_all_the_same(real_data, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="was computed, but is not kept: '.*file/.*' could not be written"):
        assert references.load("synthetic", pool_network(), SHAPE)["train_features"].shape == (300, 16)


@pytest.mark.parametrize("text", [True, False])
def test_a_folder_has_no_test_images(text, tmp_path):
    folder = str(tmp_path) if text else tmp_path
    with pytest.raises(InputError, match=r"dataset is .*, expected the name of a TFDS data set"):
        protocols.evaluate(tiny_vae(), folder, feature_network="classifier_mnist_28")


@pytest.mark.slow
def test_sample_quality_against_the_functions_it_stands_for(real_data, tmp_path, monkeypatch):
    splits, _ = real_data
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    network = pool_network()
    monkeypatch.setattr(features, "load", lambda name: network)
    model = zoo.DCGAN(SHAPE, 4, filters=2)
    figures = protocols.evaluate(model, "synthetic", size=SMALL, feature_network="pool")
    assert list(figures) == ["fid200_test_pool", "kid200_test_pool", "precision200_test_pool", "recall200_test_pool"]
    of_test = gaussian_statistics(network(splits["test"]))
    by_hand = [frechet_distance(*gaussian_statistics(network(model.generate(200, seed=s))), *of_test) for s in (0, 1)]
    assert figures["fid200_test_pool"]["value"] == pytest.approx(np.mean(by_hand), rel=1e-6)
    assert figures["fid200_test_pool"]["std"] == pytest.approx(np.std(by_hand), rel=1e-3)
    # As many real images as generated ones, from all over the splits.
    few = np.random.RandomState(0).permutation(300)[:200]
    train, test = (network(splits[split][few]).astype("float16").astype("float32") for split in ("train", "test"))
    expected = frechet_distance(*gaussian_statistics(train), *of_test)
    assert figures["fid200_test_pool"]["real"] == pytest.approx(expected, rel=1e-6)
    generated = [network(model.generate(200, seed=seed)) for seed in (0, 1)]
    by_hand = [(kernel_distance(found, test), *precision_recall(test, found)) for found in generated]
    real = kernel_distance(train, test), *precision_recall(test, train)
    for name, value, of_real in zip(("kid", "precision", "recall"), np.mean(by_hand, 0), real, strict=True):
        assert figures[f"{name}200_test_pool"]["value"] == pytest.approx(value, rel=1e-6), name
        assert figures[f"{name}200_test_pool"]["real"] == pytest.approx(of_real, rel=1e-6), name
    assert figures["recall200_test_pool"]["value"] < figures["recall200_test_pool"]["real"]
    # No more are to be had than there are.
    monkeypatch.setattr(references, "load", lambda *_: references.describe(splits, network))
    whole = protocols.evaluate(model, "synthetic", size=SMALL._replace(images=400), feature_network="pool")
    expected = frechet_distance(*gaussian_statistics(network(splits["train"])), *of_test)
    assert whole["fid400_test_pool"]["real"] == pytest.approx(expected, rel=1e-6)
    # Nor are features kept of as many as there are statistics of.
    reference = references.describe(splits, network)
    reference["train_features"] = reference["train_features"][:100]
    monkeypatch.setattr(references, "load", lambda *_: reference)
    between = protocols.evaluate(model, "synthetic", size=SMALL, feature_network="pool")
    assert between["fid200_test_pool"]["real"] is None


@pytest.mark.slow
def test_what_is_followed_in_training_is_the_distance_to_training_images(real_data, tmp_path, monkeypatch):
    splits, _ = real_data
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    network, model = pool_network(), zoo.DCGAN(SHAPE, 4, filters=2)
    monkeypatch.setattr(features, "default_for", lambda dataset: "pool")
    monkeypatch.setattr(features, "load", lambda name: network)
    drawn, train = (gaussian_statistics(network(images)) for images in (model.generate(50, seed=0), splits["train"]))
    found = protocols.frechet_to_train("synthetic", SHAPE, 50)(model)
    assert found == pytest.approx(frechet_distance(*drawn, *train), rel=1e-6)


@pytest.mark.slow
def test_a_curve_draws_at_each_value(real_data, tmp_path, monkeypatch):
    splits, _ = real_data
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    network = pool_network()
    monkeypatch.setattr(features, "default_for", lambda dataset: "pool")
    monkeypatch.setattr(features, "load", lambda name: network)

    class Dimming:
        """Real test images, which truncation darkens."""

        image_shape = SHAPE

        def generate(self, number, *, seed, truncation):
            assert seed == 0
            return (splits["test"][:number] * truncation).astype("uint8")

    figures = protocols.curve(Dimming(), "synthetic", "truncation", size=SMALL)
    truncations = protocols.CURVES["truncation"]
    assert len(figures) == 3 * len(truncations)
    real = gaussian_statistics(network(splits["test"]))
    test = references.load("synthetic", network, SHAPE)["test_features"][: SMALL.images].astype("float32")
    for truncation in truncations:
        drawn = network(Dimming().generate(SMALL.images, seed=0, truncation=truncation))
        precision, recall = precision_recall(test, drawn)
        expected = {
            "fid": frechet_distance(*gaussian_statistics(drawn), *real),
            "precision": precision,
            "recall": recall,
        }
        for key, value in expected.items():
            found = figures[f"{key}200_truncation_{truncation}_test_pool"]["value"]
            assert found == pytest.approx(value, rel=1e-6), (key, truncation)
    distances = [figures[f"fid200_truncation_{truncation}_test_pool"]["value"] for truncation in truncations]
    assert distances == sorted(distances, reverse=True)


def test_translations_are_measured_beside_the_source_and_the_nearest_counterpart(monkeypatch):
    stream, network = np.random.RandomState(0), pool_network()
    monkeypatch.setattr(features, "load", lambda name: network)
    sources, targets = stream.randint(0, 256, (2, 40, *SHAPE)).astype("uint8")
    train, test = data.ImageSet(targets[:30], source_images=sources[:30]), data.ImageSet(targets, source_images=sources)

    class Perfect:
        """Knows the counterpart of every source image."""

        translates_back = False

        def translate(self, images):
            return targets[[np.flatnonzero((sources == image).all((1, 2, 3)))[0] for image in images]]

    figures = {
        name: figure["value"] for name, figure in protocols.translation_of(Perfect(), train, test, "pairs").items()
    }
    of_source = np.abs(sources.astype(float) - targets).mean() / 255
    # Of the thirty that training has, the nearest is the source image itself.
    unknown = nearest_images(sources[30:], sources[:30])[0]
    of_nearest = np.abs(targets[30:].astype(float) - targets[unknown]).mean() / 255 * 10 / 40
    assert figures["l1_test_pairs"] == 0.0 and figures["fid40_test_pool"] == pytest.approx(0.0, abs=1e-6)
    assert figures["l1_of_source_test_pairs"] == pytest.approx(of_source)
    assert figures["l1_of_nearest_test_pairs"] == pytest.approx(of_nearest)
    distance = frechet_distance(*gaussian_statistics(network(sources)), *gaussian_statistics(network(targets)))
    assert figures["fid40_of_source_test_pool"] == pytest.approx(distance, rel=1e-6)


def test_both_ways_of_translation_are_measured_and_grey_pictures_beside_colours(monkeypatch):
    stream, network = np.random.RandomState(0), pool_network()
    monkeypatch.setattr(features, "load", lambda name: network)
    sources, targets = (stream.randint(0, 256, (6, *SHAPE[:2], channels)).astype("uint8") for channels in (1, 3))
    pairs = data.ImageSet(targets, source_images=sources)

    class Grey:
        """Makes every picture a grey of its own, another on the way back."""

        translates_back = True

        def translate(self, images, reverse=False):
            return np.full((len(images), *SHAPE[:2], 1 if reverse else 3), 60 if reverse else 200, "uint8")

    figures = {
        name: figure["value"] for name, figure in protocols.translation_of(Grey(), pairs, pairs, "pairs").items()
    }

    def apart(images, others):
        return pytest.approx(np.abs(images.astype(float) - others).mean() / 255)

    assert figures["l1_test_pairs"] == apart(targets, 200)
    assert figures["l1_back_test_pairs"] == apart(sources, 60)
    assert figures["l1_of_source_test_pairs"] == apart(targets, sources)
    assert figures["l1_back_of_source_test_pairs"] == apart(sources, targets.mean(-1, keepdims=True).astype("uint8"))
    # The pictures are their own nearest ones.
    assert figures["l1_of_nearest_test_pairs"] == figures["l1_back_of_nearest_test_pairs"] == 0.0


class Bicubic:
    scale = 4

    def upscale(self, image):
        return resize_bicubic(image, [4 * side for side in image.shape[:2]])


@pytest.mark.slow
def test_upscaling_is_measured_on_luma_without_a_border():
    large = np.random.RandomState(0).randint(0, 256, (1, 17, 22, 3)).astype("uint8")

    figures = protocols.upscaling_of(Bicubic(), large, "noise")
    cut = large[0, :16, :20]
    made = resize_bicubic(resize_bicubic(cut, (4, 5)), (16, 20))
    # ITU-R BT.601, as MATLAB's rgb2ycbcr has it.
    luma = [image[4:-4, 4:-4] @ np.array([65.481, 128.553, 24.966]) / 255 + 16 for image in (cut, made)]
    expected = 10 * np.log10(255**2 / np.mean((luma[0] - luma[1]) ** 2))
    assert figures["psnr_luma_x4_noise"]["value"] == pytest.approx(expected, abs=0.05)
    assert figures["psnr_luma_x4_bicubic_noise"]["value"] == figures["psnr_luma_x4_noise"]["value"]
    for name in protocols.PERCEPTUAL_FEATURES:
        distance = features.PerceptualDistance(name)(cut[4:-4, 4:-4], made[4:-4, 4:-4])
        assert figures[f"perceptual_x4_noise_{name}"]["value"] == pytest.approx(distance, rel=1e-5)
    assert len({figures[f"perceptual_x4_noise_{name}"]["value"] for name in protocols.PERCEPTUAL_FEATURES}) == 2


@pytest.mark.slow
def test_perceptual_distance_is_that_of_unit_features_of_each_stage():
    classifier = zoo.load("classifier_avatars_64")
    image, other = np.random.RandomState(0).randint(0, 256, (2, 64, 64, 3)).astype("uint8")
    expected = 0.0
    for name in ("relu_0_0", "relu_1_1", "relu_2_1", "relu_3_1"):
        stage = keras.Model(classifier.inputs, classifier.get_layer(name).output)
        unit = [
            found / np.linalg.norm(found, axis=-1, keepdims=True)
            for found in stage.predict_on_batch(np.stack([image, other]) / np.float32(127.5) - 1)
        ]
        # Of unit vectors, 2 - 2 cos.
        expected += np.mean(2 - 2 * np.sum(unit[0] * unit[1], -1))
    distance = features.PerceptualDistance("classifier_avatars_64")
    assert distance(image, other) == pytest.approx(expected, rel=1e-4)
    assert distance(image[:30, :50], image[:30, :50]) == 0.0 < distance(image[:30, :50], other[:30, :50])
    for pair, says in (
        ((image / np.float32(127.5) - 1, other), "image has dtype float32 and shape .*, expected a uint8 image"),
        ((image, other[:30]), r"other has dtype uint8 and shape \(30, 64, 3\), expected a uint8 image \(64, 64, 3\)"),
        ((image[..., :1], other[..., :1]), r"image .*expected a uint8 image \(3 channels, sides of at least 8\)"),
        ((image[:4, :4], other[:4, :4]), r"image .*expected a uint8 image \(3 channels, sides of at least 8\)"),
    ):
        with pytest.raises(InputError, match=says):
            distance(*pair)
    with pytest.raises(InputError, match="name is 'dcgan_avatars_64', expected one of"):
        features.PerceptualDistance("dcgan_avatars_64")


@pytest.mark.parametrize(
    ("size", "says"),
    [
        (SMALL._replace(images=2), "size.images is 2, expected an integer of at least 4"),
        (SMALL._replace(seeds=()), r"size.seeds is \(\), expected at least one seed"),
        (SMALL._replace(test_images=0), "size.test_images is 0, expected an integer of at least 1"),
    ],
)
def test_sizes_that_measure_nothing_are_refused(size, says):
    with pytest.raises(InputError, match=says):
        protocols.evaluate(tiny_vae(), "mnist", size=size)


def test_networks_of_the_zoo_are_loaded_once():
    assert features.load("classifier_mnist_28") is features.load("classifier_mnist_28")


@pytest.mark.slow
def test_bicubic_enlargement_scores_on_set5_what_papers_say():
    folder = Path(Path(zoo.__file__).parent.parent).parent / "shared" / "data" / "super_resolution" / "set5"
    if not folder.is_dir():
        pytest.skip("needs the five pictures of Set5")

    pictures = [read_picture(file) for file in sorted(folder.glob("*.png"))]
    figure = protocols.upscaling_of(Bicubic(), pictures, "set5")["psnr_luma_x4_bicubic_set5"]
    assert len(pictures) == 5 and figure["value"] == pytest.approx(28.42, abs=0.005)


def test_prompts_are_measured_by_what_they_name(monkeypatch):
    number, seen = 20, {}

    class Reader:
        def __call__(self, images):
            return seen

    class Illustrator:
        def generate(self, *, prompts, seed):
            faces = [avatars.draw("test", index) for index in range(number)]
            told = [captions.caption(face, i, protocols_of_faces.HELD_OUT_ATTRIBUTES) for i, face in enumerate(faces)]
            assert prompts == [text for text, _ in told]
            encoded = [avatars.encode(face) for face in faces]
            seen.update({name: [face[name] for face in encoded] for name in encoded[0]})
            # Every other face is of another skin, which all these captions name.
            for index in range(0, number, 2):
                assert "skin" in told[index][1]
                seen["skin"][index] += 1
            named = sum(len(values) for _, values in told)
            self.expected = 1 - number / 2 / named
            return images_of(number)

    def images_of(count):
        return np.zeros((count, *avatars.IMAGE_SHAPE), "uint8")

    monkeypatch.setattr(features, "AvatarAttributes", Reader)
    model = Illustrator()
    figures = protocols.prompt_agreement(model, size=SMALL._replace(images=number))
    assert figures["prompt_agreement_test_avatars"]["value"] == pytest.approx(model.expected)
    assert figures["whole_prompts_test_avatars"]["value"] == 0.5


def test_short_prompts_are_measured_by_what_they_leave_open(monkeypatch):
    size, seen = protocols.Size(images=100, seeds=(0, 1)), {}
    matching = short_prompts._matching_faces(100)

    class Illustrator:
        def __init__(self, changed):
            self.changed = changed

        def generate(self, number, *, prompts, seed):
            faces = matching[[text for text, _ in short_prompts.SHORT_PROMPTS].index(prompts)]
            # Other faces that match than those that `real` is measured on.
            rows = np.random.RandomState(seed).randint(len(faces["skin"]), size=number)
            seen.update({name: values[rows] for name, values in faces.items()}, **self.changed)
            return np.zeros((number, *avatars.IMAGE_SHAPE), "uint8")

    monkeypatch.setattr(features, "AvatarAttributes", lambda: lambda images: seen)
    varied, alike = (
        protocols.prompt_variety(Illustrator(changed), size=size)
        for changed in ({}, {"skin": np.full(100, avatars.CHOSEN["skin"].index("pale"))})
    )
    mean, worst = (varied[f"prompt_variety_{name}_avatars"] for name in ("mean", "worst"))
    assert 0.02 < mean["value"] < 0.12 and 0.02 < mean["real"] < 0.12 and mean["std"] > 0
    assert mean["value"] < worst["value"] < 0.35
    # A fifth of all faces is pale, but the prompt names another skin in one case and this one in another.
    assert alike["prompt_variety_worst_avatars"]["value"] == pytest.approx(0.8, abs=0.06)
    assert "20 prompts" in mean["protocol"] and "seeds 0, 1" in mean["protocol"]


def test_attributes_that_faces_share_are_not_left_open():
    faces = {name: np.arange(4) % 2 for name in avatars.CHOSEN} | {"skin": np.zeros(4, int)}
    found = short_prompts.open_distances({name: np.zeros(8, int) for name in avatars.CHOSEN}, faces)
    assert found == {name: 0.5 for name in avatars.CHOSEN if name != "skin"}


@pytest.mark.slow
def test_faces_of_captions_are_read_where_a_model_has_no_examples_to_draw():
    model = zoo.load("text_to_image_gan_avatars_64", example_prompts=None)
    figures = protocols.evaluate(model, "avatars", size=SMALL)
    assert set(figures) == {
        "prompt_agreement_test_avatars",
        "whole_prompts_test_avatars",
        "prompt_variety_mean_avatars",
        "prompt_variety_worst_avatars",
    }


def test_a_model_that_draws_from_prompts_alone_is_refused_on_other_data_than_faces():
    model = zoo.TextToImageGAN((8, 8, 3), vocabulary=("hat",), filters=2)
    with pytest.raises(InputError, match=r"^model has no example_prompts, so it draws nothing to compare with 'signs'"):
        protocols.evaluate(model, "signs", size=SMALL)


@pytest.mark.slow
def test_faces_are_shown_to_a_model_at_its_own_size():
    small = zoo.BetaVAE((32, 32, 3), 4, filters=2, units=4)
    size = SMALL._replace(test_images=2)
    [figure] = protocols.reconstruction(small, "avatars", size=size).values()
    assert "over 2 test images" in figure["protocol"] and 0 < figure["value"] < 40


@pytest.mark.slow
def test_disentanglement_is_that_of_the_posteriors_means(monkeypatch):
    faces = [avatars.draw("test", index) for index in range(200)]
    factors = np.array([[avatars.encode(face)[name] for name in avatars.CHOSEN] for face in faces], "float32")
    monkeypatch.setattr(protocols_of_faces, "held_out_faces", lambda number, _: (faces[:number], np.arange(number)))

    class Sorted:
        """A latent for each attribute, and one that knows nothing."""

        image_shape = avatars.IMAGE_SHAPE

        def encode(self, images):
            return np.concatenate([factors[images], np.zeros((len(images), 1), "float32")], 1), None

    class Mixed(Sorted):
        """Two latents that know the same."""

        def encode(self, images):
            return np.concatenate([factors[images], factors[images]], 1), None

    size = SMALL._replace(test_images=200)
    # Attributes depend on one another: an attribute's second best latent is that of another one.
    assert 0.7 < protocols.disentanglement(Sorted(), size=size)["mig_test_avatars"]["value"] <= 1.0
    assert protocols.disentanglement(Mixed(), size=size)["mig_test_avatars"]["value"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.slow
def test_likelihood_figure_is_the_models_bound(real_data):
    splits, _ = real_data
    model = zoo.VAE(SHAPE, 4, hidden_units=(16,))
    figures = protocols.likelihood(model, "synthetic", size=SMALL)
    figure = figures["nll_iw20_test_synthetic"]
    bounds = [model.log_likelihood_bound(splits["test"][:8], 20, seed=seed).mean() for seed in (0, 1)]
    assert figure["value"] == pytest.approx(-np.mean(bounds))
    assert "nats" in figure["protocol"]


@pytest.mark.slow
def test_exact_likelihood_figure_is_the_models(real_data):
    splits, _ = real_data
    model = tiny_pixel_cnn(SHAPE)
    figure = protocols.exact_likelihood(model, "synthetic", size=SMALL)["nll_test_synthetic"]
    expected = [-model.log_prob(splits["test"][:8], seed=seed).mean() for seed in (0, 1)]
    assert figure["value"] == pytest.approx(np.mean(expected))
    assert figure["std"] == pytest.approx(np.std(expected)) and figure["std"] > 0
    assert "exact" in figure["protocol"] and "seeds 0, 1" in figure["protocol"]


@pytest.mark.slow
def test_figures_of_codes_are_the_models(real_data):
    splits, _ = real_data
    model = zoo.VQVAE(SHAPE, 8, 3, filters=4, residual_blocks=1)
    model.build_prior(filters=4, num_blocks=1)
    given = splits["test"][:8]
    figures = protocols.compression(model, "synthetic", size=SMALL)
    used = len(np.unique(model.encode(given))) / 8
    assert figures["used_codes_test_synthetic"]["value"] == used
    assert figures["bits_test_synthetic"]["value"] == pytest.approx(model.bits_per_image(given).mean())
    error = np.mean((model.reconstruct(given).astype("float64") - given) ** 2)
    kept = protocols.reconstruction(model, "synthetic", size=SMALL)["psnr_test_synthetic"]
    assert kept["value"] == pytest.approx(10 * np.log10(255**2 / error))
    assert "8 test images of synthetic" in kept["protocol"]


@pytest.mark.slow
def test_a_gaussian_likelihood_is_told_by_its_reconstructions(real_data, monkeypatch):
    monkeypatch.setattr(evaluation, "sample_quality", lambda *_, **__: {})
    model = zoo.VAE(SHAPE, 4, hidden_units=(16,), likelihood="gaussian")
    assert list(protocols.evaluate(model, "synthetic", size=SMALL)) == ["psnr_test_synthetic"]


@pytest.mark.slow
def test_exact_likelihood_given_labels_in_bits_for_each_value(real_data, monkeypatch):
    splits, _ = real_data
    labels = np.arange(300, dtype="int32") % 3
    monkeypatch.setattr(data, "read", lambda *_, **__: data.ImageSet(splits["test"], labels))
    model = tiny_pixel_cnn(SHAPE, likelihood="categorical", levels=4, num_classes=3)
    (name, figure), *others = protocols.exact_likelihood(model, "synthetic", size=SMALL).items()
    assert (name, others) == ("bits_per_dim_test_synthetic", [])
    assert figure["value"] == pytest.approx(model.bits_per_dim(splits["test"][:8], labels[:8]).mean())
    assert figure["std"] is None
    assert "p(x | label)" in figure["protocol"] and "4 grey values" in figure["protocol"]


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0, 1])
def test_label_agreement_is_what_the_bundled_classifier_sees(shift, monkeypatch):
    model = tiny_pixel_cnn(SHAPE, num_classes=10)
    images, labels = references.test_set("mnist", SHAPE)

    def generate(number, seed):
        asked = latents.sample_labels(number, 10, seed)
        return np.stack([images[labels == (label + shift) % 10][i % 90] for i, label in enumerate(asked)])

    monkeypatch.setattr(model, "generate", generate)
    # Two steps an epoch with so few images.
    monkeypatch.setattr(classifiers, "CAS_EPOCHS", 24)
    monkeypatch.setattr(classifiers, "CAS_FILTERS", 8)
    figures = protocols.sample_quality(model, "mnist", size=SMALL._replace(seeds=(0,), test_images=500))
    agreement, learned = (figures[f"{name}200_mnist_classifier"] for name in ("label_agreement", "cas"))
    assert agreement["value"] > 0.97 if shift == 0 else agreement["value"] < 0.03
    # 200 real digits teach something, those with wrong labels the wrong thing.
    assert learned["value"] > 0.3 if shift == 0 else learned["value"] < 0.1
    for figure in (agreement, learned):
        assert figure["real"] == presets.entry_of("classifier_mnist_28")["metrics"]["accuracy_test"]["value"]


@pytest.mark.slow
def test_images_without_labels_are_judged_by_confidence_and_the_rarest_class(monkeypatch):
    model = zoo.GAN(SHAPE, 4, hidden_units=(8,))
    images, labels = references.test_set("mnist", SHAPE)
    # Sevens are missing, and one image in four is noise.
    digits, noise = images[labels != 7][:150], np.random.RandomState(0).randint(0, 256, (50, *SHAPE), "uint8")
    monkeypatch.setattr(model, "generate", lambda number, seed: np.concatenate([digits, noise]))
    figures = protocols.sample_quality(model, "mnist", size=SMALL)
    confident, rarest = (figures[f"{name}200_mnist_classifier"] for name in ("confident", "rarest_class"))
    probabilities = features.class_probabilities(zoo.load("classifier_mnist_28"), model.generate(200, 0))
    assert 0.6 < confident["value"] == np.mean(probabilities.max(1) >= 0.9)
    assert rarest["value"] == np.bincount(probabilities.argmax(1), minlength=10).min() / 200
    assert "0.9 or more" in confident["protocol"] and confident["real"] is None


@pytest.mark.slow
def test_inception_path_with_a_stub_in_its_place(real_data, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    asked = {}

    def stub(**arguments):
        asked.update(arguments)
        inputs = keras.Input(arguments["input_shape"])
        pooled = keras.layers.Dense(32)(keras.layers.GlobalAveragePooling2D()(inputs))
        return keras.Model(inputs, pooled)

    monkeypatch.setattr(keras.applications, "InceptionV3", stub)
    network = features.load("inception_v3")
    assert asked == {"include_top": False, "pooling": "avg", "input_shape": (299, 299, 3), "weights": "imagenet"}
    assert network(np.zeros((3, *SHAPE), "uint8")).shape == (3, 32)
    size = protocols.Size(images=20, seeds=(0,))
    figures = protocols.sample_quality(
        zoo.DCGAN(SHAPE, 4, filters=2), "synthetic", size=size, feature_network="inception_v3"
    )
    assert "fid20_test_inception_v3" in figures
    assert np.isfinite(figures["fid20_test_inception_v3"]["value"])


def test_inception_without_a_network_says_so(monkeypatch):
    def offline(**_):
        raise OSError("URL fetch failure")

    monkeypatch.setattr(keras.applications, "InceptionV3", offline)
    with pytest.raises(DataError, match="could not be downloaded"):
        features.load("inception_v3")


def test_the_extra_for_test_faces_is_missed_before_anything_is_drawn(monkeypatch):
    monkeypatch.setitem(sys.modules, "dicebear", None)
    avatars._renderer.cache_clear()
    model = tiny_vae()
    model.generate = lambda *_, **__: pytest.fail("images were drawn")
    with pytest.raises(MissingDependencyError, match=r"Rendering avatars needs dicebear: pip install .*\[avatars\]"):
        protocols.evaluate(model, "avatars")
    avatars._renderer.cache_clear()


def test_unknown_feature_networks():
    with pytest.raises(PresetError, match="no preset 'clasifier_mnist_28'; did you mean classifier_mnist_28"):
        features.load("clasifier_mnist_28")
    with pytest.raises(InputError, match="expected one of classifier_avatars_64, classifier_fashion_mnist_28"):
        features.load("dcgan_fashion_mnist_28")
    with pytest.raises(InputError, match="No bundled feature network knows the data set 'cifar10'"):
        features.default_for("cifar10")


@pytest.mark.slow
@pytest.mark.parametrize(("dataset", "side"), [("mnist", 28), ("fashion_mnist", 28), ("avatars", 64)])
def test_bundled_references_belong_to_the_bundled_networks(dataset, side, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "nothing"))
    monkeypatch.setattr(data, "read", lambda *_, **__: pytest.fail("the bundled reference was not used"))
    network = features.load(features.default_for(dataset))
    assert network.identity == presets.entry_of(f"classifier_{dataset}_{side}")["files"][presets.WEIGHTS]["sha256"]
    found = references.load(dataset, network, (side, side, 1 if side == 28 else 3))
    dimensions = found["test_mean"].shape[0]
    assert found["test_features"].shape == (references.FEATURES, dimensions)
    assert np.linalg.eigvalsh(found["test_covariance"]).min() > -1e-9


@pytest.mark.slow
def test_bundled_mnist_test_set_is_mnist():
    images, labels = references.test_set("mnist", SHAPE)
    assert images.shape == (10_000, *SHAPE)
    # The mean of the official test split.
    assert images.mean() == pytest.approx(33.79, abs=0.01)
    predicted = zoo.load("classifier_mnist_28").predict(images / 127.5 - 1, batch_size=500, verbose=0).argmax(1)
    # How many of each digit the official test split has.
    official = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(labels).tolist() == official
    assert np.mean(predicted == labels) == presets.entry_of("classifier_mnist_28")["metrics"]["accuracy_test"]["value"]


def test_classifiers_state_the_accuracy_that_the_figures_need():
    for name, least in (("classifier_mnist_28", 0.993), ("classifier_fashion_mnist_28", 0.93)):
        assert presets.entry_of(name)["metrics"]["accuracy_test"]["value"] >= least


# === Edits ===


class Painter:
    """Stands in for a model whose edits are known: faces are a dict of what is read off them."""

    attributes = ("smile", "glasses")

    def __init__(self, edit):
        self._edit = edit

    def edit(self, images, attribute, amounts, keep_details):
        assert keep_details
        found = {name: values.copy() for name, values in images.items()}
        self._edit(found, attribute, np.asarray(amounts))
        return found


def read(faces):
    return faces | avatars.derive(faces)


def test_edit_shares_count_what_changes_and_what_stays():
    number = 40
    faces = {name: np.zeros(number, "int64") for name in avatars.CHOSEN} | {"rotation": np.zeros(number)}
    faces["mouth"][:20] = avatars.CHOSEN["mouth"].index("sad")

    def edit(found, attribute, amounts):
        # Smiles where told, but in three of four pictures only; and turns the heads of ten by more than one sees.
        put, taken = amounts > 0, amounts < 0
        put[:5] = taken[-5:] = False
        found["mouth"][put], found["mouth"][taken] = 0, avatars.CHOSEN["mouth"].index("serious")
        found["rotation"][:10] = 5.0
        found["rotation"][10:] = 1.0
        found["skin"][:4] = 2

    smiling = read(faces)["smile"]
    ((flipped, kept),) = edit_shares(Painter(edit), faces, smiling, "smile", read)
    assert flipped == 0.75
    assert (kept["rotation"], kept["skin"], kept["hair_style"]) == (0.75, 0.9, 1.0)
    assert "mouth" not in kept and "eyewear" in kept


@pytest.mark.slow
def test_what_sunglasses_hide_is_no_change():
    faces = {name: np.zeros(10, "int64") for name in avatars.CHOSEN} | {"rotation": np.zeros(10)}

    def edit(found, attribute, amounts):
        found["eyewear"][:] = avatars.CHOSEN["eyewear"].index("sunglasses")
        found["eyes"][:9] = avatars.CHOSEN["eyes"].index(avatars.HIDDEN)
        found["eyes"][9] = 1

    ((flipped, kept),) = edit_shares(Painter(edit), faces, read(faces)["glasses"], "glasses", read)
    assert flipped == 1.0
    # One pair of eyes shows in both pictures, and differs.
    assert (kept["eyes"], kept["eyebrows"], kept["mouth"]) == (0.0, 1.0, 1.0)
