"""Trains the translators of `cycle_gan_emoji_64` on the pairs that a CycleGAN never sees, as an upper reference.

The same networks train on the same images with only the mean absolute difference from the true counterparts as loss,
and are measured like the preset.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recipes"))
# These imports come first because they configure TensorFlow.
import cycle_gan_emoji_64 as recipe

import zoo.training.run as run

# isort: split

import _results
import keras

import zoo
from zoo import data, presets
from zoo.datasets import emoji
from zoo.images import to_float
from zoo.metrics import protocols

NAME, PRESET = "cycle_gan_beside_pairs", "cycle_gan_emoji_64"
# In trials, the difference on test signs was lowest after this number of epochs, so this is the best that pairs
# achieve.
EPOCHS, BATCH_SIZE, LEARNING_RATE = 7, 8, 5e-4
WAYS = {"": "Noto to Twemoji", "_back": "Twemoji to Noto"}


def train_on_pairs(train, test):
    """Trains both translators and keeps their metrics, by `zoo evaluate`'s protocol."""
    keras.utils.set_random_seed(0)
    model = zoo.CycleGAN(emoji.IMAGE_SHAPE, filters=recipe.FILTERS, residual_blocks=recipe.RESIDUAL_BLOCKS)
    learned = run.mirrored(train)
    steps = EPOCHS * (len(learned.images) // BATCH_SIZE)
    images, source_images = to_float(learned.images), to_float(learned.source_images)
    for name, given, wanted in (("to_images", source_images, images), ("to_source", images, source_images)):
        translator = model.generator.get_layer(name)
        translator.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)), "mae")
        translator.fit(given, wanted, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=2)
    model.ema_generator.set_weights(model.generator.get_weights())
    _results.keep_metrics(NAME, "pairs", protocols.translation_of(model, train, test, recipe.DATASET))


def differences(runs, way):
    """The mean absolute differences from the true counterparts in one of `WAYS`, by what is compared with them."""
    return {
        "untranslated": runs[PRESET][f"l1{way}_of_source_test_{recipe.DATASET}"],
        "nearest training sign": runs[PRESET][f"l1{way}_of_nearest_test_{recipe.DATASET}"],
        "learned from pairs": runs["pairs"][f"l1{way}_test_{recipe.DATASET}"],
        PRESET: runs[PRESET][f"l1{way}_test_{recipe.DATASET}"],
    }


def draw():
    runs = _results.read_metrics(NAME)
    with _results.plot(NAME, f"Translating emoji: {PRESET}, and what its networks learn from pairs", 10, 2.8) as figure:
        figure.supxlabel("mean absolute difference from the true counterparts, of 0..1 (lower is better)", fontsize=9)
        for axes, (way, title) in zip(figure.subplots(1, 2, sharey=True), WAYS.items(), strict=True):
            bars = differences(runs, way)

            def text(figure, whole=bars["untranslated"]):
                change = "" if figure is whole else f"  ({figure['value'] / whole['value'] - 1:+.0%})"
                return _results.shown(figure) + change

            _results.draw_bars(axes, title, bars, PRESET, text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir")
    args = parser.parse_args()
    if "pairs" not in _results.read_metrics(NAME):
        train, test = (
            data.read_pairs(recipe.DATASET, emoji.IMAGE_SHAPE, emoji.IMAGE_SHAPE, split=split, data_dir=args.data_dir)
            for split in ("train", "test")
        )
        train_on_pairs(train, test)
    _results.keep_metrics(NAME, PRESET, presets.entry_of(PRESET)["metrics"])
    draw()
    for way, title in WAYS.items():
        figures = differences(_results.read_metrics(NAME), way)
        for label, figure in figures.items():
            ratio = figure["value"] / figures["untranslated"]["value"]
            print(f"{title}, {label}: {figure['value']:.4f}, {ratio - 1:+.1%}")


if __name__ == "__main__":
    main()
