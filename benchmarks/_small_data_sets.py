"""The data sets of `small_data.py`, on which no preset was trained, prepared from packages and kept in a cache folder.

| set | what | size | source | licence |
|---|---|---|---|---|
| glyphs | letters of many scripts, dark on light | 28x28 grey | Debian's fonts-noto-core | OFL-1.1 |
| symbols | symbols of user interfaces, dark on light | 28x28 grey | npm's bootstrap-icons | MIT |
| faces | cartoon faces in DiceBear's style Adventurer | 64x64 colour | dicebear-styles | CC BY 4.0, Lisa Wischofsky |
| icons | icons of programs | 64x64 colour | Debian's papirus-icon-theme | GPL-3 |
| objects | single things on white | 64x64 colour | Debian (see below) | CC BY 3.0 and CC0-1.0; GPL-2 |

`objects` are renders of furniture and household goods (sweethome3d-furniture, CC BY 3.0 and CC0-1.0), and cut-out
photographs of animals, plants, food and things, with a few drawings (tuxpaint-stamps-default, GPL-2).

The sets hold no near duplicates: of images whose thumbnails hardly differ, the first is kept. Then a random part
becomes the test images.

Preparing needs npm, apt-get, and the extras `avatars` and `benchmarks`, whose matplotlib brings fontTools.
"""

import importlib.resources
import io
import re
import unicodedata
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from zoo.datasets.packages import Package, read
from zoo.files import replacing
from zoo.images import fit_image, over_white
from zoo.neighbors import pairwise_squared_distances

_NOTO = Package(
    "apt",
    "fonts-noto-core",
    "20201225-2",
    12188336,
    "97978d09b68445fcf85342b106cd2e812d7813e3d5626f9884a5f344c3a55973",
)
_BOOTSTRAP = Package(
    "npm", "bootstrap-icons", "1.13.2", 883452, "7b5960145e1ab14a49a117f96a9e5a54a94fdf07f21e302d9e4f88d73dd19f9c"
)
_PAPIRUS = Package(
    "apt",
    "papirus-icon-theme",
    "20250501-1",
    22617900,
    "a66fa824a217bcd7326d5adb8b910da99b621757603274001f1db01dd0d97a0b",
)
_FURNITURE = Package(
    "apt",
    "sweethome3d-furniture",
    "1.8-1",
    119782356,
    "3ccb90c63f9525e887a767b9cd5c8b6933b8b6b2973a615a5359ee68a2118668",
)
_STAMPS = Package(
    "apt",
    "tuxpaint-stamps-default",
    "2025.03.31-1",
    80872956,
    "6312d03a37d0220b10fc91a7467bf2a2a2336e08c2f416de04311d25fd7aeacb",
)
GREY, COLOUR = (28, 28, 1), (64, 64, 3)
_FACES = 2_600
_FACE_BACKGROUNDS = ["#dcdfe4", "#b6e3f4", "#c9c5f0", "#c5ecd3", "#fbc8d4", "#f6e2b4"]
_GLYPHS_OF_A_SCRIPT = 60
# Thumbnails are compared, because a shift by one pixel does not make another image.
_THUMBNAIL = 16


class DataSet(NamedTuple):
    """Images on which no preset was trained, in random order and without near duplicates.

    Args:
        train, test: uint8 arrays `(n, height, width, channels)`.
    """

    train: np.ndarray
    test: np.ndarray


class _Downloads(NamedTuple):
    """What `zoo.datasets.packages.read` asks a download manager of TFDS for."""

    download_dir: str
    manual_dir: str


# === Drawing ===


def glyphs(downloads):
    """Letters of the scripts in Noto Sans, each drawn to fill its image."""
    from fontTools.ttLib import TTFont

    fonts = read(_NOTO, downloads, r".*/NotoSans[A-Z]\w*-Regular\.ttf")
    found, seen = [], set()
    for name in sorted(fonts):
        font = ImageFont.truetype(io.BytesIO(fonts[name]), 96)
        known = sorted(TTFont(io.BytesIO(fonts[name])).getBestCmap())
        letters = [code for code in known if unicodedata.category(chr(code))[0] == "L" and code not in seen]
        seen.update(letters)
        chosen = np.linspace(0, len(letters) - 1, min(len(letters), _GLYPHS_OF_A_SCRIPT)).astype(int)
        found += [image for index in chosen if (image := _glyph(font, chr(letters[index]))) is not None]
    return np.stack(found)


def _glyph(font, letter):
    left, top, right, bottom = font.getbbox(letter)
    if min(right - left, bottom - top) < 8:
        return None
    picture = Image.new("L", (right - left, bottom - top), 255)
    ImageDraw.Draw(picture).text((-left, -top), letter, fill=0, font=font)
    return _centred(picture, GREY, margin=3)


def _centred(picture, shape, margin):
    """Returns a picture, shrunk to leave a margin, in the middle of a white image."""
    height, width, channels = shape
    picture.thumbnail((width - 2 * margin, height - 2 * margin), Image.Resampling.LANCZOS)
    image = Image.new(picture.mode, (width, height), "white")
    image.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return np.asarray(image).reshape(height, width, channels)


def symbols(downloads):
    """Symbols of Bootstrap, without those that only fill another."""
    files = read(_BOOTSTRAP, downloads, r"package/icons/(?!.*-fill).+\.svg")
    return np.stack([_of_svg(files[name], (24, 24, 1), margin=2) for name in sorted(files)])


def icons(downloads):
    """Icons of programs; symbolic links to another icon are left out."""
    files = read(_PAPIRUS, downloads, r".*/Papirus/64x64/apps/.+\.svg")
    return np.stack([_of_svg(files[name], COLOUR) for name in sorted(files)])


def _of_svg(svg, shape, margin=0):
    from resvg_py import svg_to_bytes

    height, width, channels = shape
    png = bytes(svg_to_bytes(svg.decode(), width=width, height=height, skip_system_fonts=True))
    picture = over_white(Image.open(io.BytesIO(png), formats=("PNG",)))
    image = fit_image(picture, (picture.height, picture.width, channels))
    return np.pad(image, ((margin, margin), (margin, margin), (0, 0)), constant_values=255)


def faces(downloads):
    """Faces whose attributes DiceBear draws from their index."""
    from dicebear import Avatar, Style

    definition = importlib.resources.files("dicebear_styles") / "adventurer.json"
    style = Style.from_json(definition.read_text(encoding="utf-8"))
    options = {"backgroundColor": _FACE_BACKGROUNDS}
    drawn = (str(Avatar(style, {**options, "seed": f"face {index}"})) for index in range(_FACES))
    return np.stack([_of_svg(svg.encode(), COLOUR) for svg in drawn])


def objects(downloads):
    """Renders of furniture and cut-out photographs, in the middle of a white image."""
    pictures = []
    for library in read(_FURNITURE, downloads, r".*\.sh3f").values():
        with zipfile.ZipFile(io.BytesIO(library)) as archive:
            catalog = archive.read("PluginFurnitureCatalog.properties").decode("latin-1")
            names = sorted(set(re.findall(r"^icon#\d+\s*=\s*/?(.+?)\s*$", catalog, re.MULTILINE)))
            pictures += [archive.read(name) for name in names]
    stamps = read(_STAMPS, downloads, r".*/stamps/(animals|food|hobbies|household|plants|space|vehicles)/.+\.(png|svg)")
    # A stamp that has an SVG file is a drawing.
    pictures += [stamps[name] for name in sorted(stamps) if name.endswith(".png") and f"{name[:-4]}.svg" not in stamps]
    return np.stack([_object(picture) for picture in pictures])


def _object(png):
    picture = Image.open(io.BytesIO(png), formats=("PNG",)).convert("RGBA")
    return _centred(over_white(picture.crop(picture.getchannel("A").getbbox())), COLOUR, margin=2)


# === Preparing ===


class _Source(NamedTuple):
    """How a set is drawn, how many images are for testing, and how different (RMS of thumbnails) images must be."""

    draw: object
    test: int
    distance: float


SOURCES = {
    "glyphs": _Source(glyphs, 500, 45.0),
    "symbols": _Source(symbols, 300, 30.0),
    "faces": _Source(faces, 500, 8.0),
    "icons": _Source(icons, 500, 34.0),
    "objects": _Source(objects, 300, 16.0),
}


def load(name, folder):
    """Returns a data set, which is prepared at the first call.

    Args:
        name: str, one of `SOURCES`.
        folder: path of the cache folder. Packages in its folder `downloads` are not downloaded.

    Returns:
        `DataSet`.
    """
    path = Path(folder) / f"{name}.npz"
    if not path.exists():
        downloads = Path(folder) / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        source = SOURCES[name]
        train, test = divided(source.draw(_Downloads(str(downloads), str(downloads))), source.test, source.distance)
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, train=train, test=test)
    with np.load(path) as arrays:
        return DataSet(arrays["train"], arrays["test"])


def divided(images, number, distance):
    """Drops near duplicates, shuffles, and returns the training images and `number` test images."""
    images = images[distinct(images, distance)]
    images = np.random.RandomState(0).permutation(images)
    return images[number:], images[:number]


def distinct(images, distance):
    """Returns the indices of images whose thumbnails differ, by this RMS in levels of 255, from all kept before."""
    size = (_THUMBNAIL, _THUMBNAIL)
    small = [np.asarray(Image.fromarray(image.squeeze()).resize(size, Image.Resampling.BOX)) for image in images]
    pixels = np.reshape(small, (len(images), -1)).astype("float32")
    near = pairwise_squared_distances(pixels, pixels) < distance**2 * pixels.shape[1]
    kept = []
    for index, row in enumerate(near):
        if not row[kept].any():
            kept.append(index)
    return np.array(kept)
