"""Rectified flows: against the velocity of normally distributed images, which is known."""

import keras
import numpy as np
import pytest
from helpers import NUM_CLASSES, SHAPE, images, labelled, moved, values
from keras import ops

import zoo
from zoo.errors import InputError
from zoo.sampling.integration import SOLVERS, integrated

SPREAD = 0.25


def tiny_flow(**arguments):
    return zoo.RectifiedFlow(SHAPE, **{"filters": 8, "blocks": 1, "steps": 2, "ema_momentum": 0.5, **arguments})


def normal_flow(**arguments):
    """The exact flow of images whose pixels are normally distributed around 0 with the standard deviation `SPREAD`."""
    noisy, times = keras.Input(SHAPE, name="images"), keras.Input((), name="times")
    t = ops.reshape(times, (-1, 1, 1, 1))
    factor = (t * SPREAD**2 - (1.0 - t)) / (t**2 * SPREAD**2 + (1.0 - t) ** 2)
    network = keras.Model({"images": noisy, "times": times}, factor * noisy)
    return zoo.RectifiedFlow(SHAPE, field=network, **arguments)


def towards_classes():
    """A flow whose velocity is 0.1 times the label, and 0 without a class."""
    inputs = {name: keras.Input(shape, name=name) for name, shape in (("images", SHAPE), ("times", ()))}
    inputs["labels"] = keras.Input((), dtype="int32", name="labels")
    speed = ops.where(ops.equal(inputs["labels"], NUM_CLASSES), 0.0, 0.1 * ops.cast(inputs["labels"], "float32"))
    velocity = 0.0 * inputs["images"] + ops.reshape(speed, (-1, 1, 1, 1))
    return zoo.RectifiedFlow(SHAPE, field=keras.Model(inputs, velocity), num_classes=NUM_CLASSES, steps=2)


def floats(drawn):
    return drawn / 127.5 - 1.0


@pytest.mark.slow
@pytest.mark.parametrize("solver", SOLVERS)
def test_noise_becomes_images_of_the_right_distribution(solver):
    model = normal_flow(steps=200)
    noise = np.linspace(-3.0, 3.0, 64, dtype="float32")[None]
    # Along the exact flow, a quantile of the noise stays one of the images.
    drawn = floats(model.generate(latents=noise, solver=solver)).reshape(1, -1)
    np.testing.assert_allclose(drawn, SPREAD * noise, atol=0.01)


def test_heun_errs_less_than_euler_in_as_many_evaluations():
    def error(solver, steps):
        found = integrated(lambda state, time: np.cos(3.0 * time) * state, np.ones(1), steps, solver)
        return abs(found[0] - np.exp(np.sin(3.0) / 3.0))

    assert error("heun", 10) < 0.2 * error("euler", 20)
    assert error("heun", 20) < 0.3 * error("heun", 10)


def test_images_are_found_in_the_noise_again():
    model = normal_flow(steps=100)
    given = np.clip(128 + 32 * np.random.RandomState(0).normal(size=(3, *SHAPE)), 0, 255).astype("uint8")
    noise = model.encode_image(given)
    np.testing.assert_allclose(noise, floats(given).reshape(3, -1) / SPREAD, atol=0.02)
    np.testing.assert_allclose(model.generate(latents=noise).astype("int16"), given, atol=1)


@pytest.mark.slow
def test_the_log_likelihood_is_that_of_the_normal_distribution():
    model = normal_flow(steps=200)
    # The density hardly changes within a rounding interval.
    given = np.clip(128 + 32 * np.random.RandomState(0).normal(size=(3, *SHAPE)), 0, 255).astype("uint8")
    squares = np.square(floats(given) / SPREAD).reshape(3, -1).sum(1)
    expected = -0.5 * squares + 64 * (np.log(2.0 / 255.0) - np.log(SPREAD) - 0.5 * np.log(2.0 * np.pi))
    np.testing.assert_allclose(model.log_prob(given, seed=1), expected, atol=0.5)
    assert (model.log_prob(given, seed=1) == model.log_prob(given, seed=1)).all()
    assert (model.log_prob(given, seed=1) != model.log_prob(given, seed=2)).all()


def test_the_loss_is_the_error_of_the_velocity():
    # For these images, the best velocity is the exact one, and any other one errs more.
    given = SPREAD * np.random.RandomState(0).normal(size=(4000, *SHAPE)).astype("float32")
    batch = {"images": ops.convert_to_tensor(given)}
    losses = []
    for factor in (0.8, 1.0, 1.2):
        model = normal_flow()
        exact = model.ema_field

        def scaled(inputs, training, exact=exact, factor=factor):
            return factor * exact(inputs)

        model.ema_field = scaled
        losses.append(float(model.velocity_error(batch, training=False)[0]))
    assert losses[1] < min(losses[0], losses[2])


def test_guidance_moves_from_no_class_towards_the_label():
    model = towards_classes()
    noise = np.zeros((1, 64), "float32")
    drawn = {g: floats(model.generate(latents=noise, labels=2, guidance=g)).mean() for g in (0.0, 1.0, 2.0)}
    np.testing.assert_allclose([drawn[0.0], drawn[1.0], drawn[2.0]], [0.0, 0.2, 0.4], atol=0.005)
    # Without being told, a model uses its own guidance.
    model.guidance = 2.0
    np.testing.assert_allclose(floats(model.generate(latents=noise, labels=2)).mean(), 0.4, atol=0.005)


def test_training_drops_labels():
    def loss(condition_dropout, labels):
        model = towards_classes()
        model.condition_dropout = condition_dropout
        model.seed_generator.state.assign([1, 0])
        batch = {"images": ops.zeros((4, *SHAPE)), "labels": np.array(labels)}
        return float(model.velocity_error(batch)[0])

    assert loss(0.0, [2, 2, 2, 2]) != loss(0.0, [1, 1, 1, 1])
    assert loss(1.0, [2, 2, 2, 2]) == loss(1.0, [1, 1, 1, 1])


def towards_words():
    """A flow whose velocity is 0.1 times the number of words."""
    inputs = {name: keras.Input(shape, name=name) for name, shape in (("images", SHAPE), ("times", ()))}
    inputs["prompts"] = keras.Input((4,), dtype="int32", name="prompts")
    words = ops.sum(ops.cast(ops.not_equal(inputs["prompts"], 0), "float32"), axis=1)
    velocity = 0.0 * inputs["images"] + ops.reshape(0.1 * words, (-1, 1, 1, 1))
    return zoo.RectifiedFlow(
        SHAPE, field=keras.Model(inputs, velocity), vocabulary=["red", "hat"], max_words=4, steps=2
    )


def test_texts_lead_images_and_training_drops_some():
    model, noise = towards_words(), np.zeros((2, 64), "float32")
    drawn = floats(model.generate(latents=noise, prompts=["red", "red red hat"], guidance=2.0)).mean((1, 2, 3))
    np.testing.assert_allclose(drawn, [0.2, 0.6], atol=0.005)
    # What an image has by its own text is taken away on the way back to the noise.
    found = model.encode_image(np.full((2, *SHAPE), 0.3, "float32"), prompts=["red", "hat hat hat"])
    np.testing.assert_allclose(found.mean(1), [0.2, 0.0], atol=1e-5)

    def loss(dropout, text):
        model.condition_dropout = dropout
        model.seed_generator.state.assign([1, 0])
        return float(model.velocity_error({"images": ops.zeros((4, *SHAPE)), "prompts": model.tokenize([text] * 4)})[0])

    assert loss(0.0, "red") != loss(0.0, "red hat")
    assert loss(1.0, "red") == loss(1.0, "red hat")


def test_what_does_not_belong_to_a_flow_of_texts_is_refused():
    model, given = towards_words(), images(2)
    for call, says in (
        (lambda: model.generate(2), "prompts is None, expected one text or one for each image"),
        (lambda: model.encode_image(given), "prompts is None, expected one text or one for each image"),
        (lambda: model.encode_image(given, prompts=["red"] * 3), "prompts has 3 texts, expected one for each of 2"),
        (lambda: model.encode_image(given, 1, prompts="red"), "labels were given to a model without classes"),
        (lambda: tiny_flow().encode_image(given, prompts="red"), "prompts were given to a model without a vocabulary"),
        (lambda: model.pairs(2), "example_prompts is None, expected the texts that pairs are drawn from"),
        (lambda: tiny_flow().pairs(0), "number is 0, expected an integer of at least 1"),
        (lambda: tiny_flow().tokenize(["red"]), "This RectifiedFlow has no vocabulary"),
        (lambda: tiny_flow(vocabulary=["red"], num_classes=2), "num_classes and vocabulary were given"),
        (lambda: tiny_flow(vocabulary=[]), "vocabulary is empty"),
    ):
        with pytest.raises(InputError, match=says):
            call()


def curved_flow(**arguments):
    """The exact flow of images that are all -0.5 or all 0.5."""
    noisy, times = keras.Input(SHAPE, name="images"), keras.Input((), name="times")
    t = ops.reshape(times, (-1, 1, 1, 1))
    left = ops.maximum(1.0 - t, 1e-3)
    mean = 0.5 * ops.tanh(0.5 * t * ops.sum(noisy, axis=(1, 2, 3), keepdims=True) / ops.square(left))
    field = keras.Model({"images": noisy, "times": times}, (mean - noisy) / left)
    return zoo.RectifiedFlow(SHAPE, field=field, steps=60, **arguments)


def test_pairs_are_noise_and_the_images_that_it_becomes():
    teacher = curved_flow()
    pairs = teacher.pairs(70, seed=3)
    assert pairs.images.shape == (70, *SHAPE) and pairs.latents.shape == (70, 64)
    drawn = teacher.generate(latents=pairs.latents)
    np.testing.assert_allclose(drawn, 127.5 * (pairs.images + 1.0), atol=0.51)
    np.testing.assert_array_equal(teacher.generate(70, seed=3), drawn)
    # Each side of the noise becomes one of both images.
    np.testing.assert_array_equal(pairs.images.mean((1, 2, 3)) > 0.0, pairs.latents.sum(1) > 0.0)
    of_classes = towards_classes().pairs(5, steps=1, guidance=2.0)
    np.testing.assert_allclose(
        of_classes.images.reshape(5, -1),
        np.clip(of_classes.latents + 0.2 * of_classes.labels[:, None], -1.0, 1.0),
        atol=1e-5,
    )


def test_a_flow_learns_the_lines_between_the_pairs():
    pairs, model = curved_flow().pairs(64), tiny_flow()
    batch = {"images": ops.convert_to_tensor(pairs.images), "latents": ops.convert_to_tensor(pairs.latents)}
    lines = pairs.images.reshape(64, -1) - pairs.latents
    # A new network's velocity does not depend on the images yet.
    found = float(model.velocity_error(batch, training=False)[0])
    velocity = ops.convert_to_numpy(model({"images": batch["images"], "times": np.zeros(64, "float32")}))
    np.testing.assert_allclose(found, np.square(lines - velocity.reshape(64, -1)).mean(), rtol=0.2)
    model.compile()
    losses = model.fit(pairs, batch_size=16, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.slow
def test_given_pixels_are_kept_and_guide_the_others():
    model = tiny_flow()
    given, mask = images(2), np.zeros(SHAPE[:2], bool)
    mask[:4] = True
    completed = model.generate(source_images=given, mask=mask, seed=0)
    np.testing.assert_array_equal(completed[:, mask], given[:, mask])
    others = model.generate(source_images=255 - given, mask=mask, seed=0)
    assert (completed[:, ~mask] != others[:, ~mask]).any()


@pytest.mark.slow
def test_images_are_drawn_by_the_average():
    model = tiny_flow(ema_momentum=0.9)
    model.compile("sgd")
    before = values(model.ema_field.weights)
    model.fit(images(8), batch_size=4, verbose=0)
    assert any(moved(before, model.ema_field.weights))
    drawn = model.generate(2, seed=0)
    model.field.set_weights([0.0 * weight for weight in model.field.get_weights()])
    np.testing.assert_array_equal(model.generate(2, seed=0), drawn)


@pytest.mark.slow
def test_the_loss_falls_and_evaluation_changes_nothing():
    model = tiny_flow(num_classes=NUM_CLASSES)
    model.compile(keras.optimizers.Adam(3e-3))
    given, labels = labelled(32)
    losses = model.fit(given // 8 + 200, labels, batch_size=16, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    before = values(model.weights)
    assert np.isfinite(model.evaluate((given, labels), verbose=0)).all()
    assert not any(moved(before, model.weights))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"filters": 12}, "filters is 12, expected a multiple of 8"),
        ({"patch_size": 3}, r"image_shape is \(8, 8, 1\), expected sides divisible by 6"),
        ({"condition_dropout": 2}, "condition_dropout is 2, expected a number from 0 to 1"),
        ({"steps": 0}, "steps is 0, expected an integer of at least 1"),
        ({"guidance": -1}, "guidance is -1, expected a number of at least 0"),
        ({"ema_momentum": 1}, "ema_momentum is 1, expected a number from 0 to below 1"),
    ],
)
def test_impossible_arguments_are_refused(arguments, says):
    with pytest.raises(InputError, match=says):
        tiny_flow(**arguments)


def test_impossible_calls_are_refused():
    model = tiny_flow()
    for given, says in (
        ({"solver": "rk4"}, "solver is 'rk4', expected 'heun' or 'euler'"),
        ({"steps": 0}, "steps is 0, expected an integer of at least 1"),
        ({"guidance": 2.0}, "generate does not understand guidance"),
        ({"source_images": images(1)}, "mask is None, expected source_images and mask together"),
    ):
        with pytest.raises(InputError, match=says):
            model.generate(1, **given)
    with pytest.raises(InputError, match="labels were given to a model without classes"):
        model.log_prob(images(1), labels=0)
