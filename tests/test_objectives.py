"""Objectives, penalties and augmentations against their formulas, and which of them go together."""

import itertools
import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import SHAPE, images, restless_gan, tiny_cycle_gan, tiny_dcgan, tiny_gan, tiny_pix2pix, values
from keras import ops

import zoo
from zoo.errors import InputError
from zoo.layers.group_norm import GroupNormalization
from zoo.models.adversarial_model import AdversarialModel
from zoo.objectives import adversarial, augment, penalties
from zoo.objectives.adversarial import Hinge, LeastSquares, Minimax, NonSaturating, Relativistic, Wasserstein
from zoo.objectives.augment import AdaptiveAugment, DiffAugment
from zoo.objectives.penalties import R1, R2, GradientPenalty, WeightClipping
from zoo.objectives.pixels import psnr

# === Objectives ===

LOGITS = np.array([[-3.0], [-0.5], [0.0], [2.0]], "float32")


def log_sigmoid(logits):
    return -np.log1p(np.exp(-np.asarray(logits, "float64")))


@pytest.mark.parametrize("objective", [Minimax(), NonSaturating()])
def test_discriminator_loss_is_the_cross_entropy_of_the_paper(objective):
    real, fake = LOGITS, LOGITS[::-1] * 2 + 1
    expected = -log_sigmoid(real).mean() - np.log(1 - np.exp(log_sigmoid(fake))).mean()
    assert float(objective.discriminator_loss(real, fake)) == pytest.approx(expected, rel=1e-6)
    assert float(objective.discriminator_loss(0 * real, 0 * fake)) == pytest.approx(2 * np.log(2), rel=1e-6)
    assert float(objective.discriminator_loss(1000 + 0 * real, 0 * fake - 1000)) == 0
    assert float(objective.discriminator_loss(0 * real - 1000, 1000 + 0 * fake)) == pytest.approx(2000)


def test_generator_losses_are_those_of_the_paper():
    assert float(Minimax().generator_loss(LOGITS)) == pytest.approx(log_sigmoid(-LOGITS).mean(), rel=1e-6)
    assert float(NonSaturating().generator_loss(LOGITS)) == pytest.approx(-log_sigmoid(LOGITS).mean(), rel=1e-6)
    assert float(Minimax().generator_loss(0 * LOGITS)) == pytest.approx(-np.log(2), rel=1e-6)


def test_the_generators_gradient_saturates_only_in_the_minimax_game():
    def gradient(objective, logits):
        logits = tf.constant(logits)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = objective.generator_loss(logits)
        return tape.gradient(loss, logits).numpy()

    sigmoid = np.exp(log_sigmoid(LOGITS))
    np.testing.assert_allclose(gradient(Minimax(), LOGITS), -sigmoid / 4, rtol=1e-5)
    np.testing.assert_allclose(gradient(NonSaturating(), LOGITS), (sigmoid - 1) / 4, rtol=1e-5)
    winning = np.full((1, 1), -12.0, "float32")
    assert abs(gradient(Minimax(), winning).item()) < 1e-5
    assert gradient(NonSaturating(), winning).item() == pytest.approx(-1, abs=1e-4)


FAKE = LOGITS[::-1] * 2 + 1


@pytest.mark.parametrize(
    ("objective", "of_discriminator", "of_generator"),
    [
        (LeastSquares(), ((LOGITS - 1) ** 2).mean() / 2 + (FAKE**2).mean() / 2, ((FAKE - 1) ** 2).mean() / 2),
        (Wasserstein(), FAKE.mean() - LOGITS.mean(), -FAKE.mean()),
        (Hinge(), np.maximum(0, 1 - LOGITS).mean() + np.maximum(0, 1 + FAKE).mean(), -FAKE.mean()),
    ],
)
def test_losses_without_probabilities_are_those_of_the_papers(objective, of_discriminator, of_generator):
    assert float(objective.discriminator_loss(LOGITS, FAKE)) == pytest.approx(of_discriminator, rel=1e-6)
    assert float(objective.generator_loss(FAKE)) == pytest.approx(of_generator, rel=1e-6)


@keras.saving.register_keras_serializable(package="tests")
class WiderHinge(Hinge):
    """An objective of one's own, with an argument."""

    def __init__(self, margin=1.0):
        self.margin = margin

    def get_config(self):
        return {"margin": self.margin}


def test_an_objective_of_ones_own_keeps_its_arguments():
    model = tiny_gan(objective=WiderHinge(0.25))
    assert type(model).from_config(model.get_config()).objective.margin == 0.25


def test_relativistic_losses_are_those_of_pairs():
    objective = Relativistic()
    expected = -log_sigmoid(LOGITS - FAKE).mean()
    assert float(objective.discriminator_loss(LOGITS, FAKE)) == pytest.approx(expected, rel=1e-6)
    expected = -log_sigmoid(FAKE - LOGITS).mean()
    assert float(objective.generator_loss(FAKE, LOGITS)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("build", [tiny_dcgan, tiny_pix2pix, tiny_cycle_gan])
def test_a_generator_is_compared_with_the_real_images_of_its_batch(build):
    model = build(objective="relativistic")
    rng = np.random.default_rng(0)
    for variable in model.weights:
        if variable.dtype == "float32" and "moving" not in variable.path:
            variable.assign(rng.normal(0, 0.3, variable.shape))
    # Whatever the latents, so that the loss can be told without those that are drawn.
    if build is tiny_dcgan:
        to_image = model.ema_generator.get_layer("to_image")
        to_image.kernel.assign(0 * to_image.kernel)
    real, sources = (tf.constant(images(3, seed=seed) / np.float32(127.5) - 1) for seed in (0, 1))
    batch = {"images": real, "source_images": sources}
    loss, logs = model.generator_loss(batch, training=False)

    def logits(images):
        return np.asarray(model.discriminator(model.discriminator_inputs(images, batch), training=False))

    if build is tiny_cycle_gan:
        fake = model.ema_generator(batch, training=False)
        of_fake, of_real = (model.discriminator(each, training=False) for each in (fake, batch))
        expected = sum(-log_sigmoid(of_fake[side] - np.asarray(of_real[side])).mean() for side in batch)
        weighed = model.cycle_weight * logs["cycle"] + model.identity_weight * logs["identity"]
    else:
        fake = model.ema_generator(sources if build is tiny_pix2pix else tf.zeros((3, *model.noise_shape)))
        expected = -log_sigmoid(logits(fake) - logits(real)).mean()
        weighed = model.l1_weight * logs["l1"] if build is tiny_pix2pix else 0.0
    assert float(loss - weighed) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", ["minimax", "non_saturating", "least_squares", "hinge"])
def test_a_discriminator_at_the_targets_has_nothing_left_to_lose(name):
    objective = adversarial.get(name)
    winning = {"minimax": 30.0, "non_saturating": 30.0}.get(name)
    logits = [
        np.full((2, 1), target if winning is None else sign * winning, "float32")
        for sign, target in zip((1, -1), objective.targets, strict=True)
    ]
    assert float(objective.discriminator_loss(*logits)) == pytest.approx(0.0, abs=1e-6)
    assert [float(objective.outputs(each)[0, 0]) for each in logits] == pytest.approx(objective.targets)


@pytest.mark.parametrize(("objective", "least"), [(Hinge(), -1.0), (LeastSquares(), 0.0)])
def test_outputs_beyond_the_targets_count_no_more(objective, least):
    found = objective.outputs(np.array([[-7.0], [0.5], [9.0]], "float32"))
    np.testing.assert_array_equal(found, [[least], [0.5], [1.0]])
    np.testing.assert_array_equal(Wasserstein().outputs(LOGITS), LOGITS)


# What Goodfellow et al. 2014 prove of the game, on distributions over five points.
P_DATA, P_G = np.array([4, 1, 3, 0.5, 1.5]) / 10, np.array([1, 1, 2, 4, 2]) / 10


def value_of_the_game(logits):
    """V(D, G) of eq. 1, as the negative loss on points repeated as often as they are probable."""
    real, fake = (tf.repeat(logits, np.rint(20 * p).astype(int))[:, None] for p in (P_DATA, P_G))
    return -Minimax().discriminator_loss(real, fake)


@pytest.mark.slow
def test_the_optimal_discriminator_is_the_share_of_the_data():
    @tf.function
    def ascended(logits):
        for _ in tf.range(400):
            logits += 4.0 * tf.gradients(value_of_the_game(logits), logits)[0]
        return logits

    np.testing.assert_allclose(tf.sigmoid(ascended(tf.zeros(5))), P_DATA / (P_DATA + P_G), atol=1e-3)


def test_the_value_of_the_game_is_the_jensen_shannon_divergence():
    mixture = (P_DATA + P_G) / 2
    divergence = sum(np.sum(p * np.log(p / mixture)) for p in (P_DATA, P_G)) / 2
    optimal = tf.constant(np.log(P_DATA / P_G), "float32")
    assert float(value_of_the_game(optimal)) == pytest.approx(-np.log(4) + 2 * divergence, rel=1e-5)
    for direction in np.eye(5, dtype="float32"):
        assert float(value_of_the_game(optimal + 0.3 * direction)) < float(value_of_the_game(optimal))
    assert float(Minimax().discriminator_loss(0 * LOGITS, 0 * LOGITS)) == pytest.approx(np.log(4), rel=1e-6)


# === Penalties ===


def penalty_of(penalty, discriminator, real, step=0, fake=None, seed=None):
    return float(penalty(discriminator, real, fake, step, AdversarialModel.input_gradient, seed))


def test_r1_of_a_linear_and_a_quadratic_discriminator():
    rng = np.random.default_rng(0)
    real = tf.constant(rng.normal(size=(5, *SHAPE)), "float32")
    slope = rng.normal(size=SHAPE).astype("float32")
    expected = 3 / 2 * np.sum(slope.astype("float64") ** 2)
    linear = penalty_of(R1(3.0), lambda x: ops.sum(x * slope, axis=(1, 2, 3))[:, None], real)
    assert linear == pytest.approx(expected, rel=1e-5)
    expected = 3 / 2 * np.mean(np.sum((real.numpy() * slope.astype("float64")) ** 2, axis=(1, 2, 3)))
    quadratic = penalty_of(R1(3.0), lambda x: ops.sum(slope * x**2, axis=(1, 2, 3))[:, None] / 2, real)
    assert quadratic == pytest.approx(expected, rel=1e-5)


def test_r2_is_r1_of_the_generated_images():
    rng = np.random.default_rng(0)
    real, fake = (tf.constant(rng.normal(size=(5, *SHAPE)), "float32") for _ in range(2))

    def judge(x):
        return ops.sum(x**3, axis=(1, 2, 3))[:, None]

    assert penalty_of(R2(3.0), judge, real, fake=fake) == penalty_of(R1(3.0), judge, fake)
    assert penalty_of(R2(3.0), judge, real, fake=fake) != penalty_of(R1(3.0), judge, real)


def test_lazy_r1_comes_every_interval_and_counts_as_often():
    real = tf.ones((2, *SHAPE))

    def found(penalty):
        return [penalty_of(penalty, lambda x: ops.sum(x, axis=(1, 2, 3))[:, None], real, step) for step in range(8)]

    each, lazy = found(R1(1.0)), found(R1(1.0, interval=4))
    assert each == pytest.approx([32.0] * 8)
    assert lazy == pytest.approx([128.0, 0, 0, 0, 128.0, 0, 0, 0])


@pytest.mark.slow
def test_lazy_r1_counts_updates_of_the_discriminator():
    class Counting(R1):
        steps = ()

        def __call__(self, discriminator, real, fake, step, *rest):
            self.steps += (int(step),)
            return super().__call__(discriminator, real, fake, step, *rest)

    penalty = Counting(1.0, interval=3)
    model = tiny_gan(penalties=penalty, discriminator_steps=2)
    model.compile()
    for _ in range(2):
        model.train_step(images(4))
    assert penalty.steps == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"weight": 0}, "weight is 0"), ({"weight": "1"}, "weight is '1'"), ({"interval": 1.5}, "interval is 1.5")],
)
def test_impossible_penalties_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        R1(**arguments)


def test_the_gradient_penalty_of_a_quadratic_critic():
    rng = np.random.default_rng(0)
    real, fake = (tf.constant(rng.normal(size=(5, *SHAPE)), "float32") for _ in range(2))
    slope = rng.normal(size=SHAPE).astype("float32")
    seed, twin = keras.random.SeedGenerator(3), keras.random.SeedGenerator(3)
    share = keras.random.uniform((5, 1, 1, 1), seed=twin).numpy()
    between = share * real.numpy() + (1 - share) * fake.numpy()
    norms = np.sqrt(np.sum((between * slope) ** 2, axis=(1, 2, 3)))
    found = penalty_of(
        GradientPenalty(7.0), lambda x: ops.sum(slope * x**2, axis=(1, 2, 3))[:, None] / 2, real, 0, fake, seed
    )
    assert found == pytest.approx(7 * np.mean((norms - 1) ** 2), rel=1e-5)


def test_the_gradient_penalty_trains_a_flat_critic():
    real, fake = tf.zeros((3, *SHAPE)), tf.ones((3, *SHAPE))
    slope = tf.Variable(tf.zeros(SHAPE))
    with tf.GradientTape() as tape:
        loss = GradientPenalty()(
            lambda x: ops.sum(slope * x, axis=(1, 2, 3))[:, None],
            real,
            fake,
            0,
            AdversarialModel.input_gradient,
            keras.random.SeedGenerator(0),
        )
    assert np.isfinite(tape.gradient(loss, slope).numpy()).all()
    assert float(loss) == pytest.approx(10.0, rel=1e-4)


@pytest.mark.slow
def test_clipping_bounds_every_weight_of_the_critic_and_no_other():
    model = restless_gan(penalties=WeightClipping(0.02), objective="wasserstein", discriminator_steps=2)
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    assert max(np.abs(value).max() for value in values(model.discriminator.trainable_variables)) > 0.1
    model.train_step(images(8))
    bounds = [np.abs(value).max() for value in values(model.discriminator.trainable_variables)]
    assert max(bounds) == np.float32(0.02)
    assert max(np.abs(value).max() for value in values(model.generator.trainable_variables)) > 0.1


def test_overlap_is_what_lies_beside_the_diagonal():
    for shape in ((3, 3, 2, 4), (2, 9)):
        kernel = np.random.RandomState(0).normal(size=shape).astype("float32")
        weight = kernel.reshape(-1, shape[-1])
        gram = (weight.T @ weight) * (1 - np.eye(shape[-1]))
        assert float(penalties.overlap(kernel)) == pytest.approx(np.sum(gram**2), rel=1e-4)
    assert float(penalties.overlap(np.diag([1.0, 2.0, 3.0]).astype("float32"))) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("r1", [R1]), (["gradient_penalty"], [GradientPenalty]), (WeightClipping(0.1), [WeightClipping]), ((), [])],
)
def test_penalties_are_given_by_name_or_instance(given, expected):
    model = tiny_gan(penalties=given)
    assert [type(penalty) for penalty in model.penalties] == expected
    twin = zoo.GAN.from_config(json.loads(json.dumps(model.get_config())))
    assert [type(penalty) for penalty in twin.penalties] == expected
    assert [penalty.get_config() for penalty in twin.penalties] == [p.get_config() for p in model.penalties]


@pytest.mark.slow
@pytest.mark.parametrize("penalty", ["gradient_penalty", "r1"])
def test_a_gradient_penalty_goes_with_neither_clipping_nor_batch_norm(penalty):
    kind = type(penalties.get(penalty)[0]).__name__
    with pytest.raises(InputError, match=rf"penalties has WeightClipping and {kind}, expected one of them: clipped"):
        tiny_gan(penalties=["weight_clipping", penalty])
    message = rf"penalties has {kind}, but the discriminator has batch norm \(.*norm_1/moving_mean\), which makes"
    with pytest.raises(InputError, match=message):
        tiny_dcgan(penalties=penalty)
    tiny_dcgan(penalties="weight_clipping")
    tiny_dcgan(penalties=penalty, discriminator_batch_norm=False)


@pytest.mark.slow
def test_layers_through_which_tensorflow_gets_the_gradient_of_penalties_wrong_are_warned_of():
    def build(norm, **arguments):
        inner = keras.Sequential([keras.Input(SHAPE), norm], name="inner")
        judge = keras.Sequential([keras.Input(SHAPE), inner, keras.layers.Flatten(), keras.layers.Dense(1)])
        return tiny_gan(discriminator=judge, **arguments)

    for norm in (keras.layers.GroupNormalization(1), keras.layers.LayerNormalization()):
        says = rf"penalties has R1, whose gradient TensorFlow gets wrong .* {norm.name} \({type(norm).__name__}\); zoo"
        with pytest.warns(UserWarning, match=says):
            build(norm, penalties="r1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build(keras.layers.LayerNormalization())
        build(keras.layers.LayerNormalization(), penalties="weight_clipping")
        build(GroupNormalization(), penalties="r1")
        tiny_cycle_gan(penalties="r1")


@pytest.mark.parametrize("objective", ["hinged", None, 3, {}])
def test_unknown_objectives_are_refused(objective):
    with pytest.raises(InputError, match=rf"objective is {objective!r}, expected one of minimax, non_saturating"):
        tiny_gan(objective=objective)


@pytest.mark.parametrize(
    ("argument", "known"),
    [("penalties", "r1, r2, gradient_penalty, weight_clipping"), ("augmentation", "diff_augment")],
)
def test_unknown_names_are_refused_with_the_known_ones(argument, known):
    with pytest.raises(InputError, match=rf"{argument} is 'nothing', expected one of {known}"):
        tiny_gan(**{argument: "nothing"})


# === Augmentation ===


def augmented(policy, pictures, seed=0):
    return getattr(augment, policy)(tf.constant(pictures), keras.random.SeedGenerator(seed)).numpy()


def pictures(number=64, shape=(8, 8, 3)):
    return np.random.RandomState(1).uniform(-1, 1, (number, *shape)).astype("float32")


def test_colour_is_an_affine_change_of_each_image_within_its_ranges():
    given = pictures()
    found = augmented("color", given)
    means = given.mean((1, 2, 3)), found.mean((1, 2, 3))
    brightness = means[1] - means[0]
    assert -0.5 <= brightness.min() < -0.3 and 0.3 < brightness.max() <= 0.5
    grey = [each.mean(3) - mean[:, None, None] for each, mean in zip((given, found), means, strict=True)]
    contrast = (grey[0] * grey[1]).sum((1, 2)) / (grey[0] ** 2).sum((1, 2))
    np.testing.assert_allclose(grey[1], contrast[:, None, None] * grey[0], atol=1e-5)
    assert 0.5 <= contrast.min() < 0.7 and 1.3 < contrast.max() <= 1.5
    colours = [each - each.mean(3, keepdims=True) for each in (given, found)]
    saturation = (colours[0] * colours[1]).sum((1, 2, 3)) / (colours[0] ** 2).sum((1, 2, 3)) / contrast
    np.testing.assert_allclose(colours[1], (contrast * saturation)[:, None, None, None] * colours[0], atol=1e-5)
    assert -1e-5 <= saturation.min() < 0.4 and 1.6 < saturation.max() <= 2.0 + 1e-5


def test_translation_moves_each_image_by_an_eighth_at_most():
    given = pictures(shape=(16, 8, 1))
    shifts = set()
    for one, moved in zip(given, augmented("translation", given), strict=True):
        padded = np.pad(one, ((2, 2), (1, 1), (0, 0)))
        (found,) = [
            (y, x) for y in range(5) for x in range(3) if np.allclose(padded[y : y + 16, x : x + 8], moved, atol=1e-6)
        ]
        shifts.add(found)
    assert len(shifts) == 15


def test_cutout_leaves_a_rectangle_of_half_the_sides_blank():
    given = pictures(number=200)
    blank = (augmented("cutout", given) == 0).all(3)
    np.testing.assert_array_equal(augmented("cutout", given)[~blank], given[~blank])
    heights, widths = blank.any(2).sum(1), blank.any(1).sum(1)
    np.testing.assert_array_equal(blank.sum((1, 2)), heights * widths)
    assert heights.max() == widths.max() == 4 and heights.min() >= 2
    assert blank.any(0).all()


def test_augmentation_differs_by_image_and_lets_gradients_through():
    given = tf.constant(np.repeat(pictures(1), 6, 0))
    with tf.GradientTape() as tape:
        tape.watch(given)
        found = DiffAugment()(given, seed=keras.random.SeedGenerator(0))
    assert len({image.tobytes() for image in found.numpy()}) == 6
    assert (np.abs(tape.gradient(found, given).numpy()).max((1, 2, 3)) > 0).all()


class Counting(DiffAugment):
    """Notes what it is called on, and what it returns."""

    def __init__(self):
        super().__init__()
        self.seen, self.made = [], []

    def call(self, images, seed):
        self.seen.append(images)
        self.made.append(0.5 * super().call(images, seed))
        return self.made[-1]


def test_both_networks_see_real_and_generated_images_augmented():
    model = tiny_gan(augmentation=(counting := Counting()), dropout=0.0)
    model.compile()
    judged = []
    call = model.discriminator.call
    model.discriminator.call = lambda images, *args, **options: judged.append(images) or call(images, *args, **options)
    batch = model.prepare(images(4))
    model.discriminator_loss(batch)
    real, fake = counting.seen
    np.testing.assert_array_equal(real, batch["images"])
    assert (real.numpy() != fake.numpy()).any()
    model.generator_loss(batch)
    assert len(counting.seen) == len(judged) == 3
    for given, made in zip(judged, counting.made, strict=True):
        np.testing.assert_array_equal(given, made)


@pytest.mark.slow
@pytest.mark.parametrize("build", [tiny_gan, tiny_cycle_gan])
def test_a_step_moves_the_probability_of_augmentation_once(build):
    model = build(augmentation=AdaptiveAugment(ramp=1), dtype="float32")
    model.compile()
    for update in range(1, 4):
        model.train_step({"images": images(4), "source_images": images(4, seed=1)})
        assert int(model.augmentation.updates) == update


def test_the_probability_follows_how_much_the_discriminator_overfits():
    adaptive = AdaptiveAugment(target=0.6, ramp=100)
    sure, unsure = np.array([[3.0], [2.0], [1.0], [2.0]], "float32"), LOGITS
    for step, expected in enumerate([0, 0, 0, 0.16, 0.16, 0.16, 0.16, 0.32], 1):
        adaptive.update(NonSaturating(), sure)
        assert float(adaptive.probability) == pytest.approx(expected), step
    for _ in range(4):
        adaptive.update(NonSaturating(), unsure)
    assert float(adaptive.probability) == pytest.approx(0.16)
    for _ in range(40):
        adaptive.update(NonSaturating(), sure)
    assert float(adaptive.probability) == 1.0


def test_replicas_move_the_probability_by_the_images_of_them_all():
    alone, shared = AdaptiveAugment(ramp=100), AdaptiveAugment(ramp=100)
    for _ in range(4):
        alone.update(NonSaturating(), np.full((8, 1), 5.0, "float32"))
        shared.update(NonSaturating(), np.full((4, 1), 5.0, "float32"), num_replicas=2)
    assert float(alone.probability) == float(shared.probability) == pytest.approx(0.32)


def test_without_probability_nothing_changes_and_at_1_everything_does():
    adaptive, given = AdaptiveAugment(), pictures(8)
    np.testing.assert_array_equal(adaptive(given, seed=keras.random.SeedGenerator(0)), given)
    adaptive.probability.assign(1.0)
    changed = adaptive(given, seed=keras.random.SeedGenerator(0)).numpy()
    assert (changed != given).any((1, 2, 3)).all()


def test_each_image_is_changed_with_the_probability():
    adaptive, given = AdaptiveAugment(["color"]), pictures(400)
    adaptive.probability.assign(0.25)
    changed = (adaptive(given, seed=keras.random.SeedGenerator(0)).numpy() != given).any((1, 2, 3))
    assert 0.15 < changed.mean() < 0.35


@pytest.mark.parametrize(("objective", "right"), [(LeastSquares(), 0.7), (Hinge(), 0.2), (NonSaturating(), 0.2)])
def test_signs_count_from_the_middle_between_the_targets(objective, right):
    adaptive = AdaptiveAugment()
    adaptive.update(objective, np.array([[right]], "float32"))
    assert float(adaptive.signs) == 1.0
    adaptive.update(objective, np.array([[right - 0.4]], "float32"))
    assert float(adaptive.signs) == 0.0


@pytest.mark.slow
def test_adaptive_augmentation_needs_bounded_outputs():
    with pytest.raises(InputError, match=r"augmentation is adaptive, .* Wasserstein have no such bounds"):
        tiny_gan(augmentation="adaptive", objective="wasserstein")
    tiny_gan(augmentation="diff_augment", objective="wasserstein")
    with pytest.raises(InputError, match="policies has 'zoom', expected some of color, translation, cutout"):
        DiffAugment(["zoom"])
    for policies in (None, "color"):
        with pytest.raises(
            InputError, match=f"policies is {policies!r}, expected a list of some of color, translation"
        ):
            DiffAugment(policies)


@pytest.mark.slow
def test_the_probability_is_saved_with_the_model(tmp_path):
    model = tiny_gan(augmentation=AdaptiveAugment(["color"], target=0.5, ramp=10))
    model.augmentation.probability.assign(0.25)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert float(loaded.augmentation.probability) == 0.25
    assert loaded.augmentation.get_config() == model.augmentation.get_config()
    model.save_to_preset(tmp_path / "preset")
    assert float(zoo.load(tmp_path / "preset").augmentation.probability) == 0.25


# === Any objective with any penalty ===


@pytest.mark.slow
@pytest.mark.parametrize("objective", adversarial.OBJECTIVES)
@pytest.mark.parametrize("penalty", [(), *penalties.PENALTIES])
def test_a_gan_takes_any_objective_with_any_penalty(objective, penalty):
    augmentation = "diff_augment" if adversarial.get(objective).targets is None else "adaptive"
    model = tiny_gan(objective=objective, penalties=penalty, augmentation=augmentation)
    model.compile(run_eagerly=True)
    figures = model.train_on_batch(images(4), return_dict=True)
    assert all(np.isfinite(figure) for figure in figures.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "penalty"),
    list(zip(adversarial.OBJECTIVES, itertools.cycle([*penalties.PENALTIES, ()]), strict=False)),
)
def test_objectives_and_penalties_compile(objective, penalty):
    # The other augmentation is compiled in the contract.
    augmentation = "adaptive" if objective == "non_saturating" else None
    model = tiny_gan(objective=objective, penalties=penalty, augmentation=augmentation)
    model.compile(jit_compile=True)
    history = model.fit(images(8), batch_size=4, verbose=0).history
    assert all(np.isfinite(figures).all() for figures in history.values())


def test_psnr_of_a_batch():
    """An error of 20 % of the width of [-1, 1] has 20 log10(5) dB, and equal images have those of rounding."""
    assert float(psnr(0.4**2)) == pytest.approx(20 * np.log10(5))
    assert float(psnr(0.0)) == pytest.approx(10 * np.log10(12 * 255**2))
