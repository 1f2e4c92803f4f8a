"""The gated PixelCNN (van den Oord et al. 2016b) over grids of integer codes, and drawing from it pixel by pixel."""

import math

import keras
from keras import layers, ops

from zoo.errors import InputError
from zoo.layers.causal import CodeInput, GatedBlock, MaskedDense

_HEAD = ("head_relu", "head", "outputs_relu", "outputs")
# Layers that look up what a class adds to the gates, each with the one that gives it the shape of a map.
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
    """A dict of codes and conditions to `(n, height, width, num_outputs)`, each pixel's from the earlier ones.

    The dict holds `codes`, integers `(n, height, width, channels)` from 0 to `levels` - 1; `labels`, integers `(n,)`,
    where there are classes; and `condition`, `(n, *condition_shape)`, where there is a map. `draw_codes` draws grids
    from it.

    Args:
        grid_shape: `(height, width, channels)` of the codes.
        levels: how many codes there are.
        num_outputs: parameters of a pixel's distribution.
        filters: features of each stack, a multiple of `channel_groups`.
        num_blocks: gated blocks; each extends what a pixel sees by `kernel_size // 2` to three sides.
        kernel_size, first_kernel_size: odd, at least 3; of all blocks but the first, and of the first.
        channel_groups: `channels` where the channels of a pixel depend on one another through the network, so that
            output `i` belongs to channel `i % channels`; 1 where outputs depend on earlier pixels alone.
        num_classes: classes that condition the gates by a vector each, or None.
        class_map_features: features of a map learned for each class that conditions the gates besides, or None.
        condition_shape: `(height or 1, width or 1, features)` of a map that conditions the gates, or None.
        embedding_dim: length of a learned vector for each code, for codes without an order such as those of a
            VQ-VAE; None takes them as grey values.

    Raises:
        InputError: `filters` is no multiple of `channel_groups`, or a kernel size is even or too small.
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
        # float32 whatever the policy: likelihoods are sums over thousands of pixels.
        MaskedDense(num_outputs, channel_groups, dtype="float32", name=_HEAD[3]),
    )
    outputs = horizontal
    for layer in head:
        outputs = layer(outputs)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="pixel_cnn")


def draw_codes(network, draw, noise, codes, keep, conditions):
    """Draws a grid of codes in raster order, computing for each pixel only what is new.

    The vertical stack goes row by row, on the few rows that its kernels cover; the horizontal one pixel by pixel, on
    the few pixels. Given the same noise, the codes are those that one gets by running the whole network for each pixel.

    Args:
        network: what `gated_pixel_cnn` returns.
        draw: function of one pixel's outputs `(n, num_outputs)`, its codes `(n, channels)`, of which earlier channels
            are set, the index of a channel, and the noise `(n,)`, that returns that channel's codes `(n,)`.
        noise: `(n, height, width, channels)`, handed to `draw`.
        codes: int32 codes of the same shape, of which those in `keep` are kept.
        keep: bool `(height, width)`.
        conditions: dict of what `network` takes besides codes.

    Returns:
        int32 codes of the shape of `noise`.
    """
    height, width, channels = network.input["codes"].shape[1:]
    number = ops.shape(noise)[0]
    embed = network.get_layer("code_input")
    blocks = [layer for layer in network.layers if isinstance(layer, GatedBlock)]
    head = [network.get_layer(name) for name in _HEAD]
    # Channels of one group come from the same outputs.
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
            # The first block does not cover the new row, which is yet to be drawn.
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


def _condition_maps(network, conditions):
    """The maps that condition the gates, in the order of the blocks' weights."""
    maps = []
    names = {layer.name for layer in network.layers}
    for embedding, reshape in _CLASS_LAYERS:
        if embedding in names:
            maps.append(network.get_layer(reshape)(network.get_layer(embedding)(conditions["labels"])))
    if "condition" in conditions:
        maps.append(ops.cast(conditions["condition"], network.get_layer("block_0").compute_dtype))
    return maps


def _append(window, new):
    """A window along axis 1 with one more entry at its end."""
    return ops.concatenate([window, new[:, None]], axis=1)


def _at(x, index, axis):
    """`x[index]` along an axis; an axis of length 1 stands for all indices."""
    return ops.take(x, 0 if x.shape[axis] == 1 else index, axis=axis)
