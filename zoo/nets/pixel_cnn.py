"""The gated PixelCNN (van den Oord et al. 2016b) over grids of integer codes, and sampling from it pixel by pixel."""

import math

import keras
from keras import layers, ops

from zoo.errors import InputError
from zoo.layers.causal import CodeInput, GatedBlock, MaskedDense

_HEAD = ("head_relu", "head", "outputs_relu", "outputs")
# Each pair is an embedding layer of the class condition and the layer that reshapes its vectors to a map.
_CLASS_LAYERS = (("class_vectors", "class_vectors_shape"), ("class_maps", "class_maps_shape"))


def gated_pixel_cnn(
    grid_shape,
    levels,
    num_outputs,
    filters,
    num_blocks,
    *,
    kernel_size=3,
    first_kernel_size=7,
    channel_groups=1,
    num_classes=None,
    class_map_features=None,
    condition_shape=None,
    embedding_dim=None,
):
    """Maps codes and conditions to the parameters of every pixel's distribution, given the earlier pixels.

    The network takes a dict of `codes`, int `(n, height, width, channels)` with values from 0 to `levels - 1`; with
    classes also `labels`, int `(n,)`; and with a condition map also `condition`, `(n, *condition_shape)`. It returns a
    float32 tensor `(n, height, width, num_outputs)`. `draw_codes` samples grids from it.

    Args:
        grid_shape: tuple of ints, `(height, width, channels)`. Shape of a grid of codes.
        levels: int. Number of different codes.
        num_outputs: int. Number of parameters of a pixel's distribution.
        filters: int. Number of features of each stack, a multiple of `channel_groups`.
        num_blocks: int. Number of gated blocks. Each extends the receptive field by `kernel_size // 2` to the left, to
            the right and above.
        kernel_size: int. Kernel size of all blocks except the first, odd and at least 3. Defaults to 3.
        first_kernel_size: int. Kernel size of the first block, odd and at least 3. Defaults to 7.
        channel_groups: int. `channels` if the network models the dependence between the channels of a pixel, so that
            output `i` belongs to channel `i % channels`; 1 if outputs depend on earlier pixels only. Defaults to 1.
        num_classes: int or None. Number of classes, each of which conditions the gates by a learned vector. Defaults to
            `None`.
        class_map_features: int or None. Number of features of a learned map for each class, which conditions the gates
            in addition to the vector. Defaults to `None`.
        condition_shape: tuple of ints or None. Shape `(height or 1, width or 1, features)` of a map that conditions the
            gates. Defaults to `None`.
        embedding_dim: int or None. Length of a learned vector for each code, which suits codes without an order such as
            those of a VQ-VAE. None treats the codes as grey values. Defaults to `None`.

    Raises:
        InputError: If `filters` is not a multiple of `channel_groups`, or if a kernel size is even or below 3.
    """
    if filters % channel_groups:
        raise InputError(f"filters is {filters}, expected a multiple of {channel_groups}, the number of channels.")
    for name, size in (("kernel_size", kernel_size), ("first_kernel_size", first_kernel_size)):
        if size < 3 or size % 2 == 0:
            raise InputError(f"{name} is {size}, expected an odd number of at least 3.")

    # === Layers ===
    inputs = {"codes": keras.Input(grid_shape, dtype="int32", name="codes")}
    conditions = []
    if num_classes is not None:
        inputs["labels"] = keras.Input((), dtype="int32", name="labels")
        shapes = [(1, 1, filters)]
        if class_map_features is not None:
            shapes.append((*grid_shape[:2], class_map_features))
        for (embedding, reshape), shape in zip(_CLASS_LAYERS, shapes, strict=False):
            vectors = layers.Embedding(num_classes, math.prod(shape), name=embedding)(inputs["labels"])
            conditions.append(layers.Reshape(shape, name=reshape)(vectors))
    if condition_shape is not None:
        inputs["condition"] = keras.Input(condition_shape, name="condition")
        conditions.append(inputs["condition"])
    vertical = horizontal = CodeInput(levels, embedding_dim, name="code_input")(inputs["codes"])
    for index in range(num_blocks):
        block = GatedBlock(
            filters,
            kernel_size if index else first_kernel_size,
            first=index == 0,
            channel_groups=channel_groups,
            name=f"block_{index}",
        )
        vertical, horizontal = block(vertical, horizontal, conditions)
    head = (
        layers.ReLU(name=_HEAD[0]),
        MaskedDense(filters, channel_groups, name=_HEAD[1]),
        layers.ReLU(name=_HEAD[2]),
        # The outputs are float32 under every dtype policy, because likelihoods are sums over thousands of pixels.
        MaskedDense(num_outputs, channel_groups, dtype="float32", name=_HEAD[3]),
    )
    outputs = horizontal
    for layer in head:
        outputs = layer(outputs)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="pixel_cnn")


def draw_codes(network, draw, noise, codes, keep, conditions):
    """Samples grids of codes in raster order and computes only what is new for each pixel.

    The vertical stack advances row by row and reads only the rows under its kernels. The horizontal stack advances
    pixel by pixel and reads only the pixels under its kernels. For the same noise, the codes are equal to those of a
    full pass of the network for every pixel.

    Args:
        network: `keras.Model` that `gated_pixel_cnn` returns.
        draw: function `(outputs, pixel, channel, noise)` that returns the codes `(n,)` of one channel of one pixel.
            `outputs` are the network's `(n, num_outputs)`, `pixel` the codes `(n, channels)` of which the earlier
            channels are set, `channel` an index, and `noise` of shape `(n,)`.
        noise: float tensor of shape `(n, height, width, channels)`, which is passed to `draw`.
        codes: int32 tensor of the same shape as `noise`. Its codes remain where `keep` is true.
        keep: bool tensor of shape `(height, width)`.
        conditions: dict of the inputs of `network` other than the codes.

    Returns:
        An int32 tensor of codes of the same shape as `noise`.
    """
    height, width, channels = network.input["codes"].shape[1:]
    number = ops.shape(noise)[0]
    embed = network.get_layer("code_input")
    blocks = gated_blocks(network)
    head = [network.get_layer(name) for name in _HEAD]
    # The channels of one group are drawn from the same outputs.
    groups = [[c] for c in range(channels)] if blocks[0].channel_groups > 1 else [range(channels)]
    maps = _condition_maps(network, conditions)
    features = [embed.compute_output_shape((channels,))[0], *[block.filters for block in blocks[:-1]]]
    rows_above = [block.vertical_conv.rows_above for block in blocks]
    columns_left = [block.horizontal_conv.columns_left for block in blocks]
    dtype = blocks[0].compute_dtype

    def draw_row(y, state):
        codes, above = state
        above, links = list(above), []
        vertical = None
        maps_here = [_at(condition, y, axis=1) for condition in maps]
        for index, block in enumerate(blocks):
            # The kernel of the first block does not cover the new row, which is not drawn yet.
            rows = above[index] if vertical is None else _append(above[index], vertical)
            if vertical is not None:
                above[index] = rows[:, 1:]
            vertical, link = block.row(rows, block.project(maps_here))
            links.append(link)
        noise_row, keep_row = _at(noise, y, axis=1), _at(keep, y, axis=0)

        def draw_pixel(x, state):
            row, left = state
            uniform, kept = _at(noise_row, x, axis=1), _at(keep_row, x, axis=0)
            links_here = [_at(link, x, axis=1) for link in links]
            given = _at(row, x, axis=1)
            pixel = [ops.zeros_like(given[:, 0])] * channels
            for group in groups:
                inputs = [embed(ops.stack(pixel, axis=-1))]
                for block, columns, link in zip(blocks, left, links_here, strict=True):
                    inputs.append(block.pixel(columns, inputs[-1], link))
                outputs = inputs[-1]
                for layer in head:
                    outputs = layer(outputs)
                for channel in group:
                    drawn = draw(outputs, ops.stack(pixel, axis=-1), channel, uniform[:, channel])
                    pixel[channel] = ops.where(kept, given[:, channel], drawn)
            pixel = ops.stack(pixel, axis=-1)
            inputs[0] = embed(pixel)
            left = [_append(columns, new)[:, 1:] for columns, new in zip(left, inputs, strict=False)]
            return ops.slice_update(row, (0, x, 0), pixel[:, None]), left

        left = [ops.zeros((number, size, c), dtype) for size, c in zip(columns_left, features, strict=True)]
        row, _ = ops.fori_loop(0, width, draw_pixel, (_at(codes, y, axis=1), left))
        above[0] = _append(above[0], embed(row))[:, 1:]
        return ops.slice_update(codes, (0, y, 0, 0), row[:, None]), above

    above = [ops.zeros((number, size, width, c), dtype) for size, c in zip(rows_above, features, strict=True)]
    return ops.fori_loop(0, height, draw_row, (codes, above))[0]


def links_from_above(network, codes, conditions):
    """Returns what the rows above contribute to each row, a part of a pass of the network that many pixels share.

    Args:
        network: `keras.Model` that `gated_pixel_cnn` returns.
        codes: int32 tensor of shape `(n, height, width, channels)`. Row y of the result depends on earlier rows alone.
        conditions: dict of the inputs of `network` other than the codes.

    Returns:
        A tensor of shape `(n, height, blocks, width, features)`.
    """
    vertical, links = network.get_layer("code_input")(codes), []
    maps = _condition_maps(network, conditions)
    for block in gated_blocks(network):
        vertical, link = block.above(vertical, maps)
        links.append(link)
    return ops.stack(links, axis=2)


def outputs_of_row(network, codes, links):
    """Returns the network's outputs `(n, width, num_outputs)` for one row, the rest of the pass.

    Args:
        network: `keras.Model` that `gated_pixel_cnn` returns.
        codes: int32 tensor of shape `(n, width, channels)`, the row.
        links: tensor of shape `(n, blocks, width, features)`, this row of `links_from_above`.
    """
    x = network.get_layer("code_input")(codes)[:, None]
    for index, block in enumerate(gated_blocks(network)):
        x = block.beside(x, links[:, index, None])
    for name in _HEAD:
        x = network.get_layer(name)(x)
    return x[:, 0]


def gated_blocks(network):
    """Returns the gated blocks of a network that `gated_pixel_cnn` returns."""
    return [layer for layer in network.layers if isinstance(layer, GatedBlock)]


def _condition_maps(network, conditions):
    """Returns the maps that condition the gates, in the order of the blocks' weights."""
    maps = []
    names = {layer.name for layer in network.layers}
    for embedding, reshape in _CLASS_LAYERS:
        if embedding in names:
            maps.append(network.get_layer(reshape)(network.get_layer(embedding)(conditions["labels"])))
    if "condition" in conditions:
        maps.append(ops.cast(conditions["condition"], network.get_layer("block_0").compute_dtype))
    return maps


def _append(window, new):
    """Appends one entry to a window along axis 1."""
    return ops.concatenate([window, new[:, None]], axis=1)


def _at(x, index, axis):
    """Returns `x[index]` along an axis; an axis of length 1 is broadcast over all indices."""
    return ops.take(x, 0 if x.shape[axis] == 1 else index, axis=axis)
