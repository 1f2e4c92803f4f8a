"""Single pictures as Pillow images or arrays: their conversion to 8 bits, and cropping and resizing to a shape."""

import os

import numpy as np
from PIL import Image

from zoo.arrays import as_array
from zoo.errors import InputError, check_image_shape, shown


def over_white(image):
    """Composites a Pillow image of any mode over white.

    Args:
        image: Pillow image.

    Returns:
        Pillow image of mode RGB.

    Raises:
        InputError: If `image` is not a Pillow image.
    """
    if not isinstance(image, Image.Image):
        raise InputError(f"image is {shown(image)}, expected a Pillow image.")
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def fit_image(image, image_shape):
    """Crops an image at its centre to the target's aspect ratio and resizes it.

    Args:
        image: uint8 or uint16 array of shape `(h, w)` or `(h, w, 1 | 3 | 4)`, or Pillow image. uint16 spans 0..65535.
        image_shape: tuple `(height, width, 1 | 3)`. The target. Grey images are repeated to three channels, colours
            become luma (ITU-R 601), and transparency is composited over white.

    Returns:
        uint8 array of `image_shape`. A uint8 array that already has this shape is returned as it is.

    Raises:
        InputError: If `image` or `image_shape` is not of this form, or a Pillow image holds floats or 32-bit integers.

    Example:

    ```python
    from PIL import Image
    from zoo.images import fit_image

    pixels = fit_image(Image.new("RGBA", (120, 80)), (64, 64, 3))
    ```
    """
    image_shape = check_image_shape(image_shape)
    height, width, channels = image_shape
    if channels not in (1, 3):
        raise InputError(f"image_shape is {image_shape}, expected 1 or 3 channels.")
    if isinstance(image, Image.Image):
        image = _to_eight_bits(image)
    else:
        image = as_array(image, "image")
        fits = image.ndim == 2 or (image.ndim == 3 and image.shape[-1] in (1, 3, 4))
        if image.dtype not in (np.uint8, np.uint16) or not fits or 0 in image.shape:
            raise InputError(
                f"image has dtype {image.dtype} and shape {image.shape}, expected uint8 or uint16 (h, w) or "
                "(h, w, 1, 3 or 4)."
            )
        if image.dtype == np.uint16:
            image = _of_sixteen_bits(image)
        if image.shape == image_shape:
            return image
        image = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    if _has_alpha(image):
        image = over_white(image)
    if image.mode == "LAB":
        # Pillow converts LAB to no other mode directly.
        image = image.convert("RGB")
    image = image.convert("L" if channels == 1 else "RGB")
    scale = min(image.width / width, image.height / height)
    crop_width, crop_height = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (image.width - crop_width) // 2, (image.height - crop_height) // 2
    # The image is cropped first because the filter of resize(box=...) looks beyond the box.
    image = cropped(image, (left, top, left + crop_width, top + crop_height))
    resized = np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))
    return resized[..., None] if channels == 1 else resized


def as_pixels(image):
    """Converts an array or a Pillow image to an array of pixels.

    Args:
        image: uint8 array of shape `(h, w)` or `(h, w, c)`, which is returned as it is, or Pillow image.

    Returns:
        uint8 array of the same shape, or of shape `(h, w, c)` for a Pillow image: grey or RGB, with an alpha channel
        if some pixel is transparent.

    Raises:
        InputError: If `image` is neither, or a Pillow image holds floats or 32-bit integers.
    """
    if isinstance(image, (str, os.PathLike)):
        raise InputError(
            f"image is {shown(image)}, expected an array or a Pillow image; zoo.images.read_picture reads a file."
        )
    if not isinstance(image, Image.Image):
        image = as_array(image, "image")
        if image.ndim not in (2, 3) or image.dtype != np.uint8 or 0 in image.shape:
            raise InputError(
                f"image has dtype {image.dtype} and shape {image.shape}, expected uint8 (h, w) or (h, w, channels)."
            )
        return image
    image = _to_eight_bits(image)
    grey = image.mode in ("1", "L", "LA")
    if _has_alpha(image):
        rgba = image.convert("RGBA")
        # An alpha channel that is opaque everywhere is dropped; palettes often have one.
        opaque = rgba.getchannel("A").getextrema()[0] == 255
        image = rgba.convert("L" if opaque else "LA") if grey else rgba.convert("RGB" if opaque else "RGBA")
    else:
        image = image.convert("L" if grey else "RGB")
    pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def cropped(image, box):
    """Crops like Pillow's `crop`, but without its process-wide pixel limit, at which that warns or fails."""
    left, top, right, bottom = box
    return image.transform((right - left, bottom - top), Image.Transform.EXTENT, box)


def _to_eight_bits(image):
    """Scales a 16-bit Pillow image to 8 bits, because Pillow's own conversion clips values at 255.

    Raises:
        InputError: If the image holds floats or 32-bit integers, whose range is unknown.
    """
    # Older versions of Pillow open 16-bit PNG files in mode "I".
    if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):
        kind = "floats" if image.mode == "F" else "32-bit integers"
        raise InputError(f"The image holds {kind}, expected 8 or 16 bits a channel.")
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray(_of_sixteen_bits(image))


def _of_sixteen_bits(values):
    return (np.asarray(values, "float32") / 257.0).round().clip(0, 255).astype("uint8")


def _has_alpha(image):
    return image.mode in ("P", "LA", "PA", "RGBA") or "transparency" in image.info
