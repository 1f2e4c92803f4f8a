"""Trains the translators of `cycle_gan_emoji_64` on the pairs that a CycleGAN never sees, as an upper reference.

The same networks train on the same images with only the mean absolute difference from the true counterparts as loss,
and are measured like the preset. The figures are stored in `benchmarks/results`; remove them to train again.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recipes"))
# These imports come first because they configure TensorFlow.
import cycle_gan_emoji_64 as recipe

import zoo.training.run as run

# isort: split

import keras

import zoo
from zoo import data, presets
from zoo.datasets import emoji
from zoo.files import write_json
from zoo.images import to_float
from zoo.metrics import protocols

RESULT = Path(__file__).resolve().parent / "results" / "cycle_gan_beside_pairs" / "pairs.json"
# In trials, the difference on test signs was lowest after this number of epochs, so this is the best that pairs
# achieve.
EPOCHS, BATCH_SIZE, LEARNING_RATE = 7, 8, 5e-4


def train_on_pairs(train, test):
    """Trains both translators and returns their figures, by `zoo evaluate`'s protocol."""
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
    return protocols.translation_of(model, train, test, recipe.DATASET)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir")
    args = parser.parse_args()
    if not RESULT.exists():
        train, test = (
            data.read_pairs(recipe.DATASET, emoji.IMAGE_SHAPE, emoji.IMAGE_SHAPE, split=split, data_dir=args.data_dir)
            for split in ("train", "test")
        )
        write_json(RESULT, train_on_pairs(train, test))
    pairs, ours = json.loads(RESULT.read_text()), presets.entry_of("cycle_gan_emoji_64")["metrics"]
    for way, said in (("", "Noto to Twemoji"), ("_back", "Twemoji to Noto")):
        untranslated = ours[f"l1{way}_of_source_test_{recipe.DATASET}"]["value"]
        for learned, metrics in (("from pairs", pairs), ("without", ours)):
            left = metrics[f"l1{way}_test_{recipe.DATASET}"]["value"]
            print(f"{said}, learned {learned}: {left:.4f}, {left / untranslated - 1:+.1%} of {untranslated:.4f}")


if __name__ == "__main__":
    main()
