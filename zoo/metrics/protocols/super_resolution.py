"""Distances of enlarged images to the originals."""

import numpy as np

from zoo import data
from zoo.bicubic import resize_bicubic
from zoo.metrics import features
from zoo.metrics.pixels import psnr_luma
from zoo.metrics.protocols.figures import FULL, figure
from zoo.progress import bar

#: Networks of the perceptual distance between an enlarged picture and its original, trained on faces and flowers.
PERCEPTUAL_FEATURES = ("classifier_avatars_64", "classifier_tf_flowers_64")


def upscaling(model, dataset, *, size=FULL, data_dir=None):
    """Computes how close downscaled test images come to the originals after upscaling by the model or bicubically."""
    images = data.read(dataset, model.image_shape, split="test", data_dir=data_dir).images[: size.images]
    return upscaling_of(model, images, f"test_{dataset}")


def upscaling_of(model, pictures, name):
    """Computes `upscaling`, PSNR and perceptual distance, on uint8 pictures `(h, w, c)` of any size, such as Set5.

    As in papers, the pictures are cropped to sides that `scale` divides, downscaled by MATLAB's bicubic `imresize`, and
    compared without a border of `scale` pixels, with the PSNR on luma.
    """
    scale, figures = model.scale, {}
    looks = {network: features.PerceptualDistance(network) for network in PERCEPTUAL_FEATURES}
    sides = [[side // scale for side in picture.shape[:2]] for picture in pictures]
    large = [
        picture[: height * scale, : width * scale] for picture, (height, width) in zip(pictures, sides, strict=True)
    ]
    small = [resize_bicubic(picture, size) for picture, size in zip(large, sides, strict=True)]

    def bicubic(image):
        return resize_bicubic(image, [scale * side for side in image.shape[:2]])

    def inner(image):
        cut = image[scale:-scale, scale:-scale]
        # The feature networks take three channels.
        return np.broadcast_to(cut, (*cut.shape[:2], 3))

    for way, enlarge, how in (("", model.upscale, "by the model"), ("_bicubic", bicubic, "bicubically")):
        progress = bar(small, f"enlarging {how}", unit="image")
        pairs = [(truth, enlarge(image)) for truth, image in zip(large, progress, strict=True)]
        of = f"over {len(pairs)} images of {name}, shrunk bicubically {scale} times and enlarged {how}"
        figures[f"psnr_luma_x{scale}{way}_{name}"] = figure(
            [np.mean([psnr_luma(*pair, border=scale) for pair in pairs])], f"dB, mean PSNR of the luma {of}"
        )
        for network, distance in looks.items():
            figures[f"perceptual_x{scale}{way}_{name}_{network}"] = figure(
                [np.mean([distance(*map(inner, pair)) for pair in pairs])],
                f"mean distance in features of {network}, as LPIPS has it without its weights, {of}",
            )
    return figures
