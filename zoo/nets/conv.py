"""Convolutional networks: the DCGAN pair (Radford et al. 2016), encoders, decoders and small classifiers."""

import math

import keras
from keras import layers, ops

from zoo.errors import InputError
from zoo.layers.attention import SelfAttention
from zoo.layers.conditional_norm import ConditionalBatchNormalization, StyleBatchNormalization
from zoo.layers.spectral_normalization import SpectralNormalization, linear

# No image side exceeds 2 ** 16 pixels, and 2 to the power of an unbounded number would fill the memory.
_MOST_HALVINGS = 16


def check_sides(image_shape, stages):
    """Raises `InputError` unless the sides of an image can be halved `stages` times."""
    if not _halves(image_shape, stages):
        divisible = f"sides divisible by {2**stages}" if stages <= _MOST_HALVINGS else "larger sides"
        expected = f"{divisible}, to be halved {stages} times"
        raise InputError(f"image_shape is {tuple(image_shape)}, expected {expected}.")


def _halves(image_shape, stages):
    return stages <= _MOST_HALVINGS and not any(side % 2**stages for side in image_shape[:2])


def stages_of(image_shape, stages=None, least=2, coarsest=4):
    """Returns how many times networks halve an image.

    Args:
        image_shape: tuple of ints, `(height, width, channels)`.
        stages: int or None. Number of halvings. None halves until the shorter side would fall below `coarsest` pixels
            or a side becomes odd. Defaults to `None`.
        least: int. Smallest number of halvings if `stages` is None. Defaults to 2.
        coarsest: int. Smallest size of the shorter side if `stages` is None. Defaults to 4.

    Raises:
        InputError: If a side of the image cannot be halved `stages` times, or `least` times if `stages` is None.
    """
    check_sides(image_shape, least if stages is None else stages)
    if stages is not None:
        return stages
    stages = least
    while min(image_shape[:2]) >> (stages + 1) >= coarsest and _halves(image_shape, stages + 1):
        stages += 1
    return stages


def doubled_widths(filters, stages, most=8):
    """Returns the number of features of each stage, the finest first.

    The width doubles with every halving of the resolution, up to `most` times `filters`.
    """
    return [filters * min(2**stage, most) for stage in range(stages)]


def dcgan_generator(image_shape, latent_dim, filters, stages, num_classes=None, attention=False, class_norms=False):
    """Maps latents to images in [-1, 1].

    A dense projection is followed by `stages` transposed convolutions that double the resolution, each after batch
    normalization and ReLU, and by a 3x3 convolution with tanh that makes the image.

    The paper makes the image with its last transposed convolution. There, each pixel of a 2x2 block has its own
    weights, which leaves a grain in the images. The additional 3x3 convolution removes it at little cost.

    Args:
        image_shape: tuple of ints, `(height, width, channels)`.
        latent_dim: int. Length of the latents.
        filters: int. Width at half the resolution. It doubles with every stage below, up to eight times, and is a
            quarter of this at full resolution.
        stages: int. Number of transposed convolutions.
        num_classes: int or None. With classes, the network takes a dict of `latents` and integer `labels` of shape
            `(n,)`, and a learned vector for each label is appended to the latents. Defaults to `None`.
        attention: bool. Whether self-attention follows the batch normalization and ReLU at half the resolution.
            Defaults to `False`.
        class_norms: bool. Whether labels set the scales and shifts of every normalization instead of extending the
            latents. Defaults to `False`.
    """
    # === Layers ===
    inputs = x = keras.Input((latent_dim,), name="latents")
    condition = None
    if num_classes is not None:
        labels = keras.Input((), dtype="int32", name="labels")
        inputs = {"latents": inputs, "labels": labels}
        if class_norms:
            condition = ops.one_hot(labels, num_classes)
        else:
            vectors = layers.Embedding(num_classes, latent_dim, _faint(), name="class_vectors")(labels)
            x = layers.Concatenate(name="latents_and_class")([x, vectors])
    outputs = dcgan_images(x, image_shape, filters, stages, condition, attention)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="generator")


def dcgan_images(x, image_shape, filters, stages, condition=None, attention=False):
    """Applies the layers of `dcgan_generator` to vectors `(n, any)`.

    With a condition `(n, any)`, every normalization takes its scales and shifts from the condition.
    """

    def norm_and_relu(x, stage, name):
        arguments = {"momentum": 0.9, "epsilon": 1e-5, "name": f"norm_{name}"}
        if condition is None:
            x = layers.BatchNormalization(**arguments)(x)
        else:
            x = ConditionalBatchNormalization(**arguments)(x, condition)
        return layers.ReLU(name=f"relu_{name}")(x)

    x = dcgan_projection(x, image_shape, filters, stages)
    return dcgan_enlarged(x, image_shape[-1], filters, stages, norm_and_relu, attention)


def dcgan_projection(x, image_shape, filters, stages):
    """Projects vectors `(n, any)` to the coarsest feature map, from which `dcgan_enlarged` makes images."""
    height, width, _ = image_shape
    grid = height >> stages, width >> stages, doubled_widths(filters, stages)[-1]
    x = layers.Dense(math.prod(grid), use_bias=False, kernel_initializer=init(), name="project")(x)
    return layers.Reshape(grid, name="reshape")(x)


def dcgan_enlarged(x, channels, filters, stages, norm_and_relu, attention=False):
    """Applies the convolutions of `dcgan_generator` to the features of `dcgan_projection` and returns images.

    `norm_and_relu(x, stage, name)` applies the layers before each convolution, whose names end in `name`. `stage`
    counts from 0.
    """
    widths = [*doubled_widths(filters, stages)[-2::-1], max(filters // 4, 1)]
    for stage, stage_width in enumerate(widths):
        x = norm_and_relu(x, stage, stage)
        # Attention follows the normalization, because its scores grow with the square of the features, and the kernels
        # before a normalization keep growing in training.
        if attention and stage == stages - 1:
            x = SelfAttention(name="attention")(x)
        x = layers.Conv2DTranspose(
            stage_width, 4, strides=2, padding="same", use_bias=False, kernel_initializer=init(), name=f"up_{stage}"
        )(x)
    return to_image(norm_and_relu(x, stages, "image"), channels)


def to_image(x, channels):
    """Maps features to an image in [-1, 1] of the same size."""
    x = layers.Conv2D(channels, 3, padding="same", kernel_initializer=init(), name="to_image")(x)
    # The images are float32 under every dtype policy, because half precision would quantize the pixels.
    return layers.Activation("tanh", dtype="float32", name="images")(x)


def shrinks(generator):
    """Returns whether `shrink_kernels` supports a network.

    It supports the layers of `dcgan_enlarged` if the normalizations have their own scales.
    """
    found = {layer.name: layer for layer in generator.layers}
    norms = (layers.BatchNormalization, StyleBatchNormalization)
    return isinstance(found.get("up_0"), layers.Conv2DTranspose) and isinstance(found.get("norm_0"), norms)


def shrink_kernels(generator, average):
    """Scales trained kernels before a batch normalization to a standard deviation of 0.1; the images stay the same.

    Because the normalization cancels any scale, kernels grow in training, and the larger they are, the less an update
    at a given learning rate changes their direction (van Laarhoven 2017). A generator whose kernels have grown
    forty-fold, to a standard deviation of 0.8, barely changes at its original learning rate. At the initial 0.02 it
    changes fastest, but fine-tuning to similar images stays unsteady.

    The normalizations receive the statistics of the smaller features, and their scales compensate for the larger
    relative weight of epsilon. The strengths of the noise shrink by the same factor.

    Args:
        generator: `keras.Model` for which `shrinks` is true. It is changed in place.
        average: `keras.Model`. The moving average of the generator, which is scaled by the same factors so that
            averaging can continue.
    """
    stages = sum(layer.name.startswith("up_") for layer in generator.layers)
    kernels = ["project", *(f"up_{stage}" for stage in range(stages))]
    by_name = [{layer.name: layer for layer in network.layers} for network in (generator, average)]
    for kernel_name, place in zip(kernels, [*range(stages), "image"], strict=True):
        factor = ops.minimum(1.0, 0.1 / ops.std(generator.get_layer(kernel_name).kernel))
        for found in by_name:
            # The features of a second convolution are added to those of the first, so both need the same scale.
            scaled = [found[name].kernel for name in (kernel_name, f"second_{place}") if name in found]
            for name in (place, f"inner_{place}"):
                if f"noise_{name}" in found:
                    scaled.append(found[f"noise_{name}"].strength)
                if f"norm_{name}" in found:
                    scaled.append(_follow_smaller_features(found[f"norm_{name}"], factor))
            for variable in scaled:
                variable.assign(factor * variable)


def _follow_smaller_features(norm, factor):
    """Adapts a batch normalization to features scaled by `factor`.

    Returns the moving mean, which the caller still has to scale.
    """
    statistics = getattr(norm, "norm", norm)
    variance = factor**2 * statistics.moving_variance
    growth = ops.sqrt((variance + norm.epsilon) / (statistics.moving_variance + norm.epsilon)) / factor
    if statistics is norm:
        norm.gamma.assign(growth * norm.gamma)
    else:
        norm.scale.kernel.assign(growth * norm.scale.kernel)
        norm.scale.bias.assign(growth * norm.scale.bias + (growth - 1.0) / norm.scale.learning_rate_multiplier)
    statistics.moving_variance.assign(variance)
    return statistics.moving_mean


def dcgan_discriminator(
    image_shape,
    filters,
    stages,
    batch_norm=True,
    num_classes=None,
    attention=False,
    spectral_norm=False,
    projection=False,
    hidden_units=0,
):
    """Maps images to one logit each, `(n, 1)`, by `stages` strided convolutions with leaky ReLU and a dense layer.

    Args:
        image_shape: tuple of ints, `(height, width, channels)`.
        filters: int. Width of the first convolution. It doubles with every stage, up to eight times.
        stages: int. Number of convolutions.
        batch_norm: bool. Whether every hidden stage except the first has batch normalization, as in the paper. Gradient
            penalties need it off, because it couples the images of a batch. Defaults to `True`.
        num_classes: int or None. With classes, the network takes a dict of `images` and integer `labels` of shape
            `(n,)`, and a learned map for each label is one more input channel. Defaults to `None`.
        attention: bool. Whether self-attention follows at half the resolution. Defaults to `False`.
        spectral_norm: bool. Whether all kernels have spectral normalization. Defaults to `False`.
        projection: bool. Whether labels enter by `projected` instead of an input channel. Defaults to `False`.
        hidden_units: int. With a value above 0, the logit is the sum of the linear one and of a second one from two
            hidden layers of this width, which can relate features at different positions. Defaults to 0.
    """
    # === Layers ===
    inputs = x = keras.Input(image_shape, name="images")
    if num_classes is not None:
        labels = keras.Input((), dtype="int32", name="labels")
        inputs = {"images": inputs, "labels": labels}
        if not projection:
            height, width, _ = image_shape
            maps = layers.Embedding(num_classes, height * width, _faint(), name="class_maps")(labels)
            maps = layers.Reshape((height, width, 1), name="class_channel")(maps)
            x = layers.Concatenate(name="images_and_class")([x, maps])
    x = dcgan_features(x, filters, stages, batch_norm, attention, spectral_norm)
    outputs = dcgan_outputs(x, 1, spectral_norm, name="logit")
    if num_classes is not None and projection:
        outputs = projected(outputs, x, labels, num_classes)
    if hidden_units:
        hidden = _hidden(x, doubled_widths(filters, stages)[-1], hidden_units, spectral_norm)
        hidden = dcgan_outputs(hidden, 1, spectral_norm, name="logit_of_hidden")
        outputs = layers.Add(dtype="float32", name="logit_of_both")([outputs, hidden])

    # === Functional model ===
    return keras.Model(inputs, outputs, name="discriminator")


def _hidden(x, width, units, spectral_norm):
    """Applies two hidden layers of `units` to flattened feature maps of `width` features.

    A dense layer first reduces the features of every position to `units / 2`.
    """

    def dense(x, size, name):
        x = linear(layers.Dense, size, spectral_norm, init(spectral_norm), name=name)(x)
        return layers.LeakyReLU(0.2, name=f"{name}_relu")(x)

    x = layers.Reshape((-1, width), name="places")(x)
    x = layers.Flatten(name="hidden_inputs")(dense(x, max(units // 2, 1), "narrow"))
    return dense(dense(x, units, "hidden_0"), units, "hidden_1")


def dcgan_features(x, filters, stages, batch_norm=True, attention=False, spectral_norm=False):
    """Applies the layers of `dcgan_discriminator` before the logit: maps `(n, height, width, any)` to `(n, any)`."""
    for stage, stage_width in enumerate(doubled_widths(filters, stages)):
        normed = batch_norm and stage > 0
        x = linear(
            layers.Conv2D,
            stage_width,
            spectral_norm,
            kernel_size=4,
            strides=2,
            padding="same",
            use_bias=not normed,
            kernel_initializer=init(spectral_norm),
            name=f"down_{stage}",
        )(x)
        if normed:
            x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"norm_{stage}")(x)
        x = layers.LeakyReLU(0.2, name=f"relu_{stage}")(x)
        if attention and stage == 0:
            x = SelfAttention(name="attention")(x)
    return layers.Flatten(name="flatten")(x)


def dcgan_outputs(x, units, spectral_norm=False, **arguments):
    """Applies a dense layer to the features of `dcgan_features`, in float32 under every dtype policy."""
    made = linear(layers.Dense, units, spectral_norm, init(spectral_norm), dtype="float32", **arguments)
    return made(x)


def projected(logits, features, labels, num_classes):
    """Adds the class projection v_y h to logits, in float32 under every dtype policy.

    `v_y` is a learned vector for the class with spectral normalization (Miyato & Koyama 2018, eq. 5).

    Args:
        logits: float tensor of shape `(n, 1)`. The class-independent part of the logits, w h + b.
        features: float tensor of shape `(n, any)`. The features h.
        labels: int tensor of shape `(n,)`.
        num_classes: int. Number of classes.
    """
    vectors = layers.Embedding(num_classes, features.shape[-1], "orthogonal", dtype="float32", name="class_vectors")
    projection = layers.Dot(1, dtype="float32", name="projection")([SpectralNormalization(vectors)(labels), features])
    return layers.Add(dtype="float32", name="logit_of_class")([logits, projection])


def init(spectral_norm=False):
    """Returns the normal initializer of Radford et al. 2016, or with spectral normalization an orthogonal one.

    Spectral normalization divides out the scale of the kernel.
    """
    return keras.initializers.Orthogonal() if spectral_norm else keras.initializers.RandomNormal(stddev=0.02)


def small(residual_blocks):
    """Returns the initializer of each residual block's last kernel.

    The sum over the blocks does not grow with their number.
    """
    return keras.initializers.VarianceScaling(2.0 / residual_blocks, "fan_in")


def _faint():
    """Returns the initializer for label embeddings, which start at a tenth of the strength of latents and pixels.

    Class vectors as strong as the latents make the generator ignore the latents: a `ConditionalGAN` on MNIST drew a
    single image of each digit.
    """
    return keras.initializers.RandomNormal(stddev=0.1)


def encoder(image_shape, outputs, filters, stages, units):
    """Maps images in [-1, 1] to outputs `(n, outputs)`, by `stages` strided convolutions and a dense layer with SiLU.

    The first convolution has `filters` features; the width doubles with each stage, up to four times.
    """
    # === Layers ===
    inputs = keras.Input(image_shape, name="images")
    x = inputs
    for stage, width in enumerate(doubled_widths(filters, stages, most=4)):
        x = layers.Conv2D(width, 4, strides=2, padding="same", activation="silu", name=f"down_{stage}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(units, activation="silu", name="hidden")(x)
    outputs = layers.Dense(outputs, dtype="float32", name="outputs")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="encoder")


def decoder(image_shape, latent_dim, filters, stages, units):
    """Mirrors `encoder`: maps latents to unbounded pixels of `image_shape`.

    A convolution at full resolution makes the pixels.
    """
    height, width, channels = image_shape
    widths = doubled_widths(filters, stages, most=4)[::-1]

    # === Layers ===
    inputs = keras.Input((latent_dim,), name="latents")
    base = (height >> stages, width >> stages, widths[0])
    x = layers.Dense(units, activation="silu", name="hidden")(inputs)
    x = layers.Dense(base[0] * base[1] * base[2], activation="silu", name="project")(x)
    x = layers.Reshape(base, name="reshape")(x)
    for stage, stage_width in enumerate([*widths[1:], max(filters // 2, 1)]):
        x = layers.Conv2DTranspose(stage_width, 4, strides=2, padding="same", activation="silu", name=f"up_{stage}")(x)
    outputs = layers.Conv2D(channels, 3, padding="same", dtype="float32", name="pixels")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="decoder")


def classifier(image_shape, num_classes, filters=32, dropout=0.3, augmentation=(), stages=3):
    """Maps images in [-1, 1] to logits `(n, num_classes)`.

    The layer `features` gives the last convolution's output after global average pooling, `(n, filters * 2 ** (stages -
    1))`. It corresponds to Inception's `pool3` in the usual Fréchet distance.

    Args:
        image_shape: tuple of ints, `(height, width, channels)`.
        num_classes: int. Number of classes.
        filters: int. Width at full resolution; it doubles with each stage. Defaults to 32.
        dropout: float. Dropout rate before the logits; a third of this rate applies after each pooling. Defaults to
            0.3.
        augmentation: sequence of layers that change the images at random in training. Defaults to `()`.
        stages: int. Number of stages; each one except the first halves the image. Defaults to 3.
    """
    # === Layers ===
    inputs = keras.Input(image_shape, name="images")
    x = inputs
    for change in augmentation:
        x = change(x)
    x = _features(x, filters, stages, dropout=dropout / 3)
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="classifier")


def attribute_classifier(image_shape, num_values, filters=16, stages=4):
    """Maps images in [-1, 1] to a dict of attributes, from one trunk like that of `classifier`.

    The layer `features` gives the pooled features `(n, filters * 2 ** (stages - 1))`.

    Args:
        image_shape: tuple of ints, `(height, width, channels)`.
        num_values: dict from the name of each attribute to its number of values. The output of an attribute is logits
            `(n, values)`. An attribute with one value is a measurement, whose output `(n, 1)` is in its own unit.
        filters: int. Width at full resolution; it doubles with each stage. Defaults to 16.
        stages: int. Number of stages of the trunk; each one except the first halves the image. Defaults to 4.
    """
    # === Layers ===
    inputs = keras.Input(image_shape, name="images")
    x = _features(inputs, filters, stages)
    outputs = {name: layers.Dense(size, dtype="float32", name=name)(x) for name, size in num_values.items()}

    # === Functional model ===
    return keras.Model(inputs, outputs, name="attribute_classifier")


def _features(x, filters, stages, dropout=0.0):
    """Applies the trunk of the classifiers up to the pooled `features`.

    `dropout` is the rate after every pooling except the last.
    """
    for stage in range(stages):
        for part in range(1 if stage == 0 else 2):
            x = layers.Conv2D(filters * 2**stage, 3, padding="same", use_bias=False, name=f"conv_{stage}_{part}")(x)
            x = layers.BatchNormalization(momentum=0.9, name=f"norm_{stage}_{part}")(x)
            x = layers.ReLU(name=f"relu_{stage}_{part}")(x)
        if stage < stages - 1:
            x = layers.MaxPooling2D(name=f"pool_{stage}")(x)
            if dropout:
                x = layers.Dropout(dropout, name=f"dropout_{stage}")(x)
    return layers.GlobalAveragePooling2D(name="features")(x)
