"""SRResNet on photographs, enlarged four times: the pixel stage of SRGAN (Ledig et al. 2017), best by PSNR."""

import zoo
import zoo.training.run as run
from zoo.datasets import photographs

DATASET = "debian_photographs"
SCALE, FILTERS, RESIDUAL_BLOCKS = 4, 64, 12
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 13, 16, 5e-4, "mixed_bfloat16"


def build():
    return zoo.SRResNet(photographs.PATCH_SHAPE, SCALE, filters=FILTERS, residual_blocks=RESIDUAL_BLOCKS)


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION)
    train, test = (recipe.read(photographs.PATCH_SHAPE, split) for split in ("train", "test"))
    model, pictures = build(), run.read_test_pictures(recipe, test)
    turned = run.turned(train, most=16 if recipe.smoke else None)
    stage = run.Stage(turned, recipe.epochs, BATCH_SIZE, LEARNING_RATE, draw=lambda: run.enlargements(model, train))
    run.train(recipe, model, [stage])
    run.finish_upscaler(recipe, model, train, test, pictures)


if __name__ == "__main__":
    main()
