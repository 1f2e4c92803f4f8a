"""Convolutional networks: the DCGAN pair (Radford et al. 2016) and a small classifier."""

import math

import keras
from keras import layers, ops

from zoo.errors import InputError
from zoo.layers.attention import SelfAttention
from zoo.layers.conditional_norm import ConditionalBatchNormalization, StyleBatchNormalization
from zoo.layers.spectral_normalization import SpectralNormalization, linear

# No side of an image is longer; the power of a number without bounds would fill the memory.
_MOST_HALVINGS = 16


def check_sides(image_shape, stages):
    """Refuses images whose sides cannot be halved `stages` times."""
    if not _halves(image_shape, stages):
        divisible = f"sides divisible by {2**stages}" if stages <= _MOST_HALVINGS else "larger sides"
        expected = f"{divisible}, to be halved {stages} times"
        raise InputError(f"image_shape is {tuple(image_shape)}, expected {expected}.")


def _halves(image_shape, stages):
    return stages <= _MOST_HALVINGS and not any(side % 2**stages for side in image_shape[:2])


def stages_of(image_shape, stages=None, least=2, coarsest=4):
    """How often networks halve an image: `stages`, by default down to `coarsest` pixels or an odd side.

    Raises:
        InputError: a side of the image is not divisible by 2 that often, or `least` times by default.
    """
    check_sides(image_shape, least if stages is None else stages)
    if stages is not None:
        return stages
    stages = least
    while min(image_shape[:2]) >> (stages + 1) >= coarsest and _halves(image_shape, stages + 1):
        stages += 1
    return stages


def doubled_widths(filters, stages, most=8):
    """Features of each stage, the finest first: twice as many with every halving, up to `most` times."""
    return [filters * min(2**stage, most) for stage in range(stages)]


def dcgan_generator(image_shape, latent_dim, filters, stages, num_classes=None, attention=False, class_norms=False):
    """Latents `(n, latent_dim)` to images `image_shape` in [-1, 1].

    With `num_classes` a dict of `latents` and `labels` `(n,)`; a learned vector for the label joins the latents, or
    with `class_norms` every normalization has scales and shifts of its own for each class.

    A dense projection, then `stages` transposed convolutions that double the resolution, each after batch
    normalization and ReLU, and a 3x3 convolution to the image, which ends in tanh. `filters` is the width at half
    the resolution; it doubles with every stage below, up to eight times, and is a quarter at the full resolution.
    With `attention`, self-attention follows on batch normalization and ReLU at half the resolution.

    The paper makes the image by its last transposed convolution; there each pixel of a 2x2 block has weights of its
    own, which leaves a grain that the convolution removes for little time.
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
    """The layers of `dcgan_generator`, from vectors `(n, any)`.

    With a condition `(n, any)` every normalization takes its scales and shifts from that.
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
    """Vectors `(n, any)` to the features from which `dcgan_enlarged` makes images."""
    height, width, _ = image_shape
    grid = height >> stages, width >> stages, doubled_widths(filters, stages)[-1]
    x = layers.Dense(math.prod(grid), use_bias=False, kernel_initializer=init(), name="project")(x)
    return layers.Reshape(grid, name="reshape")(x)


def dcgan_enlarged(x, channels, filters, stages, norm_and_relu, attention=False):
    """The convolutions of `dcgan_generator`, from what `dcgan_projection` makes to images.

    `norm_and_relu(x, stage, name)` makes the layers before each of them, whose names end in `name`; `stage` counts from
    0.
    """
    widths = [*doubled_widths(filters, stages)[-2::-1], max(filters // 4, 1)]
    for stage, stage_width in enumerate(widths):
        x = norm_and_relu(x, stage, stage)
        # Behind a norm, since scores grow with the square of what they compare, and kernels before one keep growing.
        if attention and stage == stages - 1:
            x = SelfAttention(name="attention")(x)
        x = layers.Conv2DTranspose(
            stage_width, 4, strides=2, padding="same", use_bias=False, kernel_initializer=init(), name=f"up_{stage}"
        )(x)
    return to_image(norm_and_relu(x, stages, "image"), channels)


def to_image(x, channels):
    """Features to an image in [-1, 1] of the same size."""
    x = layers.Conv2D(channels, 3, padding="same", kernel_initializer=init(), name="to_image")(x)
    # float32 whatever the policy: half precision would quantize the pixels.
    return layers.Activation("tanh", dtype="float32", name="images")(x)


def shrinks(generator):
    """Whether `shrink_kernels` knows the network's layers: those of `dcgan_enlarged` with norms of their own scales."""
    norms = [layer for layer in generator.layers if layer.name == "norm_0"]
    return bool(norms) and isinstance(norms[0], (layers.BatchNormalization, StyleBatchNormalization))


def shrink_kernels(generator, average):
    """Scales trained kernels that a batch norm follows to a standard deviation of 0.1; the images stay the same.

    Since the norm takes any scale out again, kernels grow as they learn, and the larger they are the less a learning
    rate turns them (van Laarhoven 2017): a generator whose kernels grew forty-fold, to 0.8, hardly leaves its motifs at
    the rates that taught it them. At the 0.02 before training it leaves them fastest, but stays unsteady near them.

    The norms are given the statistics of the smaller features, and a scale that makes up for what their epsilon then
    weighs more; noise becomes as much smaller.

    Args:
        generator: network that `shrinks`, which is changed in place.
        average: its averaged copy, which is scaled by the same factors, so that the average goes on.
    """
    stages = sum(layer.name.startswith("up_") for layer in generator.layers)
    kernels = ["project", *(f"up_{stage}" for stage in range(stages))]
    by_name = [{layer.name: layer for layer in network.layers} for network in (generator, average)]
    for kernel_name, place in zip(kernels, [*range(stages), "image"], strict=True):
        factor = ops.minimum(1.0, 0.1 / ops.std(generator.get_layer(kernel_name).kernel))
        for found in by_name:
            # Of a second convolution, too, whose features are added to those of the first.
            scaled = [found[name].kernel for name in (kernel_name, f"second_{place}") if name in found]
            for name in (place, f"inner_{place}"):
                if f"noise_{name}" in found:
                    scaled.append(found[f"noise_{name}"].strength)
                if f"norm_{name}" in found:
                    scaled.append(_follow_smaller_features(found[f"norm_{name}"], factor))
            for variable in scaled:
                variable.assign(factor * variable)


def _follow_smaller_features(norm, factor):
    """Gives a batch norm the variance of features `factor` times as large; returns its mean, which is to be scaled."""
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
    """Images to one logit each, `(n, 1)`: `stages` strided convolutions with leaky ReLU, then dense.

    With `num_classes` a dict of `images` and `labels` `(n,)`; a learned map for each label is one more channel, or with
    `projection` the end is `projected`.

    `batch_norm` normalizes every hidden stage but the first, as the paper does; gradient penalties want
    it off, since it couples the images of a batch. `spectral_norm` normalizes all kernels, and with `attention`
    self-attention follows at half the resolution. With `hidden_units` the logit is the sum of that and of one from two
    hidden layers as wide, which can tell how features at different places depend on one another.
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
    """Two hidden layers of `units` on flattened maps of `width` features, which first become half as many as those."""

    def dense(x, size, name):
        x = linear(layers.Dense, size, spectral_norm, init(spectral_norm), name=name)(x)
        return layers.LeakyReLU(0.2, name=f"{name}_relu")(x)

    x = layers.Reshape((-1, width), name="places")(x)
    x = layers.Flatten(name="hidden_inputs")(dense(x, max(units // 2, 1), "narrow"))
    return dense(dense(x, units, "hidden_0"), units, "hidden_1")


def dcgan_features(x, filters, stages, batch_norm=True, attention=False, spectral_norm=False):
    """The layers of `dcgan_discriminator` before its logit, from maps `(n, height, width, any)` to `(n, any)`."""
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
    """A dense layer on the features of `dcgan_features`, in float32 whatever the policy."""
    made = linear(layers.Dense, units, spectral_norm, init(spectral_norm), dtype="float32", **arguments)
    return made(x)


def projected(logits, features, labels, num_classes):
    """Logits w h + b `(n, 1)` of features h `(n, any)`, plus the projection v_y h, in float32 whatever the policy.

    v_y is a vector learned for the class, under spectral normalization (Miyato & Koyama 2018, eq. 5).
    """
    vectors = layers.Embedding(num_classes, features.shape[-1], "orthogonal", dtype="float32", name="class_vectors")
    projection = layers.Dot(1, dtype="float32", name="projection")([SpectralNormalization(vectors)(labels), features])
    return layers.Add(dtype="float32", name="logit_of_class")([logits, projection])


def init(spectral_norm=False):
    """The weights of Radford et al. 2016 before training, or orthogonal ones where their scale is divided out."""
    return keras.initializers.Orthogonal() if spectral_norm else keras.initializers.RandomNormal(stddev=0.02)


def small(residual_blocks):
    """The last weights of each of so many residual blocks, whose sum does not grow with their number."""
    return keras.initializers.VarianceScaling(2.0 / residual_blocks, "fan_in")


def _faint():
    """Initializes what stands for labels, a tenth as strong as latents and pixels.

    Class vectors as strong as the latents shut them out: a `ConditionalGAN` on MNIST drew a single image of each digit.
    """
    return keras.initializers.RandomNormal(stddev=0.1)


def encoder(image_shape, outputs, filters, stages, units):
    """Images in [-1, 1] to `(n, outputs)`: `stages` strided convolutions and a dense layer, with SiLU.

    The first is `filters` wide, the others up to four times.
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
    """The reverse of `encoder`: latents to unbounded pixels `image_shape`, made by a convolution at full resolution."""
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
    """Images in [-1, 1] to logits `(n, num_classes)`; a layer named `features` gives `(n, filters * 2**(stages - 1))`.

    The features are what the last convolution leaves after global average pooling, the place that
    Inception's `pool3` has in the usual Fréchet distance.

    Args:
        image_shape: `(height, width, channels)`.
        num_classes: how many classes there are.
        filters: width at full resolution; it doubles with each stage.
        dropout: the rate before the logits; a third of it after each pooling.
        augmentation: layers that change the images at random in training.
        stages: parts of the network, each of which but the first halves the image.
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
    """Images in [-1, 1] to a dict of what they show, from one trunk like that of `classifier`.

    Args:
        image_shape: `(height, width, channels)`.
        num_values: dict of the number of values for each attribute, whose output are logits `(n, values)`; an
            attribute of one value is a measure, whose output `(n, 1)` is in its own unit.
        filters: width at full resolution; it doubles with each stage.
        stages: parts of the trunk, each of which but the first halves the image. The layer `features` gives
            `(n, filters * 2 ** (stages - 1))`.
    """
    # === Layers ===
    inputs = keras.Input(image_shape, name="images")
    x = _features(inputs, filters, stages)
    outputs = {name: layers.Dense(size, dtype="float32", name=name)(x) for name, size in num_values.items()}

    # === Functional model ===
    return keras.Model(inputs, outputs, name="attribute_classifier")


def _features(x, filters, stages, dropout=0.0):
    """The trunk of the classifiers, up to the pooled `features`; `dropout` is the rate after each other pooling."""
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
