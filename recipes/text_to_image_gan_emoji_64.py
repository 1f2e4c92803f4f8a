"""Text to image on emoji (Reed et al. 2016), from the names and tags of CLDR.

There are few pictures, so both networks see them augmented, and the tags vary in order and number.
"""

import numpy as np

import zoo
import zoo.training.run as run
from zoo import callbacks, data
from zoo.datasets import emoji
from zoo.metrics import protocols
from zoo.objectives.penalties import R1
from zoo.text import vocabulary_of

DATASET = "emoji_in_two_hands"
LATENT_DIM, FILTERS, TEXT_DIM, WORD_DIM, MAX_WORDS, VARIANTS = 80, 20, 48, 32, 40, 8
R1_WEIGHT, R1_INTERVAL = 1.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 56, 32, (8e-3, 1e-3), (0.0, 0.99), "mixed_bfloat16"
EXAMPLES, SHOWN, FOLLOWED = 256, 5, protocols.Size(images=64, seeds=(0,))


def build(prompts):
    return zoo.TextToImageGAN(
        emoji.IMAGE_SHAPE,
        LATENT_DIM,
        vocabulary=vocabulary_of(prompts),
        max_words=MAX_WORDS,
        example_prompts=run.spread(prompts, EXAMPLES).tolist(),
        penalties=R1(R1_WEIGHT, R1_INTERVAL),
        augmentation="diff_augment",
        filters=FILTERS,
        text_dim=TEXT_DIM,
        word_dim=WORD_DIM,
    )


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION)
    train, test = recipe.read_pairs(emoji.IMAGE_SHAPE, emoji.IMAGE_SHAPE)
    model = build(train.prompts)

    def retrieved(model):
        [figure] = protocols.retrieval_of(model, train, "train", size=FOLLOWED).values()
        return figure["value"]

    def evaluate(model, size):
        found = protocols.retrieval_of(model, test, f"test_{DATASET}", size=size)
        return {**found, **protocols.retrieval_of(model, train, f"train_{DATASET}", size=size)}

    varied = model.tokenize(run.varied_captions(train.prompts, VARIANTS))
    metrics = [callbacks.SampleMetric("retrieval_train", retrieved, every=5)]
    learned = data.ImageSet(np.repeat(train.images, VARIANTS, 0), prompts=varied)
    stage = run.Stage(learned, recipe.epochs, BATCH_SIZE, LEARNING_RATES, BETAS, metrics=metrics)
    run.train(recipe, model, [stage])
    shown = [caption for part in (train, test) for caption in run.spread(part.prompts, SHOWN).tolist()]
    pictures = {"captions.png": lambda model: run.prompted(model, shown)}
    run.finish(recipe, model, learned, evaluate=evaluate, pictures=pictures, shown_prompts=shown)


if __name__ == "__main__":
    main()
