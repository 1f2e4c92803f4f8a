"""Text to image on avatars (Reed et al. 2016), from captions of varied wording made of their exact attributes.

Images drawn without a prompt use the example prompts, whose number limits their variety.
Experiments: docs/experiments/text_to_image_gan_avatars_64.md.
"""

import _common
import numpy as np

import zoo
from zoo import callbacks, data
from zoo.datasets import avatars, captions
from zoo.metrics import features, protocols
from zoo.objectives.penalties import R1
from zoo.text import vocabulary_of

DATASET = "avatars"
LATENT_DIM, FILTERS, TEXT_DIM, WORD_DIM, MAX_WORDS = 96, 48, 64, 96, 40
R1_WEIGHT, R1_INTERVAL = 1.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 12, 32, (5e-4, 5e-4), (0.5, 0.99), "mixed_bfloat16"
EXAMPLES, FOLLOWED, SHOWN_PROMPTS = 4_096, 256, 10


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    images = _common.read(args, DATASET, avatars.IMAGE_SHAPE, "train").images
    described = [captions.caption(avatars.draw("train", index), index) for index in range(len(images))]
    prompts = [text for text, _ in described]

    model = zoo.TextToImageGAN(
        avatars.IMAGE_SHAPE,
        LATENT_DIM,
        vocabulary=vocabulary_of(prompts),
        max_words=MAX_WORDS,
        example_prompts=prompts[:EXAMPLES],
        penalties=R1(R1_WEIGHT, R1_INTERVAL),
        filters=FILTERS,
        text_dim=TEXT_DIM,
        word_dim=WORD_DIM,
    )
    shown = [captions.caption(avatars.draw("test", index), index)[0] for index in range(SHOWN_PROMPTS)]
    reader = features.AvatarAttributes()

    def agreement(model):
        return np.mean(np.concatenate(protocols.prompts_right(model, described[:FOLLOWED], reader)))

    _common.train_gan(
        args,
        model,
        data.ImageSet(images, prompts=model.tokenize(prompts)),
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        dataset=DATASET,
        metrics=[callbacks.SampleMetric("agreement_train", agreement)],
        pictures={"prompts.png": lambda model: _common.drawn_of(model, shown)},
        shown_prompts=shown,
    )


if __name__ == "__main__":
    main()
