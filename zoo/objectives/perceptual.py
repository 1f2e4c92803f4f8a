"""The perceptual distance between images: that of their features in a frozen network."""

from keras import ops


def perceptual_distance(features, images, others):
    """Returns the mean squared distance of the features of two batches of images.

    At each place, the features of a scale have length 1 (Zhang et al. 2018, eq. 1, with all weights 1).

    Args:
        features: function of images in [-1, 1] that returns a list of features `(n, h, w, c)`, such as
            `zoo.training.frozen_features.FrozenFeatures`.
        images, others: float tensors `(n, height, width, channels)`.

    Returns:
        Scalar tensor, from 0 to 4.

    Example:

    ```python
    from keras import ops
    from zoo.objectives.perceptual import perceptual_distance

    distance = perceptual_distance(lambda images: [images], ops.ones((2, 8, 8, 3)), -ops.ones((2, 8, 8, 3)))  # 4
    ```
    """
    pairs = zip(features(images), features(others), strict=True)
    squares = [ops.square(_of_length_one(one) - _of_length_one(other)) for one, other in pairs]
    return sum(ops.mean(ops.sum(square, axis=-1)) for square in squares) / len(squares)


def _of_length_one(features):
    # Where all features are 0, the length has no gradient.
    return features * ops.rsqrt(ops.sum(ops.square(features), axis=-1, keepdims=True) + 1e-6)
