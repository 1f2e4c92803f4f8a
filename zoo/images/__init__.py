"""Images as arrays: checks, value ranges, resizing, grids.

Everywhere in the zoo, uint8 means 0..255 and floats lie in [-1, 1]; arrays are NHWC.
"""

from zoo.images.drawing import (
    DRAWABLE,
    check_drawable,
    grid,
    png_bytes,
    write_gif,
    write_png,
    write_png_bands,
    write_pngs,
)
from zoo.images.fitting import as_pixels, fit_image, over_white
from zoo.images.reading import picture_sides, read_image, read_picture, read_sized_image
from zoo.images.values import RANGE_TOLERANCE, binarize, check_images, checked_floats, spans_bytes, to_float, to_uint8

__all__ = [
    "DRAWABLE",
    "RANGE_TOLERANCE",
    "as_pixels",
    "binarize",
    "check_drawable",
    "check_images",
    "checked_floats",
    "fit_image",
    "grid",
    "over_white",
    "picture_sides",
    "png_bytes",
    "read_image",
    "read_picture",
    "read_sized_image",
    "spans_bytes",
    "to_float",
    "to_uint8",
    "write_gif",
    "write_png",
    "write_png_bands",
    "write_pngs",
]
