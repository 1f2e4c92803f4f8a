"""Makes figures/attention_maps.png: where pixels of faces look, drawn by `sagan_avatars_64`.

    python docs/attention_maps.py

In each row a face with three query points, and for each of them the weights with which the generator's self-attention
takes features from the rest of the face (Zhang et al. 2019, figure 5): the brighter, the more.
"""

import argparse
from pathlib import Path

import keras
import numpy as np

import zoo
from zoo import latents
from zoo.images import grid, write_png

FIGURE = Path(__file__).parent / "figures" / "attention_maps.png"
FACES, SEED = 8, 0
# Of an eye, a corner of the mouth, and the background, (y, x) as shares of the sides; and the colours of their marks.
POINTS = {(0.45, 0.4): (255, 0, 0), (0.65, 0.55): (0, 200, 0), (0.15, 0.1): (0, 0, 255)}


def attention_of(model, rows):
    """The weights of every query, `(n, h, w, h / 2, w / 2)`, in the averaged generator."""
    generator = model.ema_generator
    layer = generator.get_layer("attention")
    features = keras.Model(generator.inputs, layer.input).predict_on_batch(rows)
    height, width = features.shape[1:3]
    weights = keras.ops.convert_to_numpy(layer.attention(features))
    return weights.reshape(-1, height, width, height // 2, width // 2)


def picture(model):
    rows = latents.sample(FACES, model.noise_shape, seed=SEED)
    images, weights = model.generate(latents=rows), attention_of(model, rows)
    height, width, _ = model.image_shape
    columns = [images.copy()]
    for (y, x), colour in POINTS.items():
        columns[0][:, int(y * height) - 1 : int(y * height) + 2, int(x * width) - 1 : int(x * width) + 2] = colour
        maps = weights[:, int(y * weights.shape[1]), int(x * weights.shape[2])]
        maps = maps / maps.max(axis=(1, 2), keepdims=True)
        large = maps.repeat(height // maps.shape[1], 1).repeat(width // maps.shape[2], 2)
        # Over the face in grey, so that one sees what is looked at.
        grey = images.mean(-1, keepdims=True) * 0.4
        columns.append((grey + (255 - grey) * large[..., None]).astype("uint8").repeat(3, -1))
    return grid(np.stack(columns, 1).reshape(-1, *model.image_shape), columns=len(columns))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="sagan_avatars_64", help="name or folder of a SAGAN")
    parser.add_argument("--output", type=Path, default=FIGURE)
    args = parser.parse_args()
    model = zoo.load(args.preset)
    if model.num_classes or model.image_shape[-1] != 3:
        parser.error(f"--preset is {args.preset}, expected a SAGAN of colour images without classes")
    write_png(args.output, picture(model), scale=2)


if __name__ == "__main__":
    main()
