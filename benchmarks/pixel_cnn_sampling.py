"""Measures how much faster `PixelCNN.generate` is than the textbook loop, which runs the whole network per pixel.

The loop is timed on a few pixels and extrapolated, because every pixel takes equally long. Its pixels are compared with
those of `generate` from the same noise.
"""

import argparse
import time

import keras
import numpy as np
from keras import ops

import zoo
from zoo import latents
from zoo.objectives import likelihoods

IMAGE_SHAPE, IMAGES, FILTERS, BLOCKS = (28, 28, 1), 64, 64, 10


class Loop(keras.Model):
    """One compiled step of the textbook loop: runs the network on whole images and uses one pixel."""

    def __init__(self, model):
        super().__init__(dtype="float32")
        self.network, self.likelihood, self.built = model.network, model.likelihood, True

    def call(self, inputs):
        codes, uniform, y, x = inputs
        outputs = ops.take(ops.take(self.network({"codes": codes}), y, axis=1), x, axis=1)
        return likelihoods.draw(self.likelihood.log_probabilities(outputs, codes[:, 0, 0], 0), uniform[:, 0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pixels", type=int, default=12, help="pixels that the loop draws, default 12")
    pixels = parser.parse_args().pixels
    height, width, _ = IMAGE_SHAPE
    if not 1 <= pixels <= height * width:
        parser.error(f"--pixels is {pixels}, expected a number from 1 to {height * width}")
    keras.utils.set_random_seed(0)
    model = zoo.PixelCNN(IMAGE_SHAPE, FILTERS, BLOCKS)

    begun = time.perf_counter()
    model.generate(IMAGES, seed=0)
    first = time.perf_counter() - begun
    begun = time.perf_counter()
    images = model.generate(IMAGES, seed=0)
    incremental = time.perf_counter() - begun

    noise = latents.sample(IMAGES, IMAGE_SHAPE, 0, distribution="uniform")
    loop = Loop(model).predict_on_batch
    # The loop draws the last pixels, so that it conditions on all pixels drawn before them.
    codes = np.where(images > 127, 1, 0).astype("int32")
    places = [divmod(index, width) for index in range(height * width - pixels, height * width)]
    for y, x in places:
        codes[:, y, x] = 0
    loop([codes, noise[:, 0, 0], np.int32(0), np.int32(0)])
    begun = time.perf_counter()
    for y, x in places:
        codes[:, y, x, 0] = loop([codes, noise[:, y, x], np.int32(y), np.int32(x)])
    naive = (time.perf_counter() - begun) / pixels * height * width

    agree = np.mean([codes[:, y, x] * 255 == images[:, y, x] for y, x in places])
    print(f"{IMAGES} images {height}x{width}, {BLOCKS} blocks of {FILTERS} filters")
    print(f"generate {incremental:.2f} s; the first time, with compiling, {first:.1f} s")
    print(
        f"loop {naive:.0f} s, scaled from {pixels} of {height * width} pixels: {naive / incremental:.0f} times as long"
    )
    print(f"{agree:.2%} of the loop's pixels are those of generate")


if __name__ == "__main__":
    main()
