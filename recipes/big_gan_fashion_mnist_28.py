"""BigGAN on Fashion-MNIST, with the curve of its truncation trick (Brock et al. 2019, section 3.1).

Unlike for ImageNet, the discriminator takes one step per generator step, the learning rates are higher, and the moving
average of the weights is shorter.
"""

import zoo
import zoo.training.run as run
from zoo.metrics import protocols

DATASET = "fashion_mnist"
IMAGE_SHAPE, LATENT_DIM, FILTERS, CLASS_DIM = (28, 28, 1), 60, 32, 32
EMA_MOMENTUM, DISCRIMINATOR_STEPS = 0.999, 1
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 12, 32, (3e-4, 6e-4), (0.0, 0.9), "mixed_bfloat16"


def build(class_names):
    return zoo.BigGAN(
        IMAGE_SHAPE,
        LATENT_DIM,
        filters=FILTERS,
        class_dim=CLASS_DIM,
        ema_momentum=EMA_MOMENTUM,
        discriminator_steps=DISCRIMINATOR_STEPS,
        num_classes=len(class_names),
        class_names=class_names,
    )


def evaluate(model, size):
    figures = protocols.evaluate(model, DATASET, size=size)
    return {**figures, **protocols.curve(model, DATASET, "truncation", size=size)}


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION)
    train = recipe.read(IMAGE_SHAPE)
    model = build(train.class_names)
    metrics = [run.distance_to_train(recipe, model)]
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATES, BETAS, metrics=metrics)
    run.train(recipe, model, [stage])
    pictures = {"truncation.png": lambda model: run.swept(model, "truncation")}
    run.finish(recipe, model, train, evaluate=evaluate, pictures=pictures)


if __name__ == "__main__":
    main()
