"""Text to image: words and captions, the matching-aware step against its formula, prompts that are refused."""

import functools
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import images, moved, one_update, strengthened, values

import zoo
from zoo import latents, text
from zoo.datasets import avatars, captions
from zoo.errors import InputError
from zoo.nets.text import condition_encoder, projection_encoder

SHAPE = (8, 8, 3)
WORDS = ("a", "man", "woman", "with", "red", "hair", "hat")
PROMPTS = ("a man", "a woman with red hair", "a man with a hat", "woman")


def tiny(**arguments):
    small = {"vocabulary": WORDS, "max_words": 6, "filters": 2, "text_dim": 2, "word_dim": 4}
    return zoo.TextToImageGAN(SHAPE, 6, **{**small, **arguments})


def data_of(number):
    return {"images": images(number, SHAPE), "prompts": [PROMPTS[i % len(PROMPTS)] for i in range(number)]}


def batch_of(model, number):
    given = data_of(number)
    return model.prepare({"images": given["images"], "prompts": model.tokenize(given["prompts"])})


def numbered(number):
    """Ready-made batches whose every word has that number."""
    return tf.data.Dataset.from_tensors({"images": images(4, SHAPE), "prompts": np.full((4, 6), number, "int32")})


@pytest.fixture(scope="module")
def compiled():
    """For what is refused before it changes anything."""
    model = tiny()
    model.compile()
    return model


def without_parts():
    """A discriminator of the right inputs that is one piece."""
    inputs = {"images": keras.Input(SHAPE, name="images"), "prompts": keras.Input((6,), dtype="int32", name="prompts")}
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(inputs["images"])))


# === Words ===


def test_words_are_what_letters_and_digits_make():
    assert text.words("A Man's T-Shirt, (Ünly)  2nd!") == ["a", "man's", "t", "shirt", "ünly", "2nd"]
    assert text.words("cafe\N{COMBINING ACUTE ACCENT} हिन्दी भाषा, woman's 'hat'") == [
        "caf\N{LATIN SMALL LETTER E WITH ACUTE}",
        "हिन्दी",
        "भाषा",
        "woman's",
        "hat",
    ]
    assert text.words("a red \N{HEAVY BLACK HEART}\ufe0f, 5\ufe0f\u20e3") == ["a", "red", "5"]
    assert text.vocabulary_of(iter(["b a", "B c", "b, a"])) == ["b", "a", "c"]
    assert text.vocabulary_of(["b a", "B c", "b, a"], least=2) == ["b", "a"]


def test_a_row_is_the_numbers_of_the_words():
    tokenizer = text.Tokenizer(["a", "b"], 4)
    np.testing.assert_array_equal(tokenizer(["B a b", "a"]), [[3, 2, 3, 0], [2, 0, 0, 0]])
    assert tokenizer.size == 4


@pytest.mark.slow
def test_a_text_is_no_list_of_texts():
    with pytest.raises(InputError, match="prompts is 'a man', expected a list of texts"):
        tiny().tokenize("a man")
    with pytest.raises(InputError, match="prompts holds nan, expected texts"):
        text.vocabulary_of(["a man", float("nan")])


@pytest.mark.slow
def test_columns_of_texts_are_texts():
    model, given = tiny(), data_of(4)
    model.compile(run_eagerly=True)
    column = np.array(list(given["prompts"]), dtype=object)
    model.fit({"images": given["images"], "prompts": column}, batch_size=4, verbose=0)
    assert int(model.generator_optimizer.iterations) == 1


def test_unknown_words_are_reported_and_left_out():
    with pytest.warns(UserWarning, match=r"2 words of prompts are not known and left out: c, d\."):
        rows = text.Tokenizer(["a", "b"], 4)(["a c a", "c d b c c"])
    np.testing.assert_array_equal(rows, [[2, 2, 0, 0], [3, 0, 0, 0]])


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("", "'', which has no word"),
        ("?!", "has no word"),
        ("zebra", "'zebra', none of whose words is known; known are a, b"),
        ("a b a b a", "one of 5 words, .*expected at most 4"),
        (3, "prompts holds 3, expected texts"),
    ],
)
def test_prompts_that_say_nothing_are_refused(prompt, says):
    with pytest.raises(InputError, match=says):
        text.Tokenizer(["a", "b"], 4)(["a", prompt])


@pytest.mark.parametrize(
    ("vocabulary", "says"),
    [
        ("cat", "is 'cat', expected a list of words"),
        ([], "is empty"),
        (["a", "a"], "'a' 2 times, expected each word once"),
        (["A"], "'A', expected single"),
        (["a b"], "'a b'"),
    ],
)
def test_vocabularies_that_are_none_are_refused(vocabulary, says):
    with pytest.raises(InputError, match=says):
        text.Tokenizer(vocabulary, 4)


@pytest.mark.parametrize("build", [functools.partial(condition_encoder, units=3), projection_encoder])
def test_encoders_hear_order_and_no_padding(build):
    encoder = build(9, 6, 4)
    short = np.array([[2, 3, 4, 0, 0, 0], [4, 3, 2, 0, 0, 0]])
    vectors = np.array(encoder(short))
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3
    longer = build(9, 12, 4)
    longer.set_weights(encoder.get_weights())
    np.testing.assert_allclose(longer(np.pad(short, ((0, 0), (0, 6)))), vectors, atol=1e-5)


@pytest.mark.slow
def test_prompts_differ_as_much_as_latents_and_images_before_training():
    # Fainter, they are learned late: next to latents by the generator, next to images by the discriminator.
    keras.utils.set_random_seed(0)
    faces = [avatars.draw("train", index) for index in range(64)]
    prompts = [captions.caption(face, index)[0] for index, face in enumerate(faces)]
    model = zoo.TextToImageGAN((8, 8, 3), 40, vocabulary=text.vocabulary_of(prompts), filters=8, text_dim=32)
    tokens = model.tokenize(prompts)
    mean, log_variance = np.split(np.array(model.generator.get_layer("text_encoder")(tokens, training=True)), 2, 1)
    assert 0.5 < mean.std(0).mean() < 2 and not log_variance.any()

    batch = {"images": np.random.RandomState(0).uniform(-1, 1, (64, 8, 8, 3)).astype("float32"), "prompts": tokens}
    for _ in range(10):
        model.discriminator(batch, training=True)
    logits = np.array(model.discriminator(batch))
    others = np.array(model.discriminator({**batch, "prompts": np.roll(tokens, 1, 0)}))
    assert 0.2 < np.sqrt(np.mean((logits - others) ** 2)) / logits.std() < 2


# === Captions ===


@pytest.mark.slow
def test_captions_name_what_is_true_in_words_that_a_vocabulary_knows():
    faces = [avatars.draw("train", index) for index in range(600)]
    found = [captions.caption(face, index) for index, face in enumerate(faces)]
    assert found[:5] == [captions.caption(face, index) for index, face in enumerate(faces[:5])]
    assert len({caption for caption, _ in found}) > 590
    for face, (caption, named) in zip(faces, found, strict=True):
        encoded = avatars.encode(face)
        assert all(encoded[name] == value for name, value in named.items())
        assert "{" not in caption and "  " not in caption and not re.search(r"\ba [aeiou]", caption)
        assert len(text.words(caption)) <= 40
        # Not a word of what is not named.
        assert ("skin" in caption) == ("skin" in named)
        assert ("glasses" in caption or "spectacles" in caption or "shades" in caption) == bool(
            {"eyewear", "glasses"} & named.keys()
        )
    counts = {name: sum(name in named for _, named in found) for name in avatars.CHOSEN}
    assert all(count > 60 for count in counts.values())


def test_captions_can_be_made_to_name_an_attribute():
    always = ("hair_style", "skin", "mouth")
    for index in range(200):
        face = avatars.draw("test", index)
        _, named = captions.caption(face, index, always)
        assert {"hair_style", "skin"} <= named.keys() and {"mouth", "smile"} & named.keys()


# === The step ===


def held_still(model):
    """A batch, its prompts, what the model makes of them, and its discriminator as a function of images and prompts."""
    # As drawn at first, the discriminator's outputs are so faint that a missing term would not be seen.
    for variable in model.discriminator.trainable_variables:
        variable.assign(4 * variable)
    batch = batch_of(model, 4)
    # Without latents that move, the losses can be computed twice.
    latents = np.random.RandomState(0).normal(size=(4, 6)).astype("float32")
    model.generator_inputs = lambda batch: {"latents": tf.constant(latents), "prompts": batch["prompts"]}
    prompts = np.array(batch["prompts"])
    fake = model.generator({"latents": latents, "prompts": prompts}, training=True)

    def judged(images, prompts):
        return np.array(model.discriminator({"images": np.array(images), "prompts": prompts}, training=False))

    return batch, prompts, fake, judged


@pytest.mark.slow
def test_the_discriminator_tells_images_with_other_prompts():
    model = tiny(objective="least_squares", penalties=(), contrastive_weight=2.0)
    model.compile()
    batch, prompts, fake, judged = held_still(model)
    real = batch["images"]
    loss, _ = model.discriminator_loss(batch)
    right, generated = judged(real, prompts), judged(fake, prompts)
    wrong = judged(real, np.roll(prompts, 1, axis=0))
    assert np.abs(right - wrong).max() > 0.1
    by_hand = 0.5 * np.mean((right - 1) ** 2) + 0.25 * np.mean(generated**2) + 0.25 * np.mean(wrong**2)
    by_hand += 2 * contrast(judged, real, prompts)
    assert float(loss) == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.slow
def test_another_image_with_the_same_prompt_is_no_lesson():
    model = tiny(penalties=())
    model.compile()
    given = batch_of(model, 4)
    alike = {**given, "prompts": np.repeat(given["prompts"][:1], 4, 0)}
    loss, real_logits, fake_logits = model.discrimination(given["images"], given["images"][::-1], alike, False)
    right, wrong = np.log1p(np.exp(-np.array(real_logits))).mean(), np.log1p(np.exp(np.array(fake_logits))).mean()
    # Neither a mismatch nor a contrast is left.
    assert float(loss) == pytest.approx(right + wrong, rel=1e-4)


def contrast(judged, images, prompts):
    """-log of the share that an image's own prompt has of exp(match) with all; what no prompt changes cancels out."""
    logits = np.concatenate([judged(images, np.repeat(prompts[j : j + 1], len(images), 0)) for j in range(4)], 1)
    return np.mean(np.log(np.exp(logits).sum(1)) - np.diag(logits))


@pytest.mark.slow
def test_the_generator_pays_for_prompts_that_are_not_seen():
    model = tiny(kl_weight=0.0, contrastive_weight=2.0)
    model.compile()
    batch, prompts, fake, judged = held_still(model)
    loss, logs = model.generator_loss(batch)
    assert float(logs["contrast"]) == pytest.approx(contrast(judged, fake, prompts), rel=1e-4)
    adversarial = np.mean(np.log1p(np.exp(-judged(fake, prompts))))
    assert float(loss) == pytest.approx(adversarial + 2 * contrast(judged, fake, prompts), rel=1e-4)


@pytest.mark.slow
def test_the_generator_is_compared_with_real_images_of_its_prompts():
    model = tiny(objective="relativistic", kl_weight=0.0, contrastive_weight=2.0)
    model.compile()
    batch, prompts, fake, judged = held_still(model)
    loss, logs = model.generator_loss(batch)
    behind = judged(batch["images"], prompts) - judged(fake, prompts)
    assert np.abs(behind).max() > 0.1
    assert float(loss - 2 * logs["contrast"]) == pytest.approx(np.mean(np.log1p(np.exp(behind))), rel=1e-4)


@pytest.mark.slow
def test_the_generator_pays_for_its_condition():
    model = tiny(kl_weight=3.0)
    model.compile()
    batch = batch_of(model, 4)
    statistics = np.array(model.generator.get_layer("text_encoder")(batch["prompts"], training=True))
    mean, log_variance = statistics[:, :2], statistics[:, 2:]
    kl = 0.5 * np.mean(np.sum(mean**2 + np.exp(log_variance) - 1 - log_variance, 1))
    free = tiny(kl_weight=0.0)
    free.compile()
    free.set_weights(model.get_weights())
    free.seed_generator.state.assign(model.seed_generator.state)
    loss, logs = model.generator_loss(batch)
    assert float(logs["kl"]) == pytest.approx(kl, rel=1e-4)
    assert float(loss) == pytest.approx(float(free.generator_loss(batch)[0]) + 3 * kl, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("updated", ["generator", "discriminator"])
def test_an_update_moves_its_own_network_and_text_encoder_alone(updated):
    model = tiny()
    model.compile()
    words = getattr(model, updated).get_layer("text_encoder").trainable_variables
    old = values(words)
    given = data_of(4)
    one_update(model, updated, {"images": given["images"], "prompts": model.tokenize(given["prompts"])})
    assert any(moved(old, words))


@pytest.mark.slow
def test_it_learns_what_a_word_means():
    keras.utils.set_random_seed(0)
    model = tiny(vocabulary=("dark", "bright"), filters=8, kl_weight=0.0)
    stream = np.random.RandomState(0)
    bright = stream.randint(2, size=256)
    pictures = np.clip(stream.normal(np.where(bright, 190, 60)[:, None, None, None], 20, (256, *SHAPE)), 0, 255)
    prompts = ["bright" if value else "dark" for value in bright]
    model.compile(*(keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.9) for _ in range(2)))
    model.fit({"images": pictures.astype("uint8"), "prompts": prompts}, batch_size=32, epochs=40, verbose=0)
    means = [model.generate(64, prompts=word, seed=0).mean() for word in ("dark", "bright")]
    assert means[1] - means[0] > 60


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "batch_size", "says"),
    [(1, 1, "batch_size is 1, expected at least 2"), (2, 3, r"has 3 prompts, expected at least 4, 2 for each")],
)
def test_too_few_prompts_to_tell_apart_are_refused(steps, batch_size, says):
    model = tiny(discriminator_steps=steps)
    model.compile()
    with pytest.raises(InputError, match=says):
        if steps == 1:
            model.fit(data_of(4), batch_size=batch_size, verbose=0)
        else:
            ready = {"images": images(batch_size, SHAPE), "prompts": model.tokenize(["a hat"] * batch_size)}
            model.fit(tf.data.Dataset.from_tensors(ready), verbose=0)


# === Drawing ===


@pytest.mark.slow
def test_every_image_follows_its_own_prompt():
    model = strengthened(tiny())
    rows = np.repeat(latents.sample(1, model.noise_shape, seed=0), 2, 0)
    both = model.generate(latents=rows, prompts=list(PROMPTS[:2]))
    for image, prompt in zip(both, PROMPTS[:2], strict=True):
        for one in (prompt, np.array(prompt)):
            np.testing.assert_array_equal(model.generate(latents=rows[:1], prompts=one)[0], image)
    assert (both[0] != both[1]).any()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prompts", "says"),
    [
        (5, "prompts is 5, expected a list of texts"),
        ([], "prompts is empty, expected one text or a list of one for each image"),
        ([5], "prompts holds 5, expected texts"),
        ({"a": 1}, "prompts is {'a': 1}, expected a list of texts"),
    ],
)
def test_prompts_that_are_no_texts_are_refused(prompts, says):
    with pytest.raises(InputError, match=says):
        tiny().generate(prompts=prompts)


@pytest.mark.slow
def test_without_prompts_the_examples_are_drawn_from():
    model = tiny(example_prompts=PROMPTS)
    drawn = model.generate(8, seed=0)
    np.testing.assert_array_equal(model.generate(3, seed=0), drawn[:3])
    with pytest.raises(InputError, match="prompts is None"):
        tiny().generate(2)


@pytest.mark.slow
def test_another_vocabulary_keeps_the_vectors_of_the_words_that_both_have(tmp_path):
    model = tiny(example_prompts=PROMPTS)
    model.save_to_preset(tmp_path / "preset")
    words = [*WORDS[::-1], "zebra"]
    with pytest.warns(UserWarning, match=rf"word_vectors/embeddings \(1 of {len(words) + 2} rows\)"):
        changed = zoo.TextToImageGAN.from_preset(tmp_path / "preset", vocabulary=words)
    assert changed.vocabulary == tuple(words) and changed.example_prompts is None
    for prompts in ("a red hat", "hat"):
        np.testing.assert_array_equal(
            changed.generate(3, prompts=prompts, seed=1), model.generate(3, prompts=prompts, seed=1)
        )
    changed.compile(run_eagerly=True)
    changed.fit({"images": images(4, SHAPE), "prompts": ["a zebra"] * 4}, batch_size=2, verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m: m.generate(3, prompts=["a man", "woman"]), "prompts has 2 rows, expected num_samples=3"),
        (lambda m: m.generate(prompts=""), "has no word"),
        (lambda m: m.generate(prompts="zebra"), "none of whose words is known"),
        (lambda m: m.generate(1, prompts="a", labels=1), "does not understand labels"),
        (lambda m: m.fit(images(4, SHAPE)), "x has no prompts"),
        (lambda m: m.fit({"images": images(4, SHAPE), "prompts": ["a"]}), "expected one text for each of the 4"),
        (lambda m: m.fit(tf.data.Dataset.from_tensors({"images": images(4, SHAPE)})), "expected prompts too"),
        (
            lambda m: m.fit(iter([{"images": images(2, SHAPE), "prompts": ["a", "man"]}])),
            r"prompts of shape \(2,\), expected word numbers",
        ),
        (lambda m: m.fit(numbered(9)), "prompts of int32 from 9 to 9, expected word numbers from 0 to 8"),
        (lambda m: m.fit(numbered(-1)), "prompts of int32 from -1 to -1"),
    ],
)
def test_what_is_no_prompt_is_refused(call, says, compiled):
    with pytest.raises(InputError, match=says):
        call(compiled)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"kl_weight": -1}, "kl_weight is -1"),
        ({"contrastive_weight": "much"}, "contrastive_weight is 'much'"),
        ({"text_dim": 6}, "text_dim is 6, expected less than latent_dim=6"),
        ({"max_words": 0}, "max_words is 0"),
        ({"example_prompts": ["zebra"]}, "none of whose words"),
        ({"example_prompts": []}, r"example_prompts is \[\], expected a list of texts, or None"),
        ({"example_prompts": "a man"}, "example_prompts is 'a man', expected a list of texts"),
        ({"vocabulary": None}, "vocabulary is None, expected a list of words"),
        ({"discriminator": without_parts()}, r"discriminator has no layer image_encoder, expected the layers \['im"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, says):
    with pytest.raises(InputError, match=says):
        tiny(**arguments)


@pytest.mark.parametrize("given", [None, b"a", ["a"], 3])
def test_only_texts_have_words(given):
    with pytest.raises(InputError, match=r"text is .*, expected a text"):
        text.words(given)
