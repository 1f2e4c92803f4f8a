"""The named GANs: what each is by default, labels, truncation, and that every one trains and loads like the others."""

import functools
import runpy
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import (
    LATENT_DIM,
    NUM_CLASSES,
    SHAPE,
    TINY_GANS,
    dense_generator,
    folder_of_classes,
    images,
    labelled,
    load_warning,
    one_update,
    strengthened,
    tiny_dcgan,
    tiny_gan,
    tiny_progressive_gan,
    tiny_style_dcgan,
    tiny_style_gan,
    values,
)
from keras import layers

import zoo
from zoo import callbacks, latents
from zoo.errors import DataError, InputError
from zoo.layers.attention import SelfAttention
from zoo.layers.conditional_norm import ConditionalBatchNormalization
from zoo.layers.spectral_normalization import SpectralNormalization
from zoo.models.adversarial_model import AdversarialModel
from zoo.nets import conv, style
from zoo.objectives import penalties

# Residual networks take seconds to run for the first time.
RESIDUAL = {"projection_gan", "sagan", "big_gan"}
slow_if_residual = [pytest.param(name, marks=pytest.mark.slow) if name in RESIDUAL else name for name in TINY_GANS]


# === What each is ===


@pytest.mark.parametrize(
    ("cls", "objective", "penalty", "steps", "rates", "betas"),
    [
        ("GAN", "NonSaturating", [], 1, (2e-4, 2e-4), (0.5, 0.999)),
        ("DCGAN", "NonSaturating", [], 1, (2e-4, 2e-4), (0.5, 0.999)),
        ("WGAN", "Wasserstein", ["WeightClipping"], 5, (5e-5, 5e-5), None),
        ("WGANGP", "Wasserstein", ["GradientPenalty"], 5, (1e-4, 1e-4), (0.0, 0.9)),
        ("ConditionalGAN", "NonSaturating", [], 1, (2e-4, 2e-4), (0.5, 0.999)),
        pytest.param("ProjectionGAN", "Hinge", [], 5, (2e-4, 2e-4), (0.0, 0.9), marks=pytest.mark.slow),
        pytest.param("SAGAN", "Hinge", [], 1, (1e-4, 4e-4), (0.0, 0.9), marks=pytest.mark.slow),
        pytest.param("BigGAN", "Hinge", [], 2, (5e-5, 2e-4), (0.0, 0.999), marks=pytest.mark.slow),
        pytest.param("ProgressiveGAN", "NonSaturating", ["R1"], 1, (1e-3, 1e-3), (0.0, 0.99), marks=pytest.mark.slow),
        pytest.param("StyleGAN", "NonSaturating", ["R1"], 1, (2e-3, 2e-3), (0.0, 0.99), marks=pytest.mark.slow),
    ],
)
def test_defaults_are_those_of_the_papers(cls, objective, penalty, steps, rates, betas):
    small = {} if cls == "GAN" else {"filters": 2}
    classes = {"num_classes": 3} if cls in ("ConditionalGAN", "ProjectionGAN", "BigGAN") else {}
    model = getattr(zoo, cls)(SHAPE, LATENT_DIM, **small, **classes)
    assert type(model.objective).__name__ == objective
    assert [type(each).__name__ for each in model.penalties] == penalty
    assert model.discriminator_steps == steps
    optimizers = model.default_optimizers()
    assert [float(optimizer.learning_rate) for optimizer in optimizers] == pytest.approx(rates)
    for optimizer in optimizers:
        kind = keras.optimizers.RMSprop if betas is None else keras.optimizers.Adam
        assert type(optimizer) is kind
        assert betas is None or (optimizer.beta_1, optimizer.beta_2) == betas


@pytest.mark.parametrize(
    ("cls", "rates"),
    [("VAE", [1e-3]), ("VQVAE", [3e-4]), ("VQVAE2", [3e-4]), ("SRResNet", [2e-4]), ("SRGAN", [1e-4, 1e-4])],
)
def test_default_rates_of_the_others_are_what_they_say(cls, rates):
    optimizers = getattr(zoo, cls).default_optimizers()
    assert [type(optimizer) for optimizer in optimizers] == [keras.optimizers.Adam] * len(rates)
    assert [float(optimizer.learning_rate) for optimizer in optimizers] == pytest.approx(rates)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (tiny_progressive_gan, {"weight": 1.0, "interval": 1}),
        pytest.param(tiny_style_gan, {"weight": 1.0, "interval": 16}, marks=pytest.mark.slow),
        (TINY_GANS["wgan"], {"limit": 0.01}),
        (TINY_GANS["wgan_gp"], {"weight": 10.0, "interval": 1}),
    ],
)
def test_default_penalties_weigh_what_they_say(build, expected):
    (penalty,) = build().penalties
    assert penalty.get_config() == expected


@functools.cache
def ready(name):
    """A model that several tests share, since residual networks take long to build; they leave it as it is."""
    return TINY_GANS[name]()


def kinds(network):
    return {type(layer) for layer in network.layers}


@pytest.mark.parametrize("name", ["wgan", "wgan_gp"])
def test_critics_have_no_batch_norm(name):
    assert layers.BatchNormalization not in kinds(ready(name).discriminator)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "generator_too"), [("projection_gan", False), ("sagan", True), ("big_gan", True)])
def test_where_spectral_normalization_and_attention_are(name, generator_too):
    model = ready(name)
    for network, normed in ((model.generator, generator_too), (model.discriminator, True)):
        bare = kinds(network) & {layers.Conv2D, layers.Dense}
        assert bool(bare) != normed and (SpectralNormalization in kinds(network)) == normed
        attention = [layer for layer in network.layers if isinstance(layer, SelfAttention)]
        assert [layer.output.shape[1:3] for layer in attention] == ([] if name == "projection_gan" else [(4, 4)])


@pytest.mark.slow
def test_networks_of_one_stage_have_attention_too():
    model = zoo.SAGAN(SHAPE, LATENT_DIM, filters=2, stages=1)
    for network in (model.generator, model.discriminator):
        assert network.get_layer("attention").output.shape[1:3] == (4, 4)


@pytest.mark.slow
def test_attention_and_spectral_normalization_join_the_layers_of_a_dcgan():
    model = zoo.SAGAN((16, 16, 1), LATENT_DIM, filters=2, residual=False)
    plain = zoo.DCGAN((16, 16, 1), LATENT_DIM, filters=2, discriminator_batch_norm=False)
    assert kinds(model.generator) == kinds(plain.generator) | {SelfAttention}
    bare = {layers.Conv2D, layers.Dense}
    normed = kinds(plain.discriminator) - bare | {SelfAttention, SpectralNormalization}
    assert kinds(model.discriminator) == normed
    for network in (model.generator, model.discriminator):
        assert network.get_layer("attention").output.shape[1:3] == (8, 8)
    # Behind the norm, so that how large kernels are does not decide what is looked at.
    assert model.generator.get_layer("attention").input is model.generator.get_layer("relu_1").output
    assert type(model).from_config(model.get_config()).count_params() == model.count_params()


@pytest.mark.slow
def test_classes_join_the_layers_of_a_dcgan_by_norms_and_a_projection():
    model = zoo.ProjectionGAN(SHAPE, LATENT_DIM, num_classes=3, filters=2, residual=False)
    plain = zoo.DCGAN(SHAPE, LATENT_DIM, filters=2, discriminator_batch_norm=False)
    normed = kinds(plain.generator) - {layers.BatchNormalization} | {ConditionalBatchNormalization}
    assert normed <= kinds(model.generator) and layers.BatchNormalization not in kinds(model.generator)
    for network in (model.generator, model.discriminator):
        assert layers.Concatenate not in kinds(network)
        for variable in network.trainable_variables:
            variable.assign(variable + np.random.RandomState(0).normal(size=variable.shape))
    latents = np.ones((3, LATENT_DIM), "float32")
    drawn = np.array(model.generator({"latents": latents, "labels": np.arange(3)}))
    judged = np.array(model.discriminator({"images": drawn[:1].repeat(3, 0), "labels": np.arange(3)}))
    for of_classes in (drawn, judged):
        assert len(np.unique(of_classes, axis=0)) == 3


def test_big_gan_has_every_layer_of_the_others():
    # Those are left out where a BigGAN is tested.
    for network in ("generator", "discriminator"):
        others = [kinds(getattr(ready(name), network)) for name in ("projection_gan", "sagan")]
        # A BigGAN has these only under spectral normalization.
        bare = {layers.Conv2D, layers.Dense}
        assert set.union(*others) - bare <= kinds(getattr(ready("big_gan"), network))


@pytest.mark.slow
def test_attention_is_drawn_for_three_points_of_each_face():
    model = zoo.SAGAN((16, 16, 3), 8, filters=1)
    attention_maps = runpy.run_path(str(Path(__file__).resolve().parent.parent / "docs" / "attention_maps.py"))
    weights = attention_maps["attention_of"](model, latents.sample(2, (8,), seed=0))
    assert weights.shape == (2, 8, 8, 4, 4)
    np.testing.assert_allclose(weights.sum((3, 4)), 1.0, rtol=1e-5)
    drawn = attention_maps["picture"](model)
    assert drawn.dtype == np.uint8 and drawn.shape[0] > 8 * 16 and drawn.shape[1] > 4 * 16


@pytest.mark.slow
def test_sizes_of_images_are_met_by_as_many_blocks():
    # 28 is halved to 7, 32 to 4.
    for side, blocks in ((28, 2), (32, 3)):
        model = zoo.SAGAN((side, side, 3), 8, filters=1)
        assert model.described_networks["stages"] == blocks
        assert model.generator.output_shape == (None, side, side, 3)
    with pytest.raises(InputError, match="expected sides divisible by 4"):
        zoo.BigGAN((30, 30, 1), filters=1)
    with pytest.raises(InputError, match="latent_dim is 2, expected at least 3, one part for"):
        zoo.BigGAN(SHAPE, 2, filters=1)


@pytest.mark.slow
def test_each_block_of_big_gan_has_a_part_of_the_latents():
    generator = zoo.BigGAN(SHAPE, 7, filters=2, class_dim=3, num_classes=3).generator
    for variable in generator.weights:
        if "gamma" in variable.path:
            # Conditions move nothing before training.
            variable.assign(variable + np.random.RandomState(0).normal(size=variable.shape))
    names = ("project", "block_0_sum", "block_1_sum")
    parts = keras.Model(generator.inputs, [generator.get_layer(name).output for name in names])
    latents, labels = np.random.RandomState(1).normal(size=(2, 7)).astype("float32"), np.zeros(2, "int32")
    before = parts({"latents": latents, "labels": labels})
    # Two parts of two for the blocks, and what is left for the projection.
    for columns, first in ((slice(0, 3), 0), (slice(3, 5), 1), (slice(5, 7), 2)):
        moved = latents.copy()
        moved[:, columns] += 1.0
        after = parts({"latents": moved, "labels": labels})
        changed = [bool(np.any(np.array(one) != np.array(other))) for one, other in zip(before, after, strict=True)]
        assert changed == [index >= first for index in range(3)]


# === The step ===


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_if_residual)
def test_a_step_moves_exactly_what_is_trained(name):
    model = TINY_GANS[name](ema_momentum=0.5)
    if name not in RESIDUAL:
        strengthened(model)
    model.compile(*(keras.optimizers.SGD(1.0) for _ in range(2)))
    before = {id(variable): value for variable, value in zip(model.weights, values(model.weights), strict=True)}
    model.train_step(labelled(8))
    still = {v.path for v in model.weights if (before[id(v)] == v.numpy()).all()}
    # gamma is 0 at first, so that what attention computes has no gradient yet; a bias before a norm never has one, nor
    # has the last bias where the loss is a difference: a critic's, or a hinge loss with no image beyond the margin.
    biases = {path for path in still if path.endswith("bias") and ("conv_0" in path or "logit" in path)}
    waiting = ("query/kernel", "key/kernel", "value/kernel", "projection/kernel")
    assert all("attention" in path and path.endswith(waiting) for path in still - biases), still
    assert all(np.isfinite(value).all() for value in values(model.weights))


@pytest.mark.parametrize("name", ["wgan_gp", "conditional_gan", pytest.param("big_gan", marks=pytest.mark.slow)])
def test_an_update_leaves_the_other_network_alone(name):
    model = TINY_GANS[name]()
    model.compile()
    for part in ("discriminator", "generator"):
        one_update(model, part, labelled(8))


def test_orthogonal_regularization_is_added_to_the_generators_loss(monkeypatch):
    model = ready("big_gan")
    assert model.orthogonal_weight == 1e-4
    monkeypatch.setattr(model, "orthogonal_weight", 0.5)
    monkeypatch.setattr(AdversarialModel, "generator_loss", lambda *_: (2.0, {"generator_loss": 2.0}))
    kernels = [v for v in model.generator.trainable_variables if v.path.endswith("kernel")]
    assert len(kernels) > 10 and not any("class_vectors" in v.path for v in kernels)
    expected = 2.0 + 0.5 * sum(float(penalties.overlap(kernel)) for kernel in kernels)
    loss, logs = model.generator_loss(None)
    assert float(loss) == float(logs["generator_loss"]) == pytest.approx(expected, rel=1e-5)
    monkeypatch.setattr(model, "orthogonal_weight", 0)
    assert model.generator_loss(None)[0] == 2.0
    with pytest.raises(InputError, match="orthogonal_weight is -1, expected a number of at least 0"):
        TINY_GANS["big_gan"](orthogonal_weight=-1)


@pytest.mark.slow
def test_moving_statistics_are_averaged_where_asked_for():
    class Averaging(zoo.GAN):
        averages_statistics = True

    for cls in (zoo.GAN, Averaging):
        model = cls(SHAPE, LATENT_DIM, generator=dense_generator(), ema_momentum=0.25)
        model.compile(*(keras.optimizers.SGD(0.0) for _ in range(2)))
        own, average = (
            next(v for v in network.weights if v.path.endswith("moving_mean"))
            for network in (model.generator, model.ema_generator)
        )
        averaged = own.numpy()
        for step in (1, 2):
            model.train_step(images(4))
            momentum = min(0.25, (1 + step) / (10 + step))
            averaged = momentum * averaged + (1 - momentum) * own.numpy()
            np.testing.assert_allclose(average, averaged if cls is Averaging else own, rtol=1e-5)
    assert zoo.BigGAN.averages_statistics and not zoo.SAGAN.averages_statistics


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gan", "projection_gan"])
def test_standing_statistics_are_those_of_what_the_average_draws(name, monkeypatch):
    model = tiny_gan(generator=dense_generator()) if name == "gan" else TINY_GANS[name](residual=False)
    average = keras.models.clone_model(model.generator)
    average.set_weights(model.generator.get_weights())
    for variable in model.generator.trainable_variables:
        variable.assign(2.0 * variable + 0.1)
    batches = [labelled(6), labelled(8)]
    given = [model.generator_inputs(model.prepare({"images": x, "labels": y})) for x, y in batches]

    def updated(*indices):
        inputs = iter([given[index] for index in indices])
        monkeypatch.setattr(model, "generator_inputs", lambda batch: next(inputs))
        before = values(model.generator.variables)
        model.update_standing_statistics(batches[index] for index in indices)
        for one, other in zip(before, values(model.generator.variables), strict=True):
            np.testing.assert_array_equal(one, other)
        return values(model.ema_generator.weights)

    first, second, both = updated(0), updated(1), updated(0, 1)
    # With the statistics of this batch alone, the average draws it as it would in training.
    model.ema_generator.set_weights(second)
    drawn = model.ema_generator(given[1], training=False)
    np.testing.assert_allclose(drawn, average(given[1], training=True), atol=1e-4)
    for one, other, mean in zip(first, second, both, strict=True):
        np.testing.assert_allclose((one + other) / 2, mean, rtol=1e-4, atol=1e-6)
    assert any(not np.allclose(one, other) for one, other in zip(first, second, strict=True))


def test_standing_statistics_of_large_features_are_exact_and_without_dropout(monkeypatch):
    wide = keras.initializers.RandomNormal(stddev=1e4, seed=0)
    dense = keras.layers.Dense(64, kernel_initializer=wide, bias_initializer=wide)
    norm = keras.layers.BatchNormalization()
    dropout, reshape = keras.layers.Dropout(0.5), keras.layers.Reshape(SHAPE)
    model = tiny_gan(generator=keras.Sequential([keras.Input((LATENT_DIM,)), dense, dropout, norm, reshape]))
    given = np.random.RandomState(0).normal(size=(8, LATENT_DIM)).astype("float32")
    monkeypatch.setattr(model, "generator_inputs", lambda batch: given)
    model.update_standing_statistics([images(8)])
    average, features = model.ema_generator.get_layer(norm.name), np.array(dense(given))
    np.testing.assert_allclose(average.moving_mean, features.mean(0), rtol=1e-3, atol=1.0)
    np.testing.assert_allclose(average.moving_variance, features.var(0), rtol=1e-3)
    assert dropout.rate == 0.5


@pytest.mark.slow
def test_standing_statistics_of_frozen_norms_stay():
    model = tiny_dcgan()
    frozen, moving = model.ema_generator.get_layer("norm_0"), model.ema_generator.get_layer("norm_image")
    model.generator.get_layer("norm_0").trainable = False
    before = values(frozen.weights), values(moving.weights)
    model.update_standing_statistics([images(8)])
    np.testing.assert_equal(values(frozen.weights), before[0])
    assert all(np.isfinite(value).all() for value in values(model.ema_generator.weights))
    assert not np.array_equal(values(moving.weights)[-1], before[1][-1])


@pytest.mark.slow
def test_standing_statistics_see_new_noise_in_every_batch(monkeypatch):
    model = tiny_style_dcgan()
    for layer in model.generator.get_layer("synthesis").layers:
        if layer.name.startswith("noise"):
            layer.strength.assign(1.0)
    model.ema_generator.set_weights(model.generator.get_weights())
    given = np.ones((4, LATENT_DIM), "float32")
    monkeypatch.setattr(model, "generator_inputs", lambda batch: given)
    found = []
    for number in (1, 2):
        model.update_standing_statistics([images(4)] * number)
        found.append(values(v for v in model.ema_generator.weights if v.path.endswith("moving_variance")))
    assert any(np.abs(one - other).max() > 1e-3 for one, other in zip(*found, strict=True))


@pytest.mark.slow
def test_standing_statistics_want_a_batch_and_something_to_measure():
    with pytest.raises(InputError, match="batches is empty, expected at least one batch"):
        tiny_gan(generator=dense_generator()).update_standing_statistics([])
    unread = iter([images(4)])
    tiny_gan().update_standing_statistics(unread)
    assert len(list(unread)) == 1


# === Labels ===


def conditional(**arguments):
    """A ConditionalGAN whose classes look different without training."""
    return strengthened(TINY_GANS["conditional_gan"](**arguments))


@pytest.mark.slow
def test_both_networks_are_given_the_labels_of_the_batch():
    model = conditional()
    model.compile()
    seen = []
    for network in (model.generator, model.discriminator):
        call = network.call

        def noted(inputs, *args, call=call, name=network.name, **kwargs):
            seen.append((name, list(np.asarray(inputs["labels"]))))
            return call(inputs, *args, **kwargs)

        network.call = noted
    batch = model.prepare((images(3), np.array([2, 0, 1])))
    model.discriminator_loss(batch)
    model.generator_loss(batch)
    order = ["generator", "discriminator", "discriminator", "generator", "discriminator"]
    assert seen == [(name, [2, 0, 1]) for name in order]


@pytest.mark.slow
def test_a_folder_names_the_classes(tmp_path):
    folder = folder_of_classes(tmp_path, "bag", "boot", "shirt")
    model = conditional()
    model.compile(run_eagerly=True)
    model.fit(folder, batch_size=4, verbose=0)
    assert model.class_names == ("bag", "boot", "shirt")
    assert model.generate(1, labels="boot").shape == (1, *SHAPE)
    # What was refused, or merely measured, was not learned.
    model = conditional()
    model.compile(run_eagerly=True)
    model.evaluate(folder, batch_size=4, verbose=0)
    with pytest.raises(DataError, match="has 12 images, fewer than one batch of 13"):
        model.fit(folder, batch_size=13)
    assert model.class_names is None
    # In whatever case, but in the same order.
    model = conditional(class_names=["Bag", "Boot", "Shirt"])
    model.compile(run_eagerly=True)
    model.fit(folder, batch_size=4, verbose=0)
    assert model.class_names == ("Bag", "Boot", "Shirt")


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        (
            {"class_names": ["Shirt", "Boot", "Bag"]},
            "x has the classes bag, boot, shirt, .*: Shirt, Boot, Bag",
        ),
        ({"num_classes": 5}, r"x has 3 classes \(bag, boot, shirt\), expected num_classes=5"),
    ],
)
def test_a_folder_of_other_classes_is_refused(tmp_path, classes, says):
    folder = folder_of_classes(tmp_path, "bag", "boot", "shirt")
    model = conditional(**classes)
    model.compile()
    with pytest.raises(InputError, match=says):
        model.fit(folder, batch_size=4)


def test_names_of_classes_that_are_not_known_are_refused():
    with pytest.raises(InputError, match=r"labels holds 'bag', but the names of the classes are not known, expected"):
        conditional().generate(labels="bag")


def test_latents_say_more_than_labels_before_training():
    # With an equal say of both, training keeps the labels' and loses the latents': one image of each class.
    keras.utils.set_random_seed(0)
    model = zoo.ConditionalGAN((28, 28, 1), 64, filters=2, num_classes=10)
    projected = keras.Model(model.generator.inputs, model.generator.get_layer("project").output)
    noise, labels = latents.sample(100, (64,), seed=0), np.arange(100) % 10
    by_latents = projected({"latents": noise, "labels": 0 * labels}).numpy().var(0).mean()
    by_labels = projected({"latents": 0 * noise, "labels": labels}).numpy().var(0).mean()
    assert 0 < by_labels < by_latents / 20


def test_the_discriminator_hears_the_label():
    model = conditional()
    logits = [
        model.discriminator({"images": np.zeros((1, *SHAPE)), "labels": np.array([label])}).numpy().item()
        for label in range(NUM_CLASSES)
    ]
    assert len(set(logits)) == NUM_CLASSES


NAMES = ["Shirt", "Ankle boot", "Bag"]


@pytest.mark.parametrize(
    ("names", "message"),
    [(["a", "b"], "class_names has 2 names, expected num_classes=3"), (["a", "b", "A"], "class_names is a, b, A, exp")],
)
def test_impossible_names_are_refused(names, message):
    with pytest.raises(InputError, match=message):
        conditional(class_names=names)


@pytest.mark.slow
def test_networks_and_classes_fit_each_other():
    with pytest.raises(InputError, match=r"generator takes latents alone, expected a dict of latents and labels; num_"):
        zoo.ConditionalGAN(SHAPE, LATENT_DIM, num_classes=3, generator=dense_generator(), filters=2)
    with pytest.raises(InputError, match=r"generator takes \['labels', 'latents'\], expected latents alone"):
        zoo.DCGAN(SHAPE, LATENT_DIM, generator=conditional().generator, filters=2)
    with pytest.raises(InputError, match="GAN has no num_classes for its default networks, which take hidden_units, "):
        tiny_gan(num_classes=3)
    with pytest.raises(InputError, match="num_classes is 0, expected an integer of at least 1"):
        conditional(num_classes=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "fresh"),
    [
        ("conditional_gan", {"generator/class_vectors/embeddings", "discriminator/class_maps/embeddings"}),
        ("big_gan", {"generator/class_vectors/embeddings", "discriminator/class_vectors/class_vectors/embeddings"}),
        (
            "projection_gan",
            {"discriminator/class_vectors/class_vectors/embeddings"}
            | {
                f"generator/norm_block_{block}_{part}/{name}/kernel"
                for block in range(2)
                for part in range(2)
                for name in ("scale", "shift")
            },
        ),
    ],
)
def test_other_classes_renew_what_knows_classes_alone(name, fresh, tmp_path):
    model = TINY_GANS[name](class_names=NAMES)
    model.save_to_preset(tmp_path / "preset")
    changed, named = load_warning(tmp_path / "preset", num_classes=7)
    assert named == fresh
    assert changed.num_classes == 7 and changed.class_names is None
    assert changed.generate(labels=[6], seed=0).shape == (1, *SHAPE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "build",
    [
        conv.dcgan_generator,
        style.normalized_synthesis,
        functools.partial(style.normalized_synthesis, second_convolutions=2),
    ],
)
def test_shrunk_kernels_draw_the_same(build):
    stream = np.random.RandomState(0)
    generator, average = (build((8, 8, 1), 6, filters=4, stages=2) for _ in range(2))
    rows = stream.normal(size=(5, *generator.input_shape[1:])).astype("float32")
    names = "project", "up_0", "up_1"
    for network in (generator, average):
        for name in names:
            growth = 2 if name == "up_1" else 40
            network.get_layer(name).kernel.assign(growth * network.get_layer(name).kernel + 0.1)
        for layer in network.layers:
            if layer.name.startswith("norm_"):
                for variable in layer.weights:
                    variable.assign(stream.normal(size=variable.shape))
                # So small, too, that epsilon counts.
                variance = getattr(layer, "norm", layer).moving_variance
                variance.assign(10 ** stream.uniform(-6, 1, variance.shape))
            if layer.name.startswith("noise_"):
                layer.strength.assign(stream.normal())
            if layer.name.startswith("second_"):
                layer.kernel.assign(stream.normal(size=layer.kernel.shape))

    def kernels():
        return np.array([[network.get_layer(name).kernel.numpy().std() for name in names] for network in networks])

    def drawn():
        # Before tanh, which hides what is large.
        return [keras.Model(one.inputs, one.get_layer("to_image").output).predict_on_batch(rows) for one in networks]

    networks = generator, average
    before, expected = kernels(), drawn()
    conv.shrink_kernels(generator, average)
    # Of the last, which is smaller, nothing is changed.
    np.testing.assert_allclose(kernels()[0], [0.1, 0.1, before[0, 2]], rtol=1e-5)
    np.testing.assert_allclose(kernels()[1] / before[1], kernels()[0] / before[0], rtol=1e-5)
    np.testing.assert_allclose(drawn(), expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
def test_presets_take_other_objectives_and_penalties():
    loaded = zoo.load("conditional_gan_mnist_28")
    assert loaded.penalties == [] and loaded.augmentation is None
    changed = zoo.load("conditional_gan_mnist_28", objective="wasserstein", penalties="weight_clipping")
    assert [type(penalty).__name__ for penalty in changed.penalties] == ["WeightClipping"]
    np.testing.assert_array_equal(changed.generate(3, seed=0), loaded.generate(3, seed=0))
    with pytest.raises(InputError, match=r"penalties has R1, but the discriminator has batch norm"):
        zoo.load("conditional_gan_mnist_28", penalties="r1")


# === Truncation ===


@pytest.mark.slow
def test_truncation_narrows_the_latents_down_to_their_mean():
    model = TINY_GANS["big_gan"]()
    for variable in model.ema_generator.weights:
        if variable.path.endswith(("kernel", "embeddings")):
            variable.assign(np.random.RandomState(0).normal(size=variable.shape))
    mean = model.generate(latents=np.zeros((1, LATENT_DIM)), labels=[1])
    drawn = model.generate(4, labels=1, truncation=0, seed=0)
    np.testing.assert_array_equal(drawn, np.repeat(mean, 4, 0))
    untouched, wide, narrow = (model.generate(20, labels=1, truncation=t, seed=0) for t in (None, 20.0, 0.3))
    assert np.abs(untouched.astype(int) - wide).max() <= 1
    assert 0 < narrow.astype(float).std(0).mean() < 0.7 * wide.astype(float).std(0).mean()
    np.testing.assert_array_equal(model.generate(3, labels=1, truncation=0.3, seed=0), narrow[:3])


@pytest.mark.parametrize("truncation", [-1, "much", np.nan])
def test_impossible_truncations_are_refused(truncation):
    with pytest.raises(InputError, match=r"truncation is .*, expected a number of at least 0"):
        ready("big_gan").generate(1, truncation=truncation)


# === Finding latents ===


@pytest.mark.slow
def test_an_image_of_the_generator_is_found_again():
    model = tiny_gan()
    for variable in model.ema_generator.weights:
        variable.assign(2.0 * variable)
    before = values(model.variables)
    originals = model.generate(3, seed=7)
    found = model.encode_image(originals, steps=200, seed=1)
    assert found.shape == (3, LATENT_DIM) and found.dtype == "float32"
    distances = [
        np.mean((images.astype(float) - originals) ** 2, axis=(1, 2, 3)).min(0)
        for images in (model.generate(latents=found), model.generate(64, seed=1)[:, None])
    ]
    assert (distances[0] < 0.1 * distances[1]).all()
    np.testing.assert_equal(values(model.variables), before)
    # Each is sought as if alone, so that editing one picture does not depend on the others.
    np.testing.assert_allclose(model.encode_image(originals[:1], steps=200, seed=1), found[:1], atol=0.02)


@pytest.mark.slow
def test_networks_of_other_kinds_find_latents_too():
    model = tiny_progressive_gan()
    originals = model.generate(2, seed=7)
    found = model.encode_image(originals, steps=20, seed=1)
    assert found.shape == (2, LATENT_DIM) and np.isfinite(found).all()


@pytest.mark.slow
def test_descent_starts_at_the_best_latents_for_each_label(monkeypatch):
    model, originals, labels = conditional(class_names=NAMES), images(4), [1, 0, 1, 2]
    monkeypatch.setattr("zoo.sampling.inversion.minimized", lambda loss, start, steps, rate: start)
    found = model.encode_image(originals, labels=labels, seed=3)
    candidates = latents.sample(64, (LATENT_DIM,), seed=3)
    for latent, original, label in zip(found, originals, labels, strict=True):
        distances = np.sum((model.generate(latents=candidates, labels=label).astype(float) - original) ** 2, (1, 2, 3))
        np.testing.assert_array_equal(latent, candidates[distances.argmin()])
    np.testing.assert_array_equal(model.encode_image(originals, labels=[NAMES[i] for i in labels], seed=3), found)
    with pytest.raises(InputError, match="labels is None, expected integers from 0 to 2"):
        model.encode_image(originals)
    with pytest.raises(InputError, match="labels has 2 rows, expected one for each of 4 images"):
        model.encode_image(originals, labels=[0, 1])
    with pytest.raises(InputError, match="labels were given to a model without classes"):
        tiny_gan().encode_image(originals, labels=1)
    with pytest.raises(InputError, match="steps is 0, expected an integer of at least 1"):
        tiny_gan().encode_image(originals, steps=0)


@pytest.mark.slow
@pytest.mark.parametrize("build", [tiny_gan, tiny_style_gan])
def test_what_descends_is_the_distance_of_pixels_and_a_hundredth_of_that_of_latents(build, monkeypatch):
    model, originals = build(), images(2)
    seen = []

    def minimized(loss, start, steps, rate):
        seen.append((float(loss(tf.constant(start))), start))
        return start

    monkeypatch.setattr("zoo.sampling.inversion.minimized", minimized)
    # Of a StyleGAN these are w, and what descends is in standard deviations.
    found = model.encode_image(originals, seed=3)
    drawn = (model.synthesis if build is tiny_style_gan else model.ema_generator)(found, training=False)
    ((loss, start),) = seen
    distance = np.mean((np.array(drawn) - (originals / np.float32(127.5) - 1)) ** 2, (1, 2, 3)).sum()
    size = np.mean(start**2, tuple(range(1, start.ndim))).sum()
    assert loss == pytest.approx(distance + 0.01 * size, rel=1e-5)
    assert 0.01 * size > 1e-3 * distance


# === Warnings of what goes wrong ===


def warned(callback, model, epochs):
    """The warnings of a callback that is told the logs of these epochs."""
    callback.set_model(model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for epoch, logs in enumerate(epochs):
            callback.on_epoch_end(epoch, logs)
    return [str(warning.message) for warning in caught if warning.category is UserWarning]


@pytest.mark.parametrize(
    ("objective", "outputs", "wins"),
    [
        ("non_saturating", (0.99, 0.015), True),
        ("non_saturating", (0.97, 0.01), False),
        ("hinge", (0.99, -0.97), True),
        ("hinge", (0.99, -0.9), False),
        ("least_squares", (0.99, 0.01), True),
        ("wasserstein", (100.0, -100.0), False),
    ],
)
def test_a_discriminator_that_wins_is_warned_of_once(objective, outputs, wins):
    logs = dict(zip(("discriminator_real", "discriminator_fake"), outputs, strict=True))
    found = warned(callbacks.WarnOfWinningDiscriminator(), tiny_gan(objective=objective), [logs, logs])
    assert len(found) == wins
    if wins:
        real, fake = (f"{output:.3f}" for output in outputs)
        assert f"The discriminator wins: in epoch 1 its mean output was {real} on real and {fake} on gen" in found[0]


def test_exploding_gradients_are_warned_of_once_with_their_norms():
    epochs = [
        {"generator_gradient_norm": norm, "discriminator_gradient_norm": 3.0} for norm in (9.0, 2.0, 150, 250, 900)
    ]
    (message,) = warned(callbacks.WarnOfExplodingGradients(), None, epochs)
    assert message.startswith(
        "The generator's gradients explode: their mean norm was 250 in epoch 4 and 2 in its calmest"
    )
    assert not warned(callbacks.WarnOfExplodingGradients(), None, [{"loss": 1e9, "a_gradient_norm": 1e6}] * 3)
    assert not warned(callbacks.WarnOfExplodingGradients(), None, [{"a_gradient_norm": n} for n in (1e-6, 5.0)])
    # An epoch without data says nothing, nor lets it forget.
    without_data = [{"a_gradient_norm": n} for n in (0.2, np.nan, 15.0, 25.0)]
    (message,) = warned(callbacks.WarnOfExplodingGradients(), None, without_data)
    assert "25 in epoch 4 and 0.2 in its calmest" in message


def test_mode_collapse_is_warned_of_once_with_the_figure():
    model, train = tiny_gan(), images(200)
    model.compile()
    callback = callbacks.WarnOfModeCollapse(train, min_steps=0)
    drawn = {"several": train[np.arange(64) % 5], "all": train[:64] ^ 1}
    model.generate = lambda number, seed: drawn["all"]
    assert not warned(callback, model, [{}])
    model.generate = lambda number, seed: drawn["several"]
    (message,) = warned(callback, model, [{}, {}])
    assert message.startswith(
        "The generator collapses: after epoch 1 its 64 samples have 5 different nearest neighbours among 200 training"
    )
    assert not warned(callbacks.WarnOfModeCollapse(train), model, [{}])
    assert not warned(callbacks.WarnOfModeCollapse(train[:20], min_steps=0), model, [{}])


@pytest.mark.slow
def test_fit_watches():
    model = tiny_gan(dropout=0.0, hidden_units=(64,))
    # A discriminator with a large head start, and a generator that stands still and draws one image.
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.Adam(0.01))
    model.ema_generator.layers[-2].kernel.assign(0.0 * model.ema_generator.layers[-2].kernel)
    model.generator.set_weights(model.ema_generator.get_weights())
    model.generator_optimizer.iterations.assign(1000)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(images(128), batch_size=8, epochs=12, verbose=0)
    text = " ".join(str(warning.message) for warning in caught)
    assert "The discriminator wins" in text and "have 1 different nearest neighbours among 128" in text


@pytest.mark.slow
def test_fit_warns_of_exploding_gradients():
    # Weights of three layers, which grow with every step at this rate.
    model = tiny_gan(objective="wasserstein", dropout=0.0, hidden_units=(8, 8))
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.Adam(1.0))
    with pytest.warns(UserWarning, match="gradients explode: their mean norm was"):
        model.fit(images(32), batch_size=8, epochs=5, verbose=0)


# === Like every model ===


@pytest.mark.slow
def test_residual_networks_under_attention_and_spectral_normalization_take_a_penalty_and_an_augmentation():
    model = TINY_GANS["big_gan"](penalties="r1", augmentation="adaptive")
    model.compile(run_eagerly=True)
    assert np.isfinite([float(value) for value in model.train_step(labelled(4)).values()]).all()


# === Arguments ===


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"filters": "16"}, "filters is '16', expected an integer of at least 1"),
        ({"filters": 0}, "filters is 0"),
        ({"filters": 2.5}, r"filters is 2\.5"),
        ({"stages": -1}, "stages is -1"),
        ({"stages": 9}, r"image_shape is \(8, 8, 1\), expected sides divisible by 512, to be halved 9 times"),
        ({"ema_momentum": "0.9"}, "ema_momentum is '0.9'"),
        ({"num_classes": 3, "class_names": "cat"}, "class_names is 'cat', expected a list of names"),
        ({"num_classes": 3, "class_names": 2}, "class_names is 2, expected a list of names"),
    ],
)
def test_arguments_that_make_no_model_are_named(arguments, says):
    with pytest.raises(InputError, match=says):
        zoo.DCGAN(SHAPE, LATENT_DIM, **arguments)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: tiny_gan(dropout=1.5), "dropout is 1.5, expected a number from 0 to 1"),
        (lambda: tiny_style_gan(mixing_probability=90.0), "mixing_probability is 90.0, expected a number from 0 to 1"),
    ],
)
def test_shares_lie_between_nothing_and_all(build, says):
    with pytest.raises(InputError, match=says):
        build()


@pytest.mark.slow
def test_a_wasserstein_critic_that_nothing_bounds_is_warned_of():
    with pytest.warns(UserWarning, match="needs a critic of bounded slope, and nothing bounds this one's"):
        tiny_gan(objective="wasserstein")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tiny_gan(objective="wasserstein", penalties="gradient_penalty")
        TINY_GANS["projection_gan"](objective="wasserstein")


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamm", 1e-3])
def test_what_is_no_optimizer_is_named(optimizer):
    with pytest.raises(InputError, match=f"generator_optimizer is {optimizer!r}, expected a Keras optimizer"):
        tiny_gan().compile(optimizer, "adam")
