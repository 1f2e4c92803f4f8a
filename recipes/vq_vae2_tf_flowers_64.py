"""Class-conditional VQ-VAE-2 on 2,900 photographs of flowers (Razavi et al. 2019), with 8x8 and 16x16 codes.

The priors learn the light and colours of each flower rather than its shape.
Experiments: docs/experiments/vq_vae2_tf_flowers_64.md.
"""

import numpy as np

import zoo
import zoo.training.run as run
from zoo.metrics import protocols

DATASET = "tf_flowers"
IMAGE_SHAPE, NUM_EMBEDDINGS, EMBEDDING_DIM, FILTERS, STAGES = (64, 64, 3), 256, 32, 64, 2
# A fifth of the usual: with more, the codes of the coarse grid collapse, because the fine grid can do without it.
COMMITMENT_COST = 0.05
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 50, 64, 1e-3, "mixed_bfloat16"
PRIOR, PRIOR_EPOCHS = {"filters": 64, "num_blocks": 6}, 20
TRAIN, VALIDATION = "train[:2900]", "train[2900:]"


def build(images):
    return zoo.VQVAE2(
        IMAGE_SHAPE,
        NUM_EMBEDDINGS,
        EMBEDDING_DIM,
        filters=FILTERS,
        stages=STAGES,
        commitment_cost=COMMITMENT_COST,
        data_variance=float(np.var(images / 127.5 - 1)),
    )


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION, prior_epochs=PRIOR_EPOCHS)
    train = run.mirrored(recipe.read(IMAGE_SHAPE, TRAIN))
    validation = recipe.read(IMAGE_SHAPE, VALIDATION)
    model = build(train.images)
    classes = {"num_classes": len(train.class_names), "class_names": train.class_names}
    stages = [
        run.autoencoder_stage(model, train, validation, recipe.epochs, BATCH_SIZE, LEARNING_RATE),
        run.prior_stage(model, train, validation, recipe.prior_epochs, BATCH_SIZE, LEARNING_RATE, {**PRIOR, **classes}),
    ]
    run.train(recipe, model, stages)

    def evaluate(model, size):
        # The test photographs, which reconstructions are measured on, are not bundled, so a smoke run has none.
        measure = protocols.sample_quality if recipe.smoke else protocols.evaluate
        return measure(model, DATASET, size=size, data_dir=recipe.data_dir)

    run.finish(recipe, model, train, evaluate=evaluate)


if __name__ == "__main__":
    main()
