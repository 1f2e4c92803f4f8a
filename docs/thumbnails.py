"""Makes the pictures of the README, figures/strip.png and figures/presets/*.png, from the bundled samples.png files.

    python docs/thumbnails.py

Each shows the first images of a preset's samples, not chosen. Palettes keep the files small.
"""

from pathlib import Path

from PIL import Image

from zoo import presets

FIGURES = Path(__file__).parent / "figures"
SIDE, GAP = 64, 2
# The strip's rows: presets, and how many images of each.
STRIP = (
    (("style_dcgan_avatars_64", 9), ("pix2pix_openmoji_64", 6)),
    (("conditional_gan_mnist_28", 4), ("big_gan_fashion_mnist_28", 5), ("srgan_photo_x4", 6)),
)
LARGEST_THUMBNAIL = 6_000  # bytes


def first_images(name, number):
    """The first images of a preset's samples.png, whose cells are as wide as the name says, drawn twice as large."""
    if name.endswith("_x4"):
        side, scale = 96, 1
    else:
        side, scale = int(name.rsplit("_", 1)[1]), 2
    with Image.open(presets.BUNDLED / name / "samples.png") as picture:
        picture = picture.convert("RGB").reduce(scale)
    columns = (picture.width - GAP) // (side + GAP)
    places = [(GAP + i % columns * (side + GAP), GAP + i // columns * (side + GAP)) for i in range(number)]
    return [picture.crop((left, top, left + side, top + side)) for left, top in places]


def row_of(images, side):
    """Images beside one another, each `side` pixels wide and high."""
    row = Image.new("RGB", (len(images) * (side + GAP) - GAP, side), "white")
    for index, image in enumerate(images):
        row.paste(image.resize((side, side), Image.Resampling.LANCZOS), (index * (side + GAP), 0))
    return row


def column_of(rows):
    column = Image.new("RGB", (rows[0].width, sum(row.height + GAP for row in rows) - GAP), "white")
    top = 0
    for row in rows:
        column.paste(row, (0, top))
        top += row.height + GAP
    return column


def thumbnail(name):
    """Three images of a preset in a row, or two rows of six where they are as small as MNIST's."""
    if name.endswith("_28"):
        images = first_images(name, 12)
        return column_of([row_of(images[:6], 31), row_of(images[6:], 31)])
    return row_of(first_images(name, 3), SIDE)


def write(picture, path, colors):
    picture.quantize(colors, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)


def write_thumbnail(name):
    path = FIGURES / "presets" / f"{name}.png"
    for colors in (48, 40, 32, 24):
        write(thumbnail(name), path, colors)
        if path.stat().st_size <= LARGEST_THUMBNAIL:
            return


def main():
    rows = [[image for name, number in row for image in first_images(name, number)] for row in STRIP]
    write(column_of([row_of(row, SIDE) for row in rows]), FIGURES / "strip.png", 256)
    (FIGURES / "presets").mkdir(exist_ok=True)
    for name in presets.list_presets():
        write_thumbnail(name)


if __name__ == "__main__":
    main()
