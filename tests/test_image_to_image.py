"""Models from image to image: Pix2Pix and CycleGAN against their formulas, and the pairs that they learn from."""

import functools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import (
    SHAPE,
    TINY_TRANSLATORS,
    images,
    moved,
    one_update,
    pairs,
    tiny_cycle_gan,
    tiny_pix2pix,
    values,
    write_picture,
)
from PIL import Image

import zoo
from zoo import data
from zoo.errors import DataError, InputError
from zoo.layers.group_norm import GroupNormalization
from zoo.layers.image_pool import ImagePool
from zoo.nets import image_to_image
from zoo.objectives import augment
from zoo.objectives.augment import DiffAugment
from zoo.objectives.penalties import R1

COLOUR = (8, 8, 3)


def floats(batch):
    return batch.astype("float32") / 127.5 - 1


# === Networks ===


def test_the_u_net_sees_the_source_at_every_resolution():
    network = image_to_image.u_net((8, 16, 1), 3, filters=2, stages=3, dropout=0.0)
    assert network.output_shape == (None, 8, 16, 3)
    assert [network.get_layer(f"down_{stage}").output.shape[1:3] for stage in range(3)] == [(4, 8), (2, 4), (1, 2)]
    # The finest skip is the source image itself.
    assert network.get_layer("both_0").input[1] is network.input
    with pytest.raises(InputError, match="expected sides divisible by 8"):
        image_to_image.u_net((12, 16, 1), 3, filters=2, stages=3, dropout=0.0)


@pytest.mark.parametrize(("stages", "width"), [(1, 16), (2, 34), (3, 70)])
def test_a_logit_judges_a_patch_of_the_size_of_the_paper(stages, width):
    network = image_to_image.patch_discriminator((96, 96, 1), 2, stages)
    # Instance norm sees the whole image; without it a logit sees its patch.
    plain = keras.models.clone_model(
        network,
        clone_function=lambda layer: (
            keras.layers.Activation("linear", name=layer.name)
            if isinstance(layer, GroupNormalization)
            else layer.__class__.from_config(layer.get_config())
        ),
    )
    for variable in plain.trainable_variables:
        variable.assign(tf.abs(variable))
    x = tf.Variable(tf.ones((1, 96, 96, 1)))
    with tf.GradientTape() as tape:
        logits = plain(x)
        middle = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    rows = np.flatnonzero(tape.gradient(middle, x).numpy()[0, :, :, 0].any(1))
    assert rows[-1] - rows[0] + 1 == width


# === The losses ===


@pytest.mark.slow
def test_pix2pix_minimizes_the_papers_sum():
    model = tiny_pix2pix(l1_weight=7.0, dropout=0.0)
    model.compile()
    batch = model.prepare(pairs(4))
    fake = model.generator(batch["source_images"], training=True)
    l1 = np.mean(np.abs(batch["images"] - fake))
    logits = model.discriminator({"images": fake, "source_images": batch["source_images"]}, training=True)
    adversarial = np.mean(np.log1p(np.exp(-np.array(logits))))
    loss, logs = model.generator_loss(batch)
    assert float(loss) == pytest.approx(adversarial + 7 * l1, rel=1e-4)
    assert float(logs["l1"]) == pytest.approx(l1, rel=1e-5)


def test_the_discriminator_sees_the_source_image_too():
    model = tiny_pix2pix()
    sources, given = (floats(part) for part in pairs(2))
    judged = model.discriminator({"images": given, "source_images": sources})
    other = model.discriminator({"images": given, "source_images": sources[::-1]})
    assert judged.shape == (2, 4, 4, 1)
    assert not np.allclose(judged, other, atol=1e-5)


@pytest.mark.slow
def test_cycle_gan_penalizes_the_gradients_of_both_sides():
    losses = []
    for penalties in ((), R1(3.0)):
        keras.utils.set_random_seed(0)
        model = tiny_cycle_gan(penalties=penalties)
        model.compile()
        batch = model.prepare(dict(zip(("source_images", "images"), pairs(4), strict=True)))
        losses.append(float(model.discriminator_loss(batch)[0]))
    expected = 0.0
    for side in ("images", "source_images"):
        judge, real = model.discriminator.get_layer(f"of_{side}"), tf.convert_to_tensor(batch[side])
        with tf.GradientTape() as tape:
            tape.watch(real)
            logits = judge(real)
        squares = np.sum(np.square(tape.gradient(logits, real)), axis=(1, 2, 3))
        expected += 0.5 * 3.0 / 2 * np.mean(squares)
    assert expected > 1e-6
    assert losses[1] - losses[0] == pytest.approx(expected, rel=1e-3)


def test_pix2pix_augments_an_image_together_with_its_source_image():
    model = tiny_pix2pix(augmentation=DiffAugment(["translation", "cutout"]))
    batch = {"images": floats(images(4)), "source_images": floats(images(4))}
    seen = model.discriminator_inputs(model.augmented(batch["images"], batch), batch)
    np.testing.assert_array_equal(seen["images"], seen["source_images"])
    assert not np.array_equal(seen["images"], batch["images"])
    # As it is outside of training.
    still = model.discriminator_inputs(batch["images"], batch)
    assert still["source_images"] is batch["source_images"]


def test_colours_of_a_pair_change_alike_and_apart():
    both = np.concatenate([floats(images(4, COLOUR)), floats(images(4))], -1)
    changed = augment.color(both, 3, first=3)
    np.testing.assert_allclose(changed[..., :3], augment.color(both[..., :3], 3), atol=1e-6)
    np.testing.assert_allclose(changed[..., 3:], augment.color(both[..., 3:], 3), atol=1e-6)
    seen = []
    model = tiny_pix2pix(image_shape=COLOUR, source_shape=SHAPE, augmentation="diff_augment")
    model.augmentation.call = lambda images, seed, first: seen.append((images.shape, first))
    model.augmented(both[..., :3], {"source_images": both[..., 3:]})
    assert seen == [((4, 8, 8, 4), 3)]


def half_translators():
    inputs = {side: keras.Input(SHAPE, name=side) for side in ("images", "source_images")}
    half = keras.layers.AveragePooling2D(2)
    return keras.Model(inputs, {"images": half(inputs["source_images"]), "source_images": half(inputs["images"])})


def nameless_translators():
    inputs = {side: keras.Input(SHAPE, name=side) for side in ("images", "source_images")}
    return keras.Model(inputs, {"images": inputs["source_images"], "source_images": inputs["images"]})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "says"),
    [
        (half_translators, r"generator makes \{'images': \(4, 4, 1\), .*expected \{'images': \(8, 8, 1\)"),
        (nameless_translators, "generator has no layer to_images, expected the layers"),
    ],
)
def test_translators_that_do_not_fit_are_refused(build, says):
    with pytest.raises(InputError, match=says):
        zoo.CycleGAN(SHAPE, generator=build())


def test_ready_made_batches_of_more_sources_than_images_are_refused():
    model = tiny_pix2pix()
    model.compile()
    sources, pictures = pairs(8)
    says = r"The first batch of x has source_images of shape \(8, 8, 8, 1\), expected one for each of 4 images"
    with pytest.raises(InputError, match=says):
        model.fit(iter([(sources, pictures[:4])]), verbose=0)


@pytest.mark.slow
def test_a_penalty_is_on_the_image_alone_whether_or_not_its_source_is_augmented_with_it():
    plain = tiny_pix2pix(penalties="r1", dropout=0.0)
    augmented = tiny_pix2pix(penalties="r1", dropout=0.0, augmentation=DiffAugment(()))
    augmented.set_weights(plain.get_weights())
    losses = []
    for model in (plain, augmented):
        model.compile()
        batch = model.prepare(dict(zip(("source_images", "images"), pairs(4), strict=True)))
        losses.append(float(model.discriminator_loss(batch)[0]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    without = tiny_pix2pix(dropout=0.0)
    without.compile()
    without.set_weights(plain.get_weights())
    assert float(without.discriminator_loss(batch)[0]) < losses[0]


def test_generated_images_are_penalized_beside_the_source_images_that_were_augmented_with_them():
    model = tiny_pix2pix(penalties="r2", dropout=0.0, augmentation=DiffAugment(()))
    model.compile()
    channels = model.image_shape[-1]
    shape = (4, *model.image_shape[:2], channels + model.source_shape[-1])
    real, fake = (tf.random.stateless_uniform(shape, (0, seed), -1.0, 1.0) for seed in (0, 1))
    found = model.penalized(functools.partial(model.judge, batch={}, training=True), real, fake)
    images = fake[..., :channels]
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = model.discriminator({"images": images, "source_images": fake[..., channels:]}, training=True)
    squares = tf.reduce_sum(tape.gradient(logits, images) ** 2, axis=(1, 2, 3))
    assert float(found) == pytest.approx(0.5 * float(tf.reduce_mean(squares)), rel=1e-5)
    assert float(found) > 0


@pytest.mark.slow
def test_cycle_gan_minimizes_the_papers_sum():
    model = tiny_cycle_gan(cycle_weight=3.0, identity_weight=2.0)
    model.compile()
    batch = model.prepare(dict(zip(("source_images", "images"), pairs(4), strict=True)))
    s, x = batch["source_images"], batch["images"]
    g, f = model.generator.get_layer("to_images"), model.generator.get_layer("to_source")
    judges = {side: model.discriminator.get_layer(f"of_{side}") for side in ("images", "source_images")}
    adversarial = 0.5 * np.mean((judges["images"](g(s)) - 1.0) ** 2)
    adversarial += 0.5 * np.mean((judges["source_images"](f(x)) - 1.0) ** 2)
    cycle = np.mean(np.abs(f(g(s)) - s)) + np.mean(np.abs(g(f(x)) - x))
    identity = np.mean(np.abs(g(x) - x)) + np.mean(np.abs(f(s) - s))
    loss, logs = model.generator_loss(batch)
    assert float(loss) == pytest.approx(adversarial + 3 * cycle + 2 * identity, rel=1e-4)
    assert float(logs["cycle"]) == pytest.approx(cycle, rel=1e-4)
    # With an empty store the discriminators are given the new images.
    by_hand = [
        0.25 * np.mean((judges[side](real) - 1.0) ** 2) + 0.25 * np.mean(np.square(judges[side](fake)))
        for side, real, fake in (("images", x, g(s)), ("source_images", s, f(x)))
    ]
    assert float(model.discriminator_loss(batch)[0]) == pytest.approx(sum(by_hand), rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY_TRANSLATORS)
@pytest.mark.parametrize("updated", ["generator", "discriminator"])
def test_an_update_moves_its_own_network_alone(name, updated):
    model = TINY_TRANSLATORS[name]()
    model.compile()
    weights = getattr(model, updated).trainable_variables
    old = values(weights)
    one_update(model, updated, dict(zip(("source_images", "images"), pairs(4), strict=True)))
    # Biases before a norm have no gradient.
    assert np.mean(moved(old, weights)) > 0.5


# === The store of earlier images ===


@pytest.mark.slow
def test_the_store_fills_then_exchanges_half():
    pool, seed = ImagePool(8, (1, 1, 1)), keras.random.SeedGenerator(0)
    batches = [np.arange(n * 4, n * 4 + 4, dtype="float32").reshape(4, 1, 1, 1) for n in range(60)]
    for batch in batches[:2]:
        np.testing.assert_array_equal(pool(batch, seed=seed), batch)
    np.testing.assert_array_equal(np.ravel(pool.images), np.arange(8))
    returned_new = 0
    for batch in batches[2:]:
        before = set(np.ravel(pool.images))
        returned = set(np.ravel(pool(batch, seed=seed)))
        after = set(np.ravel(pool.images))
        new = set(np.ravel(batch))
        # Nothing is lost and nothing doubled: what came in went out or stayed.
        assert returned | after == before | new and len(returned) == 4 and len(after) == 8
        returned_new += len(returned & new)
    assert 0.35 < returned_new / (58 * 4) < 0.65


def test_of_a_larger_batch_the_rest_passes_by():
    pool, seed = ImagePool(2, (1, 1, 1)), keras.random.SeedGenerator(0)
    batch = np.arange(5, dtype="float32").reshape(5, 1, 1, 1)
    np.testing.assert_array_equal(pool(batch, seed=seed), batch)
    returned = np.ravel(pool(10 + batch, seed=seed))
    np.testing.assert_array_equal(returned[2:], [12, 13, 14])
    assert set(returned[:2]) | set(np.ravel(pool.images)) == {0, 1, 10, 11}


@pytest.mark.slow
@pytest.mark.parametrize("numbers", [(8, 16), (16, 8)])
def test_a_split_takes_its_share_of_either_side(numbers, monkeypatch):
    model, read, taken = tiny_cycle_gan(), data.read_pairs, []
    model.compile(run_eagerly=True)

    def noted(source, *arguments, **options):
        taken.append([len(side) for side in source])
        return read(source, *arguments, **options)

    monkeypatch.setattr(data, "read_pairs", noted)
    sources, targets = (images(number, seed=number) for number in numbers)
    model.fit(sources, targets, batch_size=12, validation_split=0.25, verbose=0)
    assert taken == [[0.75 * number for number in numbers], [0.25 * number for number in numbers]]


@pytest.mark.slow
def test_a_preset_leaves_the_store_out_and_a_backup_keeps_it(tmp_path):
    model = tiny_cycle_gan()
    model.compile(run_eagerly=True)
    model.fit(pairs(8), batch_size=4, verbose=0)
    assert int(model.image_pool.filled) == 6
    model.save_to_preset(tmp_path / "preset")
    assert int(zoo.load(tmp_path / "preset").image_pool.filled) == 0
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.image_pool.images, model.image_pool.images)


# === Using ===


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY_TRANSLATORS)
def test_each_image_has_one_translation(name):
    model = TINY_TRANSLATORS[name]()
    sources, _ = pairs(70)
    found = model.translate(sources)
    assert found.dtype == np.uint8 and found.shape == (70, *SHAPE)
    np.testing.assert_array_equal(model.generate(source_images=sources), found)
    np.testing.assert_array_equal(model.translate(sources[65:]), found[65:])
    np.testing.assert_array_equal(model.generate(3, source_images=sources[0], seed=5), found[[0, 0, 0]])


@pytest.mark.slow
def test_cycle_gan_translates_both_ways():
    model, (sources, _) = tiny_cycle_gan(), pairs(2)
    back = model.ema_generator.get_layer("to_source")(floats(sources))
    np.testing.assert_allclose(model.translate(sources, reverse=True), (np.array(back) + 1) * 127.5, atol=0.51)
    assert (model.translate(sources, reverse=True) != model.translate(sources)).any()


@pytest.mark.slow
def test_iterators_of_batches_are_trained_on():
    model, (sources, given) = tiny_pix2pix(), pairs(4)
    model.compile(run_eagerly=True)
    model.fit(iter([{"source_images": sources, "images": given}] * 2), verbose=0)
    model.fit(iter([(sources, given)] * 2), verbose=0)
    assert int(model.optimizer.iterations) == 4


@pytest.mark.slow
def test_a_source_may_have_other_channels():
    model = tiny_pix2pix(image_shape=COLOUR, source_shape=SHAPE)
    model.compile(run_eagerly=True)
    model.fit(*pairs(4, COLOUR), batch_size=2, verbose=0)
    assert model.translate(images(1)).shape == (1, *COLOUR)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m: m.generate(3), "source_images is None"),
        (lambda m: m.generate(source_images=images(2, COLOUR)), r"source_images has shape \(2, 8, 8, 3\)"),
        (lambda m: m.translate(images(2)[0]), r"images has shape \(8, 8, 1\)"),
        (lambda m: m.translate(images(2) * 1.0), "float64 values from 5 to 251"),
        (lambda m: m.fit(images(4)), "data has no source_images"),
        (lambda m: m.fit((images(4), images(3))), "source_images has 4 rows, expected one for each of 3"),
        (lambda m: m.fit(tf.data.Dataset.from_tensors(images(4))), "expected source_images too"),
        (lambda m: m.generate(1, source_images=images(1), truncation=0.5), "does not understand truncation"),
    ],
)
def test_what_is_no_pair_is_refused(call, says):
    model = tiny_pix2pix()
    model.compile()
    with pytest.raises(InputError, match=says):
        call(model)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"source_shape": (8, 4, 1)}, r"source_shape is \(8, 4, 1\), expected the sides"),
        ({"l1_weight": -1}, "l1_weight is -1"),
        ({"stages": 4}, r"image_shape is \(8, 8, 1\), expected sides divisible by 16"),
        ({"patch_stages": 3}, r"patch_stages is 3, expected fewer, since 3 halvings .* leave a single pixel"),
        (
            {"generator": keras.Sequential([keras.Input(COLOUR), keras.layers.Conv2D(1, 1)]), "discriminator": None},
            "generator takes",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, says):
    with pytest.raises(InputError, match=says):
        tiny_pix2pix(**arguments)


def test_a_cycle_gan_has_no_shape_of_its_sources():
    with pytest.raises(InputError, match="CycleGAN has no source_shape for its default networks, which take filters,"):
        tiny_cycle_gan(source_shape=(8, 8, 1))


# === Training ===


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "weights"), [("pix2pix", {}), ("cycle_gan", {"cycle_weight": 5.0, "identity_weight": 2.5})]
)
def test_evaluate_reports_what_the_generator_minimizes(name, weights):
    model = TINY_TRANSLATORS[name](**weights)
    model.compile(run_eagerly=True)
    figures = model.evaluate(pairs(4), batch_size=2, verbose=0, return_dict=True)
    if name == "pix2pix":
        terms = model.l1_weight * figures["l1"]
    else:
        terms = model.cycle_weight * figures["cycle"] + model.identity_weight * figures["identity"]
    # What the objective says, of logits around 0: log 2, and half a square of 1 for each side.
    assert figures["generator_loss"] - terms == pytest.approx(np.log(2) if name == "pix2pix" else 1.0, abs=0.2)
    assert terms > 1


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY_TRANSLATORS)
def test_a_changed_argument_keeps_every_weight(name, tmp_path):
    model = TINY_TRANSLATORS[name]()
    model.save_to_preset(tmp_path / "preset")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        changed = zoo.load(tmp_path / "preset", ema_momentum=0.5)
    # A preset has the averaged generator for both.
    for network in ("ema_generator", "discriminator"):
        for kept, weight in zip(getattr(changed, network).weights, getattr(model, network).weights, strict=True):
            np.testing.assert_array_equal(kept, weight)
    for trained, average in zip(changed.generator.weights, changed.ema_generator.weights, strict=True):
        np.testing.assert_array_equal(trained, average)


@pytest.mark.slow
def test_pix2pix_learns_to_invert():
    keras.utils.set_random_seed(0)
    sources, _ = pairs(64)
    model = tiny_pix2pix(filters=8, dropout=0.0)
    model.compile(keras.optimizers.Adam(2e-3, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5))
    history = model.fit((sources, 255 - sources), batch_size=16, epochs=60, verbose=0).history
    assert history["l1"][-1] < 0.3 * history["l1"][0]


# === Data ===


@pytest.mark.slow
def test_folders_of_pairs_are_matched_by_name(tmp_path):
    sources, targets = images(3, SHAPE, 1), images(3, COLOUR)
    for index, stem in enumerate(("b", "a", "c")):
        write_picture(tmp_path / "A" / f"{stem}.png", sources[index][..., 0])
        write_picture(tmp_path / "B" / f"{stem}.png", targets[index])
    found = data.read_pairs(tmp_path, COLOUR, SHAPE)
    np.testing.assert_array_equal(found.images, targets[[1, 0, 2]])
    np.testing.assert_array_equal(found.source_images, sources[[1, 0, 2]])
    model = tiny_pix2pix(image_shape=COLOUR, source_shape=SHAPE)
    model.compile(run_eagerly=True)
    model.fit(str(tmp_path), batch_size=2, verbose=0)


def test_pairs_side_by_side(tmp_path):
    sources, targets = images(2, COLOUR, 1), images(2, COLOUR)
    for index in range(2):
        write_picture(tmp_path / f"{index}.png", np.concatenate([sources[index], targets[index]], 1))
    found = data.read_pairs(tmp_path, COLOUR, COLOUR)
    np.testing.assert_array_equal(found.images, targets)
    np.testing.assert_array_equal(found.source_images, sources)


def test_files_without_a_partner_are_listed(tmp_path):
    for stem in "abcdefg":
        write_picture(tmp_path / "A" / f"{stem}.png", images(1)[0][..., 0])
    write_picture(tmp_path / "B" / "g.png", images(1)[0][..., 0])
    with pytest.raises(DataError, match=r"6 files .* A/a.png, A/b.png, A/c.png, A/d.png, A/e.png, …"):
        data.read_pairs(tmp_path, SHAPE, SHAPE)
    unpaired = data.read_pairs(tmp_path, SHAPE, SHAPE, paired=False)
    assert (len(unpaired.source_images), len(unpaired.images)) == (7, 1)


def test_pairs_of_other_proportions_are_listed(tmp_path):
    for index, stem in enumerate("abcdefgh"):
        write_picture(tmp_path / "A" / f"{stem}.png", images(1, (20, 30, 1))[0][..., 0])
        # A larger picture of the same proportions is none, nor is a column that rounding took.
        sides = {0: (40, 60), 1: (40, 59)}.get(index, (30, 20))
        write_picture(tmp_path / "B" / f"{stem}.png", images(1, (*sides, 1))[0][..., 0])
    with pytest.raises(DataError, match=r"6 pairs .* in A than in B: c \(30x20 and 20x30\), .*, g \(.*\), …"):
        data.read_pairs(tmp_path, SHAPE, SHAPE)
    assert len(data.read_pairs(tmp_path, SHAPE, SHAPE, paired=False).images) == 8
    # On its side, but for what its metadata say.
    for stem in "cdefgh":
        picture = Image.fromarray(images(1, (30, 20, 1))[0][..., 0])
        orientation = picture.getexif()
        orientation[274] = 6
        picture.save(tmp_path / "B" / f"{stem}.png", exif=orientation)
    assert len(data.read_pairs(tmp_path, SHAPE, SHAPE).images) == 8


def test_files_of_one_name_are_told_apart_only_without_pairs(tmp_path):
    for side in "AB":
        for name in ("1.png", "1.bmp", "2.png"):
            write_picture(tmp_path / side / name, images(1)[0][..., 0])
    with pytest.raises(DataError, match=r"2 files in .* but for its ending, .*: A/1.bmp, B/1.bmp"):
        data.read_pairs(tmp_path, SHAPE, SHAPE)
    unpaired = data.read_pairs(tmp_path, SHAPE, SHAPE, paired=False)
    assert (len(unpaired.source_images), len(unpaired.images)) == (3, 3)


def test_pictures_that_are_hardly_two_side_by_side_are_warned_of(tmp_path):
    for index in range(3):
        write_picture(tmp_path / f"{index}.png", images(1, (20, 20, 1))[0][..., 0])
    with pytest.warns(UserWarning, match=r"halves of 3 of 3 are far .* 8x8: 0.png \(20x20\), .* subfolders A and B"):
        data.read_pairs(tmp_path, SHAPE, SHAPE)


@pytest.mark.slow
def test_source_images_change_their_size_with_the_images(tmp_path):
    tiny_pix2pix(source_shape=(8, 8, 3)).save_to_preset(tmp_path / "preset")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert zoo.load(tmp_path / "preset", image_shape=(16, 16, 1)).source_shape == (16, 16, 3)


def test_a_damaged_half_skips_the_pair(tmp_path):
    for stem in "ab":
        write_picture(tmp_path / "A" / f"{stem}.png", images(1)[0][..., 0])
        write_picture(tmp_path / "B" / f"{stem}.png", images(1)[0][..., 0])
    (tmp_path / "A" / "a.png").write_bytes(b"no image")
    with pytest.warns(UserWarning, match="Skipped 1 of 2 files in .*: A/a.png; the first: The file '.*/A/a.png'"):
        found = data.read_pairs(tmp_path, SHAPE, SHAPE)
    assert len(found.images) == len(found.source_images) == 1


@pytest.mark.parametrize("missing", ["folder", "pictures", "side"])
def test_folders_without_pairs_are_refused(tmp_path, missing):
    folder = tmp_path / "none" if missing == "folder" else tmp_path
    if missing == "side":
        (tmp_path / "A").mkdir()
        (tmp_path / "B").mkdir()
    with pytest.raises(
        DataError, match={"folder": "no image folder", "side": "holds no images"}.get(missing, "neither")
    ):
        data.read_pairs(folder, SHAPE, SHAPE)


@pytest.mark.slow
def test_unpaired_sets_have_orders_of_their_own_and_begin_anew():
    image_set = data.ImageSet(np.arange(6).reshape(6, 1, 1, 1), source_images=np.arange(4).reshape(4, 1, 1, 1))
    batches = data.batches(image_set, 2, paired=False)
    assert len(batches) == 3

    def epoch():
        found = list(batches)
        return {key: np.ravel([batch[key] for batch in found]) for key in ("images", "source_images")}

    first, second = epoch(), epoch()
    for found in (first, second):
        assert sorted(found["images"]) == list(range(6))
        assert set(found["source_images"]) == set(range(4))
    assert (first["source_images"] != second["source_images"]).any()
    batches.set_epoch(0)
    np.testing.assert_array_equal(epoch()["source_images"], first["source_images"])
