"""Exports compute what Keras computes, suffice to draw what `generate` draws, and appear whole or not at all."""

import re
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from exported import assert_same, index_of, inputs_for, litert_description, onnx_description, run, run_onnx
from helpers import LATENT_DIM, SHAPE, images, tiny_gan, tiny_pixel_cnn, tiny_style_gan, tiny_vae
from keras import ops

import zoo
from zoo import latents, presets
from zoo.cli import main
from zoo.errors import InputError, MissingDependencyError, StorageError
from zoo.exporting.formats import traced
from zoo.exporting.networks import Network, Values, functional
from zoo.text import words

# The contract exports a small model of each class to LiteRT; only a large one shows what becomes of shapes behind
# several enlargements.
ALSO_TO_LITERT = ("dcgan_fashion_mnist_28", "projection_gan_fashion_mnist_28")


def sha256_of(preset):
    return presets.entry_of(preset)["files"][presets.WEIGHTS]["sha256"]


# === Every preset ===


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.list_presets())
def test_presets_compute_the_same_without_keras(name, tmp_path):
    model = zoo.load(name)
    networks = model.exported_networks()
    for format in ["onnx", *(["litert"] if name in ALSO_TO_LITERT else [])]:
        model.export(tmp_path / format, format=format)
        assert_same(tmp_path / format, networks)
    index = index_of(tmp_path / "onnx")
    assert index["preset"] == name and index["weights_sha256"] == sha256_of(name)
    assert index["class"] == type(model).__name__ and index["image_shape"] == list(model.image_shape)


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.list_presets(kind="feature_network"))
def test_feature_networks_compute_the_same_without_keras(name, tmp_path):
    path = tmp_path / "features.onnx"
    result = CliRunner().invoke(main, ["export", name, "-o", str(path)])
    assert result.exit_code == 0, result.output
    said, network = onnx_description(path), functional(zoo.load(name))
    assert said["preset"] == name and said["weights_sha256"] == sha256_of(name)
    inputs = {key: np.tanh(value) for key, value in inputs_for(said["inputs"]).items()}
    found, expected = run_onnx(path, inputs), run(network, **inputs)
    assert found.keys() == expected.keys()
    for output in found:
        np.testing.assert_allclose(found[output], expected[output], rtol=1e-4, atol=1e-4)


# === Drawing from exports what `generate` draws ===


@pytest.mark.slow
def test_styles_of_layers_are_mixed_and_truncated():
    model = tiny_style_gan()
    networks, z = model.exported_networks(), latents.sample(2, (model.num_layers, LATENT_DIM), 0)
    threshold = np.full(2, 0.5, "float32")
    by_layer = [run(networks["mapping"], latents=z[:, i], truncation=threshold)["styles"] for i in range(z.shape[1])]
    drawn = run(networks["synthesis"], styles=np.stack(by_layer, axis=1))["images"]
    np.testing.assert_allclose(drawn, np.clip(model.sample(z, truncation=0.5), -1, 1), atol=1e-5)


@pytest.mark.slow
def test_big_gan_truncates_latents_in_the_network():
    model = zoo.BigGAN(SHAPE, LATENT_DIM, filters=2, num_classes=3, class_dim=3)
    z, labels = latents.sample(4, (LATENT_DIM,), 0), np.array([0, 1, 2, 0], "int32")
    inputs = {"latents": z, "labels": labels}
    for threshold in (0.0, 0.5, 2.0):
        truncation = np.full(4, threshold, "float32")
        drawn = run(model.exported_networks()["generator"], **inputs, truncation=truncation)["images"]
        np.testing.assert_allclose(drawn, model.sample(z, labels, threshold), atol=1e-5)


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def drawn_codes(above, step, noise, temperature, *conditions):
    """Draws codes as `docs/exporting.md` describes it."""
    above, step = traced(above).function, traced(step).function
    codes = np.zeros(noise.shape, "int32")
    _, height, width, channels = noise.shape
    for y in range(height):
        links = above(codes, *conditions)["links"][:, y]
        for x in range(width):
            for channel in range(channels):
                found = step(codes[:, y], links)["log_probabilities"].numpy()[:, x, channel]
                cumulative = np.cumsum(softmax(found / temperature), axis=-1)[:, :-1]
                codes[:, y, x, channel] = (noise[:, y, x, channel, None] >= cumulative).sum(-1)
    return codes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((4, 5, 1), {"num_classes": 3, "class_map_features": 2}),
        ((3, 4, 3), {"likelihood": "logistic_mixture", "levels": 8}),
    ],
)
def test_images_are_drawn_pixel_by_pixel(shape, options):
    model = tiny_pixel_cnn(shape, **options)
    labels = [np.array([2, 0], "int32")] if "num_classes" in options else []
    noise = latents.sample(2, shape, 0, distribution="uniform")
    networks = model.exported_networks()
    codes = drawn_codes(networks["above"], networks["step"], noise, 0.5, *labels)
    assert len(np.unique(codes)) > 1
    drawn = codes * 2.0 / (model.exported_facts()["levels"] - 1) - 1.0
    np.testing.assert_allclose(drawn, model.sample(noise, *labels, temperature=0.5), atol=1e-6)


@pytest.mark.slow
def test_codes_of_several_grids_are_drawn_and_decoded():
    prior = {"filters": 4, "num_blocks": 1, "num_classes": 3}
    model = zoo.VQVAE2(SHAPE, num_embeddings=6, embedding_dim=3, filters=4, residual_blocks=1, prior=prior)
    for variable in model.prior.trainable_variables:
        variable.assign(variable * 5.0)
    noise, labels = latents.sample(2, model.noise_shape, 0, distribution="uniform"), np.array([2, 0], "int32")
    networks = model.exported_networks()
    parts = np.split(noise[:, 0, 0], [model.code_shapes[0][0] * model.code_shapes[0][1]], axis=-1)
    noises = [part.reshape(2, *grid, 1) for part, grid in zip(parts, model.code_shapes, strict=True)]
    coarse = drawn_codes(networks["prior_above_0"], networks["prior_step_0"], noises[0], 1.0, labels)
    fine = drawn_codes(networks["prior_above_1"], networks["prior_step_1"], noises[1], 1.0, coarse, labels)
    drawn = run(networks["decoder"], codes_0=coarse[..., 0], codes_1=fine[..., 0])["images"]
    np.testing.assert_allclose(drawn, np.clip(model.sample(noise, labels), -1, 1), atol=1e-5)
    encoded = run(networks["encoder"], image=drawn)
    np.testing.assert_array_equal(encoded["codes_1"], model.encode(drawn)[1])


@pytest.mark.slow
def test_an_autoencoder_without_prior_still_encodes_and_decodes():
    model = zoo.VQVAE(SHAPE, num_embeddings=6, embedding_dim=3, filters=4, residual_blocks=1)
    assert [*model.exported_networks()] == ["encoder", "decoder"]


@pytest.mark.slow
def test_attributes_are_edited_as_by_move():
    changes = np.random.RandomState(0).normal(size=(2, LATENT_DIM + 1, LATENT_DIM)).astype("float32")
    directions = {"smile": changes, "age": np.ones(LATENT_DIM, "float32")}
    model = tiny_vae(attribute_directions=directions)
    assert model.exported_facts()["attributes"] == ["age", "smile"]
    z = latents.sample(4, (LATENT_DIM,), 0)
    attribute, amount = np.array([0, 0, 1, 1], "int32"), np.array([1.5, -1.0, 1.5, -1.0], "float32")
    edited = run(model.exported_networks()["edit"], latents=z, attribute=attribute, amount=amount)["edited"]
    np.testing.assert_allclose(edited[:2], latents.move(z[:2], directions["age"], amount[:2]), atol=1e-5)
    np.testing.assert_allclose(edited[2:], latents.move(z[2:], changes, amount[2:]), atol=1e-5)
    assert "edit" not in tiny_vae().exported_networks()


@pytest.mark.slow
def test_prompts_are_told_by_the_vocabulary_file():
    model = zoo.TextToImageGAN(
        SHAPE, LATENT_DIM, vocabulary=["red", "cat"], max_words=4, filters=2, text_dim=3, word_dim=4
    )
    vocabulary = model.exported_files()["vocabulary.json"]
    known = [vocabulary["words"][word] for word in words("A red cat!") if word in vocabulary["words"]]
    tokens = np.zeros((1, vocabulary["max_words"]), "int32")
    tokens[0, : len(known)] = known
    np.testing.assert_array_equal(tokens, model.tokenize(["red cat"]))
    z, networks = latents.sample(1, (LATENT_DIM,), 0), model.exported_networks()
    drawn = run(networks["generator"], latents=z, tokens=tokens)["images"]
    np.testing.assert_allclose(drawn, model.sample(z, tokens), atol=1e-6)
    assert run(networks["text_encoder"], tokens=tokens)["mean"].shape == (1, 3)


# === Models of one's own ===


class Blurrer(zoo.GenerativeModel):
    """A model whose networks are attributes."""

    def __init__(self, image_shape, **networks):
        super().__init__(image_shape, ("loss",))
        for name, network in networks.items():
            setattr(self, name, network)
        self.built = True


class Numbered(Blurrer):
    """A model that names its function itself."""

    def exported_networks(self):
        return {"numbered": Network(self.function, {"latents": Values((2,))})}


def test_functional_networks_of_a_model_are_exported_by_their_names(tmp_path):
    dense = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    named = {"latents": keras.Input((2,), name="latents"), "labels": keras.Input((), dtype="int32", name="labels")}
    both = keras.Model(named, {"one": named["latents"] * 2.0, "other": named["labels"] + 1})
    several = keras.Model(list(named.values()), [named["latents"] * 2.0, named["labels"] + 1])
    networks = Blurrer(SHAPE, dense=dense, both=both, several=several).exported_networks()
    x, labels = np.ones((1, 2), "float32"), np.array([4], "int32")
    np.testing.assert_allclose(run(networks["dense"], inputs=x)["outputs"], dense(x))
    assert run(networks["both"], latents=x, labels=labels)["other"] == [5]
    assert run(networks["several"], latents=x, labels=labels)["outputs_1"] == [5]


@pytest.mark.slow
def test_a_generator_of_ones_own_is_exported_as_what_draws(tmp_path):
    generator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(64), keras.layers.Reshape(SHAPE)])
    discriminator = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(1)])
    model = zoo.AdversarialModel(SHAPE, generator=generator, discriminator=discriminator)
    model.export(tmp_path / "own", format="onnx")
    assert index_of(tmp_path / "own")["networks"]["generator"]["outputs"]["images"]["range"] == [-1.0, 1.0]
    assert_same(tmp_path / "own", model.exported_networks())


def test_a_model_without_networks_says_so(tmp_path):
    with pytest.raises(InputError, match="A Blurrer has no functional network to export; exported_networks"):
        Blurrer(SHAPE).export(tmp_path / "own")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format", "function", "says"),
    [
        (
            "onnx",
            lambda latents: {"outputs": ops.erfinv(latents)},
            "The network 'numbered' cannot be exported as onnx \\(ValidationError: No Op registered for Erfinv",
        ),
        (
            "litert",
            lambda latents: {"outputs": ops.erfinv(latents)},
            r"cannot be exported as litert \(ValueError: LiteRT has no Erfinv\)\.",
        ),
        ("onnx", lambda latents: {"outputs": ops.cast(latents, "bfloat16")}, "computes in bfloat16, expected float32"),
    ],
)
def test_what_a_format_cannot_hold_is_said_and_leaves_nothing(format, function, says, tmp_path):
    model = Numbered(SHAPE)
    model.function = function
    with pytest.raises(InputError, match=says) as caught:
        model.export(tmp_path / "own", format=format)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


# === Places ===


@pytest.mark.slow
def test_a_saved_model_serves_what_draws(tmp_path):
    model, z = tiny_gan(), np.ones((2, LATENT_DIM), "float32")
    model.generator.set_weights([0 * weight for weight in model.generator.get_weights()])
    model.export(tmp_path / "served")
    served = tf.saved_model.load(tmp_path / "served")
    np.testing.assert_allclose(served.serve(z)["images"], model.ema_generator(z), atol=1e-6)
    np.testing.assert_allclose(served.signatures["serve"](latents=tf.constant(z))["images"], model.ema_generator(z))
    # It leaves out the discriminator, and the trained generator beside its average.
    assert len(served.used) == len(model.ema_generator.weights)
    autoencoder = tiny_vae()
    autoencoder.export(tmp_path / "vae")
    assert index_of(tmp_path / "vae")["networks"]["decoder"]["file"] == "decoder"
    decoder = tf.saved_model.load(tmp_path / "vae" / "decoder")
    np.testing.assert_allclose(decoder.serve(z)["images"], autoencoder.sample(z), atol=1e-6)


@pytest.mark.slow
def test_files_describe_themselves_and_are_replaced(tmp_path):
    model = zoo.ConditionalGAN(SHAPE, LATENT_DIM, filters=2, num_classes=3, class_names=["a", "b", "c"])
    for name, description_of in (("x.onnx", onnx_description), ("x.tflite", litert_description)):
        path = tmp_path / name
        path.write_text("old")
        model.export(path)
        said = description_of(path)
        assert said["class_names"] == ["a", "b", "c"] and "preset" not in said
        assert said["inputs"]["labels"] == {"shape": [None], "dtype": "int32", "range": [0, 2]}
        assert said["outputs"]["images"] == {"shape": [None, *SHAPE], "dtype": "float32", "range": [-1.0, 1.0]}
    assert {path.name for path in tmp_path.iterdir()} == {"x.onnx", "x.tflite"}
    (tmp_path / "folder").mkdir()
    for _ in range(2):
        model.export(tmp_path / "folder", format="onnx")
    assert {path.name for path in (tmp_path / "folder").iterdir()} == {"generator.onnx", "export.json"}


@pytest.mark.slow
def test_only_unchanged_weights_are_said_to_be_the_presets(tmp_path):
    tiny_gan().save_to_preset(tmp_path / "mine")
    model = zoo.load(tmp_path / "mine")
    sha256 = presets.metadata_of(tmp_path / "mine")["files"][presets.WEIGHTS]["sha256"]
    assert presets.origin_of(model) == {"class": "GAN", "preset": "mine", "weights_sha256": sha256}
    model.generate(2)
    assert "preset" in presets.origin_of(model)
    model.compile()
    model.fit(images(8), batch_size=8, verbose=0)
    assert presets.origin_of(model) == {"class": "GAN"}


@pytest.mark.parametrize(
    ("name", "format", "says"),
    [
        ("x.onnx", "pytorch", "format is 'pytorch', expected 'onnx', 'litert', 'tf_saved_model' or None."),
        ("x.keras", None, "expected the name of a folder, without a suffix, or one that ends in .onnx or .tflite."),
        ("x.tflite", "onnx", "expected the name of a folder, without a suffix, or one that ends in .onnx."),
        ("x.onnx", "tf_saved_model", "expected the name of a folder, without a suffix."),
        ("missing/x.onnx", None, "but there is no folder '.*missing'."),
        ("folder.onnx", None, "which exists and is no file."),
        ("taken", None, "which exists and is no export; expected a new or empty folder."),
        ("file", None, "which exists and is no export; expected a new or empty folder."),
        (".", None, "which is the current folder or holds it; expected another folder."),
    ],
)
def test_bad_places_are_refused_before_any_work(name, format, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "export.json").write_text("[]")
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=says):
        Blurrer(SHAPE).export(name, format)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_name_that_cannot_be_is_said():
    with pytest.raises(StorageError, match="could not be written: File name too long"):
        Blurrer(SHAPE).export("x" * 300)


@pytest.mark.parametrize(("format", "package"), [("onnx", "tf2onnx"), ("litert", "ai_edge_litert")])
def test_missing_packages_are_named_with_their_extra(format, package, tmp_path, monkeypatch):
    # Python takes None for a package that does not exist.
    monkeypatch.setitem(sys.modules, package, None)
    says = re.escape(f"Exporting to {format} needs the package {package}: pip install 'generative-zoo[export]'.")
    with pytest.raises(MissingDependencyError, match=says):
        Blurrer(SHAPE).export(tmp_path / "x", format)


def test_a_file_holds_one_network(tmp_path):
    with pytest.raises(
        InputError, match=r"is one file, but there are 2 networks \(encoder, decoder\); expected the name"
    ):
        tiny_vae().export(tmp_path / "vae.onnx")
    assert not list(tmp_path.iterdir())


# === The command ===


def command(*arguments):
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


@pytest.mark.slow
def test_the_command_exports_a_directory(tmp_path):
    tiny_vae().save_to_preset(tmp_path / "mine")
    result = command(tmp_path / "mine", "-o", tmp_path / "exported", "--format", "onnx")
    assert result.output == f"Wrote {tmp_path / 'exported'}.\n" and result.exit_code == 0
    assert index_of(tmp_path / "exported")["preset"] == "mine"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gan_mnist_29", "-o", "x.onnx"], "Error: There is no preset 'gan_mnist_29'; did you mean gan_mnist_28"),
        (["gan_mnist_28", "-o", "x.keras"], "Error: -o is 'x.keras', expected the name of a folder"),
        (["gan_mnist_28", "-o", "x", "--format", "h5"], "Error: Invalid value for '--format': 'h5' is not one of"),
        (["gan_mnist_28"], "Error: Missing option '-o' / '--output'."),
    ],
)
def test_the_command_refuses_in_one_sentence(arguments, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = command(*arguments)
    assert result.exit_code == 1 and result.output.startswith(says), result.output
    assert not list(tmp_path.iterdir())
