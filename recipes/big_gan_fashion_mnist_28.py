"""BigGAN on Fashion-MNIST, with the curve of its truncation trick (Brock et al. 2019, section 3.1).

Unlike for ImageNet, the discriminator takes one step per generator step, the learning rates are higher, and the moving
average of the weights is shorter.
"""

import _common
import numpy as np

import zoo
from zoo.images import grid
from zoo.metrics import protocols

DATASET = "fashion_mnist"
IMAGE_SHAPE, LATENT_DIM, FILTERS, CLASS_DIM = (28, 28, 1), 60, 32, 32
EMA_MOMENTUM, DISCRIMINATOR_STEPS = 0.999, 1
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 12, 32, (3e-4, 6e-4), (0.0, 0.9), "mixed_bfloat16"


def evaluate(model, size):
    return {
        **protocols.evaluate(model, DATASET, size=size),
        **protocols.truncation_curve(model, DATASET, size=size),
    }


def truncations(model):
    labels = np.arange(model.num_classes)
    rows = [model.generate(labels=labels, seed=0, truncation=value) for value in protocols.TRUNCATIONS]
    return grid(np.concatenate(rows), columns=model.num_classes)


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    train = _common.read(args, DATASET, IMAGE_SHAPE, "train")
    _common.train_gan(
        args,
        zoo.BigGAN(
            IMAGE_SHAPE,
            LATENT_DIM,
            filters=FILTERS,
            class_dim=CLASS_DIM,
            ema_momentum=EMA_MOMENTUM,
            discriminator_steps=DISCRIMINATOR_STEPS,
            num_classes=len(train.class_names),
            class_names=train.class_names,
        ),
        train,
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        dataset=DATASET,
        evaluate=evaluate,
        pictures={"truncation.png": truncations},
    )


if __name__ == "__main__":
    main()
