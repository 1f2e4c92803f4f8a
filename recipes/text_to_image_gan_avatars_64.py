"""Text to image on avatars (Reed et al. 2016), from captions of varied wording made of their exact attributes.

Images drawn without a prompt use the example prompts, whose number limits their variety.
Experiments: docs/experiments/text_to_image_gan_avatars_64.md.
"""

import numpy as np

import zoo
import zoo.training.run as run
from zoo import callbacks, data
from zoo.datasets import avatars
from zoo.metrics import features, protocols
from zoo.objectives.penalties import R1
from zoo.text import vocabulary_of

DATASET = "avatars"
LATENT_DIM, FILTERS, TEXT_DIM, WORD_DIM, MAX_WORDS = 96, 48, 64, 96, 40
R1_WEIGHT, R1_INTERVAL = 1.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 12, 32, (5e-4, 5e-4), (0.5, 0.99), "mixed_bfloat16"
EXAMPLES, FOLLOWED, SHOWN_PROMPTS = 4_096, 256, 10


def build(prompts):
    return zoo.TextToImageGAN(
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


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION)
    images = recipe.read(avatars.IMAGE_SHAPE).images
    described = run.captioned_faces("train", len(images))
    prompts, shown = ([text for text, _ in found] for found in (described, run.captioned_faces("test", SHOWN_PROMPTS)))
    model, reader = build(prompts), features.AvatarAttributes()

    def agreement(model):
        return np.mean(np.concatenate(protocols.prompts_right(model, described[:FOLLOWED], reader)))

    metrics = [callbacks.SampleMetric("agreement_train", agreement)]
    train = data.ImageSet(images, prompts=model.tokenize(prompts))
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATES, BETAS, metrics=metrics)
    run.train(recipe, model, [stage])
    pictures = {"prompts.png": lambda model: run.prompted(model, shown)}
    run.finish(recipe, model, train, pictures=pictures, shown_prompts=shown)


if __name__ == "__main__":
    main()
