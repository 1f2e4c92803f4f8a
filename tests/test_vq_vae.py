"""The codebook against numpy, its gradient, its restarts; the VQ-VAE's step against the paper's formula."""

import warnings

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import (
    SHAPE,
    AtBatch,
    assert_equal_states,
    folder_of_classes,
    images,
    interrupt,
    load_warning,
    state,
    tiny_vq_vae,
    values,
)
from scipy import stats

import zoo
from zoo import latents
from zoo.callbacks import BackupAndRestore, SampleGrid
from zoo.errors import DataError, InputError
from zoo.layers.vector_quantizer import VectorQuantizer

DIM = 3


def quantizer(number=5, **arguments):
    layer = VectorQuantizer(number, DIM, **arguments)
    layer.build((None, DIM))
    layer.codebook.assign(np.random.RandomState(0).normal(size=(number, DIM)))
    return layer


def vectors(*shape, seed=1):
    return np.random.RandomState(seed).normal(size=(*shape, DIM)).astype("float32")


# === The codebook ===


def test_codes_are_the_nearest_embeddings():
    layer, given = quantizer(), vectors(4, 2, 2)
    distances = ((given[..., None, :] - np.array(layer.codebook)) ** 2).sum(-1)
    np.testing.assert_array_equal(layer.nearest(given), distances.argmin(-1))
    np.testing.assert_allclose(layer(given), np.array(layer.codebook)[distances.argmin(-1)], atol=1e-6)


def test_the_gradient_goes_straight_through():
    layer, given = quantizer(), tf.constant(vectors(4))
    weights = tf.constant(vectors(4, seed=2))
    with tf.GradientTape() as tape:
        tape.watch(given)
        loss = tf.reduce_sum(layer(given) * weights)
    np.testing.assert_array_equal(tape.gradient(loss, given), weights)


def test_an_update_moves_embeddings_to_the_running_means():
    layer = quantizer(2, ema_decay=0.9, restart_below=0.0)
    counts, sums = np.zeros(2), np.zeros((2, DIM))
    for step in range(3):
        given = vectors(6, seed=step)
        codes = np.array(layer.nearest(given))
        layer.update(given, codes)
        for code in range(2):
            counts[code] = 0.9 * counts[code] + 0.1 * (codes == code).sum()
            sums[code] = 0.9 * sums[code] + 0.1 * given[codes == code].sum(0)
        np.testing.assert_allclose(layer.codebook, sums / counts[:, None], rtol=1e-5)


def test_the_first_update_is_the_batch_mean():
    layer = quantizer(1)
    given = vectors(6)
    layer.update(given, np.zeros(6, "int32"))
    np.testing.assert_allclose(np.array(layer.codebook)[0], given.mean(0), rtol=1e-5)


def test_unused_embeddings_restart_at_vectors_of_the_batch():
    layer = quantizer(8)
    layer.codebook.assign(np.full((8, DIM), 100.0) + np.arange(8)[:, None])
    given = vectors(64)
    layer.update(given, layer.nearest(given))
    # Only the embedding that took all vectors stays, at their mean.
    after = np.array(layer.codebook)
    rows = {tuple(row) for row in given}
    assert sum(tuple(row) in rows for row in after) == 7
    assert len({int(code) for code in np.array(layer.nearest(given))}) >= 4


def test_restarted_embeddings_are_not_restarted_at_once():
    layer = quantizer(8)
    layer.update(vectors(64), np.zeros(64, "int32"))
    before = np.array(layer.codebook)
    # None of the restarted is used.
    layer.update(vectors(64, seed=1), np.zeros(64, "int32"))
    np.testing.assert_allclose(np.array(layer.codebook)[1:], before[1:], rtol=1e-5)


def test_an_embedding_restarts_once_it_is_used_less_than_the_threshold():
    layer = quantizer(2, ema_decay=0.5, restart_below=0.2)
    layer.update(vectors(6), np.repeat(np.arange(2, dtype="int32"), 3))
    once = np.array(layer.codebook)[1]
    # Of its share of vectors a running mean without any leaves 1/3 and then 1/7.
    for seed, stays in ((1, True), (2, False)):
        given = vectors(6, seed=seed)
        layer.update(given, np.zeros(6, "int32"))
        after = np.array(layer.codebook)[1]
        assert np.allclose(after, once, rtol=1e-5) == stays
    assert after.tolist() in given.tolist()


def test_without_running_means_the_codebook_is_trained():
    layer = quantizer(ema_decay=None)
    assert [v.name for v in layer.trainable_variables] == ["codebook"]
    assert quantizer().trainable_variables == []


def test_it_comes_back_from_its_configuration():
    layer = quantizer(7, ema_decay=0.5, restart_below=0.2)
    again = VectorQuantizer.from_config(layer.get_config())
    assert (again.num_embeddings, again.embedding_dim) == (7, DIM)
    assert (again.ema_decay, again.restart_below) == (0.5, 0.2)


@pytest.fixture
def half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.usefixtures("half_precision")
def test_distances_stay_in_float32():
    assert quantizer()(vectors(2)).dtype == "float32"


@pytest.mark.slow
@pytest.mark.usefixtures("half_precision")
def test_a_model_in_half_precision_encodes_and_decodes():
    model, given = tiny_vq_vae(), images(2)
    assert model.dtype_policy.name == "mixed_bfloat16"
    assert model.reconstruct(given).shape == given.shape
    assert model(given / np.float32(127.5) - 1).shape == given.shape
    np.testing.assert_array_equal(model(given), model(given / np.float32(127.5) - 1))


@pytest.mark.parametrize("codes", [[0, 4], [[1, 2], [3, 3]]])
def test_lookup_returns_embeddings(codes):
    layer = quantizer()
    np.testing.assert_array_equal(layer.lookup(np.array(codes)), np.array(layer.codebook)[np.array(codes)])


# === The model ===


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_the_objective_is_the_papers(ema_decay):
    model = tiny_vq_vae(ema_decay=ema_decay, commitment_cost=0.4, data_variance=0.3)
    batch = model.prepare(images(5))
    vectors = model.encoder(batch["images"]).numpy()
    codebook = model.quantizers[0].codebook.numpy()
    codes = ((vectors[..., None, :] - codebook) ** 2).sum(-1).argmin(-1)
    embeddings = codebook[codes]
    error = np.mean((batch["images"] - model.decoder(embeddings)) ** 2)
    distance = np.mean((vectors - embeddings) ** 2)
    expected = error / 0.3 + (0.4 + (ema_decay is None)) * distance
    loss, logs = model.vq_loss(batch)
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert float(logs["psnr"]) == pytest.approx(10 * np.log10(4 / error), rel=1e-5)
    shares = np.bincount(codes.ravel(), minlength=6) / codes.size
    assert float(logs["perplexity"]) == pytest.approx(np.exp(stats.entropy(shares)), rel=1e-4)
    assert float(logs["used_codes"]) == pytest.approx((shares > 0).mean())


def test_codes_are_used_of_as_many_as_a_batch_has():
    model = tiny_vq_vae(num_embeddings=64)
    batch = model.prepare(images(2))
    [(_, codes)] = model.vectors_and_codes(batch["images"])
    _, logs = model.vq_loss(batch)
    assert float(logs["used_codes"]) == pytest.approx(len(np.unique(codes)) / 8)


@pytest.mark.slow
def test_another_length_of_embeddings_begins_their_running_means_anew(tmp_path):
    model = tiny_vq_vae()
    model.compile(run_eagerly=True)
    model.fit(images(16), batch_size=4, verbose=0)
    assert int(model.quantizers[0].updates) == 4
    model.save_to_preset(tmp_path / "preset")
    with pytest.warns(UserWarning, match=r"embedding_dim=4: newly initialized .*quantizer_0/codebook"):
        changed = zoo.VQVAE.from_preset(tmp_path / "preset", embedding_dim=4)
    for mean in (changed.quantizers[0].counts, changed.quantizers[0].sums, changed.quantizers[0].updates):
        assert not np.any(mean)
    kept = zoo.VQVAE.from_preset(tmp_path / "preset", commitment_cost=0.5)
    assert int(kept.quantizers[0].updates) == 4 and np.any(kept.quantizers[0].counts)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"prior": {"blocks": 1}}, "prior has 'blocks', expected some of .*num_blocks"),
        ({"encoder": "x"}, "encoder is 'x', expected a functional Keras network of known inputs"),
    ],
)
def test_arguments_of_another_kind_are_refused(arguments, says):
    with pytest.raises(InputError, match=says):
        tiny_vq_vae(**arguments)


@pytest.mark.slow
def test_gradients_go_where_the_paper_sends_them():
    model = tiny_vq_vae(ema_decay=None, commitment_cost=0.4)
    batch = model.prepare(images(5))
    codebook, weights = model.quantizers[0].codebook.value, [v.value for v in model.encoder.trainable_variables]
    with tf.GradientTape() as tape:
        loss, _ = model.vq_loss(batch)
    found = tape.gradient(loss, [codebook, *weights])

    with tf.GradientTape(persistent=True) as tape:
        vectors = model.encoder(batch["images"])
        embeddings = tf.gather(codebook, model.quantizers[0].nearest(vectors))
        error = tf.reduce_mean((batch["images"] - model.decoder(embeddings)) ** 2)
        codebook_term = tf.reduce_mean((tf.stop_gradient(vectors) - embeddings) ** 2)
        # The encoder gets what the decoder asks of the embeddings, and the commitment.
        commitment = tf.reduce_mean((vectors - tf.stop_gradient(embeddings)) ** 2)
    asked = tape.gradient(error, embeddings) + 0.4 * tape.gradient(commitment, vectors)
    np.testing.assert_allclose(
        tf.convert_to_tensor(found[0]), tf.convert_to_tensor(tape.gradient(codebook_term, codebook)), atol=1e-6
    )
    with tf.GradientTape() as tape:
        vectors = model.encoder(batch["images"])
    for one, other in zip(found[1:], tape.gradient(vectors, weights, output_gradients=asked), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_it_learns_and_uses_its_codebook():
    shades = np.repeat(np.repeat(images(64, (2, 2, 1)), 4, 1), 4, 2)
    model = tiny_vq_vae(num_embeddings=16)
    model.compile(keras.optimizers.Adam(3e-3))
    history = model.fit(shades, batch_size=16, epochs=40, verbose=0).history
    assert history["psnr"][-1] > history["psnr"][0] + 3.0
    assert history["used_codes"][-1] > 0.5


@pytest.mark.slow
def test_a_codebook_that_collapses_is_reported():
    model = tiny_vq_vae(num_embeddings=64, ema_decay=None)
    model.quantizers[0].codebook.assign(np.eye(64, 3) + 100.0 * np.arange(64)[:, None])
    model.compile(keras.optimizers.SGD(1e-9))
    with pytest.warns(UserWarning, match=r"collapses: in epoch 1 a batch used 1\.6 % of it, perplexity 1\.0;") as said:
        model.fit(images(32), batch_size=16, epochs=3, verbose=0)
    assert len([warning for warning in said if "collapses" in str(warning.message)]) == 1


@pytest.mark.slow
def test_codes_decode_to_reconstructions():
    model, given = tiny_vq_vae(), images(300)
    codes = model.encode(given)
    assert codes.shape == (300, 2, 2) and codes.dtype == "int32" and model.code_shapes == ((2, 2),)
    expected = (np.array(model(given.astype("float32") / 127.5 - 1)) + 1) * 127.5
    np.testing.assert_allclose(model.decode(codes), expected, atol=0.51)
    np.testing.assert_array_equal(model.reconstruct(given), model.decode(codes))


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        (np.full((1, 2, 2), 6), r"codes has values from 6 to 6, expected 0 to 5"),
        (np.full((1, 2, 2), -1), r"codes has values from -1 to -1"),
        (np.zeros((1, 2, 2)), r"codes is float64 of shape \(1, 2, 2\), expected integers \(n, 2, 2\)"),
        (np.zeros((1, 3, 2), int), r"codes is int64 of shape \(1, 3, 2\)"),
        (np.zeros((0, 2, 2), int), r"codes is int64 of shape \(0, 2, 2\)"),
    ],
)
def test_codes_outside_of_the_codebook_are_refused(codes, says):
    with pytest.raises(InputError, match=says):
        tiny_vq_vae().decode(codes)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"num_embeddings": 0}, "num_embeddings is 0"),
        ({"data_variance": 0.0}, "data_variance is 0.0"),
        ({"ema_decay": 1.0}, "ema_decay is 1.0"),
        ({"prior": "x"}, "prior is 'x', expected a dict of what build_prior takes"),
        ({"image_shape": (9, 8, 1)}, r"image_shape is \(9, 8, 1\), expected sides divisible by 4"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, says):
    with pytest.raises(InputError, match=says):
        zoo.VQVAE(**{"image_shape": SHAPE, **arguments})


def test_images_of_another_size_are_refused():
    with pytest.raises(InputError, match=r"expected \(n, 8, 8, 1\)"):
        tiny_vq_vae().encode(images(2, (4, 4, 1)))


# === The prior ===


def with_prior(**arguments):
    return tiny_vq_vae(prior={"filters": 4, "num_blocks": 2, **arguments})


def test_without_a_prior_there_is_nothing_to_draw_from():
    model = tiny_vq_vae()
    for call in (lambda: model.generate(2), lambda: model.bits_per_image(images(2))):
        with pytest.raises(InputError, match=r"This VQVAE has no prior to draw from; call fit_prior\(images\) first"):
            call()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"x": "no_such_folder/"}, "no_such_folder"),
        ({"x": images(8), "batch_size": 9}, "has 8 images, fewer than one batch of 9"),
        ({"x": images(8), "batch_size": 4, "epochs": 0}, "epochs is 0"),
        ({"x": images(8), "batch_size": 4, "validation_data": images(2, (4, 4, 1))}, r"has shape \(2, 4, 4, 1\)"),
        # The prior alone draws nothing.
        ({"x": images(8), "batch_size": 4, "callbacks": [SampleGrid("grids")]}, "draw is None, expected a function"),
    ],
)
def test_a_refused_prior_leaves_none(arguments, says):
    model = tiny_vq_vae()
    with pytest.raises((InputError, DataError), match=says):
        model.fit_prior(**arguments)
    assert model.prior is None and not model.draws_alone


@pytest.mark.slow
def test_a_prior_in_place_of_another_is_saved_alone(tmp_path):
    model = tiny_vq_vae()
    model.compile()
    # Refused when its prior was there already.
    with pytest.raises(InputError, match="optimizer is 'foo'"):
        model.fit_prior(images(8), batch_size=4, optimizer="foo")
    model.save_to_preset(tmp_path / "without")
    assert zoo.load(tmp_path / "without").prior is None
    for filters in (8, 4):
        model.build_prior(filters=filters, num_blocks=1)
    assert [layer.name for layer in model.layers].count("prior") == 1
    model.save_to_preset(tmp_path / "with")
    np.testing.assert_array_equal(zoo.load(tmp_path / "with").generate(3, seed=0), model.generate(3, seed=0))


def convolution(inputs, filters):
    inputs = keras.Input(inputs)
    return keras.Model(inputs, keras.layers.Conv2D(filters, 1)(inputs))


@pytest.mark.parametrize(
    ("networks", "says"),
    [
        ({"encoder": convolution((4, 4, 1), DIM)}, r"encoder takes \(4, 4, 1\), expected \(8, 8, 1\)"),
        ({"encoder": convolution(SHAPE, 6)}, r"encoder makes \(8, 8, 6\), expected \(8, 8, 3\)"),
        ({"decoder": convolution((8, 8, DIM), 3)}, r"decoder takes \(8, 8, 3\), expected \(2, 2, 3\)"),
        (
            {"encoder": convolution(SHAPE, DIM), "decoder": convolution((8, 8, DIM), 3)},
            r"decoder makes \(8, 8, 3\), expected \(8, 8, 1\)",
        ),
    ],
)
def test_networks_that_do_not_fit_are_refused(networks, says):
    with pytest.raises(InputError, match=says):
        zoo.VQVAE(SHAPE, 6, DIM, **networks)


def test_networks_of_two_grids_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"fine_encoder takes .*, expected \(4, 4, 4\) and \(2, 2, 3\)"):
        zoo.VQVAE2(SHAPE, 6, DIM, filters=4, residual_blocks=1, stages=1, fine_encoder=convolution((4, 4, 4), DIM))


@pytest.mark.slow
def test_a_fine_grid_is_a_multiple_of_the_coarse_one():
    def networks(coarse, fine):
        image, features = keras.Input(SHAPE), keras.Input((*fine, 4))
        both = [keras.Input((*grid, DIM)) for grid in (coarse, fine)]
        encoded = [
            keras.layers.Conv2D(width, 1)(keras.layers.Resizing(*grid)(image))
            for grid, width in ((fine, 4), (coarse, DIM))
        ]
        decoded = keras.layers.Add()([keras.layers.Resizing(*SHAPE[:2])(one) for one in both])
        return {
            "encoder": keras.Model(image, encoded),
            "fine_encoder": keras.Model([features, both[0]], keras.layers.Conv2D(DIM, 1)(features)),
            "decoder": keras.Model(both, keras.layers.Conv2D(1, 1)(decoded)),
        }

    zoo.VQVAE2(SHAPE, 6, DIM, **networks((2, 2), (4, 4)))
    with pytest.raises(InputError, match=r"a grid of \(4, 4\), expected multiples of the coarse grid \(3, 3\)"):
        zoo.VQVAE2(SHAPE, 6, DIM, **networks((3, 3), (4, 4)))


def test_codes_of_different_lengths_are_refused():
    with pytest.raises(InputError, match="codes is a list of arrays of different shapes"):
        tiny_vq_vae().decode([[1, 2], [3]])


@pytest.mark.slow
def test_bits_are_those_of_each_code_given_the_earlier_ones():
    model, given = with_prior(), images(3)
    network, codes = model.prior.networks[0], model.encode(given)
    expected = np.zeros(3)
    for y, x in np.ndindex(model.code_shapes[0]):
        # Later codes are hidden, so that the network can only have used the earlier ones.
        known = np.where(np.arange(4).reshape(2, 2) < 2 * y + x, codes, 0)
        logits = network({"codes": known[..., None]}).numpy()[:, y, x]
        probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        expected -= np.log2(probabilities[np.arange(3), codes[:, y, x]])
    np.testing.assert_allclose(model.bits_per_image(given), expected, rtol=1e-4)


@pytest.mark.slow
def test_what_trains_a_prior_is_saved_with_the_model_and_with_the_prior(tmp_path):
    model = with_prior()
    model.compile()
    keep = keras.callbacks.ModelCheckpoint(tmp_path / "prior.keras")
    model.fit_prior(
        images(8), batch_size=4, optimizer=keras.optimizers.SGD(1e-4, momentum=0.9), verbose=0, callbacks=keep
    )
    model.save(tmp_path / "model.keras")
    model.save_to_preset(tmp_path / "preset")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for prior in (loaded.prior, keras.saving.load_model(tmp_path / "prior.keras")):
        assert_equal_states(state(prior), state(model.prior))
        assert isinstance(prior.optimizer, keras.optimizers.SGD) and int(prior.optimizer.iterations) == 2
    preset = zoo.load(tmp_path / "preset")
    assert float(preset.prior.optimizer.learning_rate) == pytest.approx(1e-4)
    assert int(preset.prior.optimizer.iterations) == 0
    assert zoo.load(tmp_path / "preset", prior=None).prior is None
    for one in (loaded, preset):
        one.fit_prior(images(8), batch_size=4, verbose=0)
        assert isinstance(one.prior.optimizer, keras.optimizers.SGD)


def test_a_prior_is_no_model_of_images(tmp_path):
    prior = with_prior().prior
    with pytest.raises(InputError, match="A CodePrior draws codes; generate of the model that it is a part of"):
        prior.generate(2)
    with pytest.raises(InputError, match="A CodePrior is a part of a model; save_to_preset of the model keeps both"):
        prior.save_to_preset(tmp_path / "preset")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("argument", ["validation_split", "data"])
def test_a_prior_is_fitted_with_what_it_takes(argument):
    with pytest.raises(InputError, match=f"fit_prior was given {argument}, expected x, y,(?!.* validation_split)"):
        with_prior().fit_prior(images(8), batch_size=4, **{argument: 0.5})


@pytest.mark.slow
def test_the_prior_learns_the_codes_and_leaves_the_rest_alone():
    model = tiny_vq_vae()
    model.build_prior(filters=8, num_blocks=2)
    before = values([*model.encoder.variables, *model.decoder.variables, model.quantizers[0].codebook])
    model.fit_prior(images(64), batch_size=16, epochs=15, verbose=0, optimizer=keras.optimizers.Adam(1e-2))
    after = values([*model.encoder.variables, *model.decoder.variables, model.quantizers[0].codebook])
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    # Uniform codes would take 4 log2(6) = 10.3 bits.
    assert model.bits_per_image(images(64)).mean() < 10.0


@pytest.mark.slow
def test_fit_leaves_the_prior_alone():
    model = with_prior()
    model.compile(run_eagerly=True)
    before = values(model.prior.variables)
    model.fit(images(16), batch_size=8, verbose=0)
    for one, other in zip(before, values(model.prior.variables), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_images_are_decoded_codes_of_the_prior():
    model = with_prior()
    drawn = model.generate(5, seed=3)
    assert drawn.shape == (5, *SHAPE) and drawn.dtype == "uint8"
    np.testing.assert_array_equal(model.generate(70, seed=3)[:5], drawn)
    noise = latents.sample(64, model.noise_shape, 3, distribution="uniform")
    [codes] = model.prior.sample_codes(noise)
    assert codes.shape == (64, 2, 2)
    np.testing.assert_allclose(model.decode(codes[:5]), drawn, atol=1)


@pytest.mark.slow
def test_at_a_low_temperature_all_draws_are_the_likeliest():
    model = with_prior()
    stream = np.random.RandomState(0)
    for network in (model.prior, model.decoder):
        for variable in network.weights:
            variable.assign(variable + stream.normal(0, 0.3, variable.shape))
    warm, cold = (model.generate(5, seed=3, temperature=temperature).astype(int) for temperature in (1.0, 1e-5))
    assert np.ptp(warm, 0).max() > 5
    assert np.ptp(cold, 0).max() <= 1


@pytest.mark.slow
def test_labels_choose_the_class():
    model = with_prior(num_classes=3)
    assert model.generate(labels=[0, 1, 2, 1], seed=0).shape[0] == 4
    with pytest.raises(InputError, match="labels holds values from 3 to 3, expected integers from 0 to 2"):
        model.generate(labels=[3])
    with pytest.raises(InputError, match="x has no labels"):
        model.fit_prior(images(16))
    unlearned = tiny_vq_vae()
    unlearned.compile()
    unlearned.encode_grids = model.encode_grids = lambda images: pytest.fail(
        "images were encoded before all was checked"
    )
    with pytest.raises(InputError, match="optimizer is 'foo', expected a Keras optimizer"):
        unlearned.fit_prior(images(8), batch_size=4, optimizer="foo")
    assert unlearned.prior is None
    with pytest.raises(InputError, match="labels is None"):
        model.bits_per_image(images(2))
    del model.encode_grids
    labels = np.arange(64) % 3
    shades = (images(64) // 8 + 80 * labels[:, None, None, None]).astype("uint8")
    model.fit_prior(shades, labels, batch_size=16, epochs=2, verbose=0)
    for variable in model.prior.trainable_variables:
        variable.assign(4.0 * variable)
    bits = model.bits_per_image(shades, labels)
    assert bits.shape == (64,) and (bits != model.bits_per_image(shades, (labels + 1) % 3)).all()
    drawn = [
        model.prior.sample_codes(latents.sample(16, model.noise_shape, 0, distribution="uniform"), label)[0]
        for label in np.repeat([[0], [1]], 16, axis=1)
    ]
    assert (drawn[0] != drawn[1]).any()
    with pytest.raises(InputError, match="labels has 3 rows, expected one for each of 64 images"):
        model.bits_per_image(shades, [0, 1, 2])
    with pytest.raises(InputError, match="labels were given to a model without classes"):
        with_prior().bits_per_image(shades, labels)
    with pytest.raises(InputError, match=r"VQVAE\.generate does not understand labels"):
        with_prior().generate(labels=[0])


@pytest.mark.slow
def test_one_preset_holds_both_parts(tmp_path):
    model = with_prior(num_classes=2)
    model.compile(run_eagerly=True)
    model.prior.compile(run_eagerly=True)
    model.fit(images(16), batch_size=8, verbose=0)
    model.fit_prior(images(16), np.arange(16) % 2, batch_size=8, verbose=0)
    drawn = model.generate(labels=[0, 1], seed=0)
    model.save_to_preset(tmp_path / "preset")
    with h5py.File(tmp_path / "preset" / "model.weights.h5") as file:
        names = []
        file.visit(names.append)
    assert not [name for name in names if "optimizer" in name]
    loaded = zoo.load(tmp_path / "preset")
    np.testing.assert_array_equal(loaded.generate(labels=[0, 1], seed=0), drawn)
    loaded.fit_prior(images(16), np.arange(16) % 2, batch_size=8, verbose=0)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        keras.saving.load_model(tmp_path / "model.keras").generate(labels=[0, 1], seed=0), drawn
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"prior": "x", "num_classes": 3}, "prior is 'x', expected a dict of what build_prior takes"),
        ({"prior": None, "num_classes": 3}, "VQVAE has no argument 'num_classes' to change"),
        ({"prior": {"depth": 1}}, "prior has .depth., expected some of filters, num_blocks"),
    ],
)
def test_overrides_that_are_no_options_of_a_prior_are_refused(overrides, says, tmp_path):
    with_prior().save_to_preset(tmp_path / "preset")
    with pytest.raises(InputError, match=says):
        zoo.load(tmp_path / "preset", **overrides)


@pytest.mark.slow
def test_an_interrupted_prior_resumes_bit_equal(tmp_path):
    def fit(model, *callbacks):
        model.fit_prior(images(12), batch_size=4, epochs=2, verbose=0, callbacks=list(callbacks))
        return state(model.prior)

    def build():
        keras.utils.set_random_seed(0)
        model = with_prior()
        model.prior.compile(run_eagerly=True)
        return model

    expected = fit(build())
    with pytest.raises(KeyboardInterrupt):
        fit(build(), AtBatch(1, 1, interrupt), BackupAndRestore(tmp_path / "backup"))
    assert_equal_states(fit(build(), BackupAndRestore(tmp_path / "backup")), expected)


@pytest.mark.slow
def test_training_warns_that_the_prior_knows_the_codes_from_before(tmp_path):
    model = tiny_vq_vae()
    model.compile(run_eagerly=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.fit(images(12), batch_size=12, verbose=0)
    model.build_prior(filters=4, num_blocks=1)
    with pytest.warns(UserWarning, match="The prior learned from an earlier encoder, .* fit_prior teaches"):
        model.fit(images(4), batch_size=4, verbose=0)


# === Two grids ===

LARGE = (16, 16, 3)


def tiny_vq_vae_2(**arguments):
    small = {"num_embeddings": 6, "embedding_dim": 3, "filters": 4, "residual_blocks": 1}
    return zoo.VQVAE2(LARGE, **{**small, **arguments})


@pytest.mark.slow
def test_fine_codes_depend_on_the_coarse_embeddings():
    model, given = tiny_vq_vae_2(), images(4, LARGE)
    coarse, fine = model.encode(given)
    assert coarse.shape == (4, 2, 2) and fine.shape == (4, 4, 4)
    features, vectors = model.encoder(given / np.float32(127.5) - 1)
    np.testing.assert_array_equal(coarse, model.quantizers[0].nearest(vectors))
    fine_vectors = model.fine_encoder([features, model.quantizers[0].lookup(coarse)])
    np.testing.assert_array_equal(fine, model.quantizers[1].nearest(fine_vectors))
    decoded = model.decoder([model.quantizers[0].lookup(coarse), model.quantizers[1].lookup(fine)])
    np.testing.assert_allclose(
        model.decode((coarse, fine)), np.clip((np.array(decoded) + 1) * 127.5, 0, 255), atol=0.51
    )


@pytest.mark.slow
def test_the_objective_adds_up_both_grids():
    model = tiny_vq_vae_2(ema_decay=None, commitment_cost=0.4, data_variance=0.3)
    batch = model.prepare(images(4, LARGE))
    coarse, fine = model.encode(np.asarray(batch["images"]))
    features, vectors = model.encoder(batch["images"])
    fine_vectors = model.fine_encoder([features, model.quantizers[0].lookup(coarse)])
    embeddings = [model.quantizers[0].lookup(coarse), model.quantizers[1].lookup(fine)]
    distances = [np.mean((v - e) ** 2) for v, e in zip((vectors, fine_vectors), embeddings, strict=True)]
    error = np.mean((batch["images"] - model.decoder(embeddings)) ** 2)
    assert float(model.vq_loss(batch)[0]) == pytest.approx(error / 0.3 + 1.4 * sum(distances), rel=1e-4)


@pytest.mark.slow
def test_the_fine_prior_is_given_the_coarse_codes():
    model = tiny_vq_vae_2(prior={"filters": 4, "num_blocks": 2})
    # Untrained, the codes before hardly change a probability.
    for variable in model.prior.trainable_variables:
        variable.assign(5.0 * variable)
    rows = latents.sample(3, model.noise_shape, 0, distribution="uniform")
    assert rows.shape == (3, 1, 1, 4 + 16)
    coarse, fine = model.prior.sample_codes(rows)
    assert coarse.shape == (3, 2, 2) and fine.shape == (3, 4, 4)
    # Other coarse codes, the same noise for the fine ones.
    changed = rows.copy()
    changed[..., :4] = 1 - changed[..., :4]
    other_coarse, other_fine = model.prior.sample_codes(changed)
    assert (other_coarse != coarse).any() and (other_fine != fine).any()


@pytest.mark.slow
def test_two_grids_are_trained_drawn_and_saved_as_one(tmp_path):
    model, given, labels = tiny_vq_vae_2(), images(32, LARGE), np.arange(32) % 2
    model.compile(run_eagerly=True)
    model.fit(given, batch_size=8, verbose=0)
    model.build_prior(filters=4, num_blocks=2, num_classes=2)
    history = model.fit_prior(given, labels, batch_size=8, epochs=8, verbose=0).history
    assert history["bits_per_image"][-1] < history["bits_per_image"][0]
    # So that images depend on the weights of both priors.
    for variable in model.prior.trainable_variables:
        variable.assign(5.0 * variable)
    assert model.bits_per_image(given, labels).shape == (32,)
    drawn = model.generate(labels=[0, 1, 1], seed=0)
    assert drawn.shape == (3, *LARGE)
    model.save_to_preset(tmp_path / "preset")
    # Both priors' networks have layers of the same names; changing an argument mixes none of them up.
    loaded, changed = zoo.load(tmp_path / "preset"), zoo.load(tmp_path / "preset", commitment_cost=0.5)
    np.testing.assert_array_equal(loaded.generate(labels=[0, 1, 1], seed=0), drawn)
    for one, other in zip(values(changed.weights), values(loaded.weights), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_prior_trains_under_xla_in_half_precision():
    model = tiny_vq_vae_2(dtype="mixed_bfloat16", prior={"filters": 4, "num_blocks": 1})
    # Adam, whose many sums take XLA long, is compiled in test_objectives.py.
    model.prior.compile("sgd", jit_compile=True)
    history = model.fit_prior(images(16, LARGE), batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("codes", "says"),
    [
        (np.zeros((1, 2, 2), int), "codes is no pair of coarse and fine codes"),
        ((np.zeros((2, 2, 2), int), np.zeros((1, 4, 4), int)), "codes has grids of 2 and 1 images"),
        ([1, 2], r"codes is int64 of shape \(\), expected integers \(n, 2, 2\)"),
    ],
)
def test_codes_come_in_pairs(codes, says):
    with pytest.raises(InputError, match=says):
        tiny_vq_vae_2().decode(codes)


@pytest.mark.slow
def test_codes_come_in_the_order_and_the_batches_that_are_asked_for(monkeypatch):
    model, seen = with_prior(), {}
    given, others = images(8), images(5, seed=1)
    monkeypatch.setattr(model.prior, "fit", lambda dataset, **arguments: seen.update(arguments, dataset=dataset))
    model.fit_prior(given, batch_size=4, shuffle=False, validation_data=others, validation_batch_size=3)
    batches = {name: [batch["images"].numpy() for batch in seen[name]] for name in ("dataset", "validation_data")}
    assert [len(batch) for batch in batches["dataset"]] == [4, 4]
    assert [len(batch) for batch in batches["validation_data"]] == [3, 2]
    for name, expected in (("dataset", given), ("validation_data", others)):
        np.testing.assert_array_equal(np.concatenate(batches[name]).ravel(), model.encode(expected).ravel())


@pytest.mark.slow
def test_a_prior_is_validated_on_codes_of_other_images():
    model = with_prior()
    model.prior.compile(run_eagerly=True)
    history = model.fit_prior(images(16), batch_size=8, validation_data=images(5, seed=1), verbose=0).history
    assert history["val_loss"] == pytest.approx([model.bits_per_image(images(5, seed=1)).mean() * np.log(2)], rel=1e-4)
    with pytest.raises(InputError, match=r"x is a .*, expected an array of images, a list of image files, an"):
        model.fit_prior(tf.data.Dataset.from_tensor_slices(images(16)).batch(8))


@pytest.mark.slow
def test_the_autoencoder_ignores_classes_that_are_not_the_priors(tmp_path):
    folder_of_classes(tmp_path, "a", "b", "c")
    model = with_prior(num_classes=2)
    model.compile(run_eagerly=True)
    model.fit(str(tmp_path), batch_size=6, verbose=0)
    with pytest.raises(InputError, match=r"x has 3 classes \(a, b, c\), expected num_classes=2"):
        model.fit_prior(str(tmp_path), batch_size=6, verbose=0)


@pytest.mark.slow
def test_a_prior_learns_the_names_of_the_classes(tmp_path):
    folder_of_classes(tmp_path, "a", "b")
    model = with_prior(num_classes=2)
    model.prior_dataset(str(tmp_path), batch_size=2)
    np.testing.assert_array_equal(model.generate(1, labels="b", seed=0), model.generate(1, labels=1, seed=0))


@pytest.mark.slow
def test_other_classes_renew_what_the_prior_knows_of_them(tmp_path):
    model = with_prior(num_classes=2, class_names=["a", "b"])
    model.save_to_preset(tmp_path)
    changed, named = load_warning(tmp_path, num_classes=3)
    assert any("class" in name for name in named)
    assert all(name.startswith("prior/") for name in named) and len(named) < len(model.prior.weights)
    assert changed.num_classes == 3 and changed.class_names is None
    assert changed.generate(labels=[2], seed=0).shape == (1, *SHAPE)
    np.testing.assert_array_equal(changed.encode(images(2)), model.encode(images(2)))


@pytest.mark.slow
def test_half_precision_holds_any_number_of_updates(tmp_path):
    model = tiny_vq_vae()
    model.quantizers[0].updates.assign(70_000)
    model.save_to_preset(tmp_path / "preset", weights_dtype="float16")
    assert int(zoo.load(tmp_path / "preset").quantizers[0].updates) == 70_000


@pytest.mark.slow
def test_one_network_of_a_prior_stays_frozen_alone():
    model = tiny_vq_vae_2()
    model.build_prior(filters=4, num_blocks=1)
    model.prior.networks[0].trainable = False
    again = zoo.VQVAE2.from_config(model.get_config())
    assert [bool(network.trainable_variables) for network in again.prior.networks] == [False, True]
