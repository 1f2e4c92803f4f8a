"""Class-conditional VQ-VAE-2 on 2,900 photographs of flowers (Razavi et al. 2019), with 8x8 and 16x16 codes.

The priors learn the light and colours of each flower rather than its shape.
Experiments: docs/experiments/vq_vae2_tf_flowers_64.md.
"""

import _common
import numpy as np

import zoo
from zoo.metrics import protocols

DATASET = "tf_flowers"
IMAGE_SHAPE, NUM_EMBEDDINGS, EMBEDDING_DIM, FILTERS, STAGES = (64, 64, 3), 256, 32, 64, 2
# A fifth of the usual: with more the vectors of the coarse grid become one, since the fine grid can do without it.
COMMITMENT_COST = 0.05
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 50, 64, 1e-3, "mixed_bfloat16"
PRIOR, PRIOR_EPOCHS = {"filters": 64, "num_blocks": 6}, 20
TRAIN, VALIDATION = "train[:2900]", "train[2900:]"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION, PRIOR_EPOCHS)
    train = _common.mirrored(_common.read(args, DATASET, IMAGE_SHAPE, TRAIN))
    validation = _common.read(args, DATASET, IMAGE_SHAPE, VALIDATION)

    model = zoo.VQVAE2(
        IMAGE_SHAPE,
        NUM_EMBEDDINGS,
        EMBEDDING_DIM,
        filters=FILTERS,
        stages=STAGES,
        commitment_cost=COMMITMENT_COST,
        data_variance=float(np.var(train.images / 127.5 - 1)),
    )
    # The test photographs, which an autoencoder is measured on, are not bundled: a smoke run has none.
    measure = protocols.sample_quality if args.smoke else protocols.evaluate
    _common.train_with_prior(
        args,
        model,
        train,
        validation,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        prior={**PRIOR, "num_classes": len(train.class_names), "class_names": train.class_names},
        evaluate=lambda model, size: measure(model, DATASET, size=size, data_dir=args.data_dir),
        dataset=DATASET,
    )


if __name__ == "__main__":
    main()
