"""Text to image on emoji (Reed et al. 2016), from the names and tags of CLDR.

There are few pictures, so both networks see them augmented, and the tags vary in order and number.
"""

import _common
import numpy as np

import zoo
from zoo import callbacks, data
from zoo.datasets import emoji
from zoo.metrics import protocols
from zoo.objectives.penalties import R1
from zoo.text import vocabulary_of

DATASET = "emoji_in_two_hands"
LATENT_DIM, FILTERS, TEXT_DIM, WORD_DIM, MAX_WORDS, VARIANTS = 80, 20, 48, 32, 40, 8
R1_WEIGHT, R1_INTERVAL = 1.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 56, 32, (8e-3, 1e-3), (0.0, 0.99), "mixed_bfloat16"
EXAMPLES, SHOWN = 256, 5
FOLLOWED = protocols.Size(images=64, seeds=(0,))


def varied(captions):
    """Each caption several times, with the name and some of the tags."""
    random = np.random.RandomState(_common.SEED)
    found = []
    for caption in np.repeat(captions, VARIANTS):
        name, *tags = caption.split(", ")
        found.append(", ".join([name, *random.permutation(tags)[: random.randint(len(tags) + 1)]]))
    return found


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    train, test = (
        _common.read_pairs(args, DATASET, emoji.IMAGE_SHAPE, emoji.IMAGE_SHAPE, split) for split in ("train", "test")
    )
    model = zoo.TextToImageGAN(
        emoji.IMAGE_SHAPE,
        LATENT_DIM,
        vocabulary=vocabulary_of(train.prompts),
        max_words=MAX_WORDS,
        example_prompts=_common.spread(train.prompts, EXAMPLES).tolist(),
        penalties=R1(R1_WEIGHT, R1_INTERVAL),
        augmentation="diff_augment",
        filters=FILTERS,
        text_dim=TEXT_DIM,
        word_dim=WORD_DIM,
    )

    def retrieved(model):
        [figure] = protocols.retrieval_of(model, train, "train", size=FOLLOWED).values()
        return figure["value"]

    def evaluate(model, size):
        return {
            **protocols.retrieval_of(model, test, f"test_{DATASET}", size=size),
            **protocols.retrieval_of(model, train, f"train_{DATASET}", size=size),
        }

    shown = [caption for part in (train, test) for caption in _common.spread(part.prompts, SHOWN).tolist()]
    _common.train_gan(
        args,
        model,
        data.ImageSet(np.repeat(train.images, VARIANTS, 0), prompts=model.tokenize(varied(train.prompts))),
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        dataset=DATASET,
        metrics=[callbacks.SampleMetric("retrieval_train", retrieved, every=5)],
        evaluate=evaluate,
        pictures={"captions.png": lambda model: _common.drawn_of(model, shown)},
        shown_prompts=shown,
    )


if __name__ == "__main__":
    main()
