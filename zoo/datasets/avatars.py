"""Avatars: cartoon faces with exact attributes, in Pablo Stanley's style Avataaars as DiceBear draws it.

A face is a dict of attributes, `{"mouth": "sad", "rotation": -4.5, ...}`. `draw` chooses a face, `render` draws it, and
the TFDS builder does both for every index of a split. DiceBear chooses nothing at random.

An attribute that is covered has the value `hidden`. The parts of it that may still show are always drawn alike, so that
no attribute claims anything the picture does not show.
"""

import functools
import importlib.resources
import io

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from zoo.errors import MissingDependencyError
from zoo.latents import stream

HIDDEN = "hidden"
IMAGE_SHAPE = (64, 64, 3)
SIZES = {"train": 40_000, "test": 5_000}
# These seeds are far from the ones that users pick, whose streams draw latents.
_SEEDS = {"train": 2**62, "test": 2**62 + 1}

_FEMININE_HAIR = {
    "straight": "straight02",
    "parted": "straight01",
    "wavy": "curvy",
    "bob": "bob",
    "fringe": "miaWallace",
    "curly": "curly",
    "bun": "bun",
    "hijab": "hijab",
}
_MASCULINE_HAIR = {
    "short": "shortFlat",
    "waved": "shortWaved",
    "cropped": "theCaesar",
    "mullet": "shaggyMullet",
    "quiff": "frizzle",
    "balding": "sides",
    "turban": "turban",
    "beanie": "winterHat03",
}
# Each table maps the values of an attribute, in the order of their integers, to DiceBear's name or to a colour. A
# hidden attribute also needs some value for the drawing.
_TABLES = {
    "hair_style": _FEMININE_HAIR | _MASCULINE_HAIR,
    "hair_color": {
        "black": "#1f1a1c",
        "brown": "#5a3422",
        "blonde": "#e2b84c",
        "red": "#c93305",
        "grey": "#b9b6bf",
        HIDDEN: "#1f1a1c",
    },
    "skin": {"deep": "#7d4f36", "brown": "#a9683f", "tan": "#d08b5b", "light": "#edb98a", "pale": "#ffdbb4"},
    "eyes": {
        "open": "default",
        "wide": "surprised",
        "sideways": "side",
        "happy": "happy",
        "closed": "closed",
        HIDDEN: "default",
    },
    "eyebrows": {
        "natural": "defaultNatural",
        "raised": "raisedExcitedNatural",
        "frowning": "angryNatural",
        HIDDEN: "defaultNatural",
    },
    "mouth": {
        "open_smile": "smile",
        "closed_smile": "twinkle",
        "serious": "serious",
        "sad": "sad",
        "shouting": "screamOpen",
    },
    "eyewear": {"none": None, "round": "round", "square": "prescription02", "sunglasses": "kurt"},
    "facial_hair": {
        "none": None,
        "moustache": "moustacheFancy",
        "short_beard": "beardLight",
        "full_beard": "beardMajestic",
    },
    "clothes": {
        "crew_neck": "shirtCrewNeck",
        "v_neck": "shirtVNeck",
        "hoodie": "hoodie",
        "blazer": "blazerAndShirt",
        "overall": "overall",
        HIDDEN: "shirtCrewNeck",
    },
    "clothes_color": {
        "charcoal": "#3c4048",
        "blue": "#5199e4",
        "red": "#e8504f",
        "green": "#4fae7b",
        "yellow": "#f6c945",
        "white": "#f6f6f6",
    },
    "background": {
        "grey": "#dcdfe4",
        "sky": "#b6e3f4",
        "lavender": "#c9c5f0",
        "denim": "#8ea6c8",
        "mint": "#c5ecd3",
        "rose": "#fbc8d4",
    },
}
CHOSEN = {name: tuple(table) for name, table in _TABLES.items()}
PRESENTATION = ("feminine", "masculine")
# Each derived attribute is true, or has its second value, if the named attribute has one of the listed values.
_DERIVED = {
    "presentation": ("hair_style", tuple(_MASCULINE_HAIR)),
    "long_hair": ("hair_style", ("straight", "parted", "wavy", "bob", "fringe", "curly", "mullet")),
    "smile": ("mouth", ("open_smile", "closed_smile")),
    "glasses": ("eyewear", ("round", "square", "sunglasses")),
}
MAX_ROTATION = 15.0

_HEADWEAR = ("hijab", "turban", "beanie")
# Half of the faces wear glasses, and calm expressions are the most common. All other values are equally likely.
_CHANCES = {
    "eyes": (0.4, 0.15, 0.15, 0.15, 0.15),
    "eyebrows": (0.5, 0.25, 0.25),
    "eyewear": (3 / 6, 1 / 6, 1 / 6, 1 / 6),
    "facial_hair": (0.4, 0.2, 0.2, 0.2),
}
# The picture shows the head with all of its hair and part of the shoulders. At a smaller scale or translation, the
# lower end of a tilted body would be visible.
_SCALE, _TRANSLATE_Y = 1.15, 8


def draw(split, index):
    """Draws the attributes of face `index` of a split, which depend on these two arguments alone.

    Args:
        split: `"train"` or `"test"`.
        index: int. Index of the face.

    Returns:
        A dict with the value of every attribute in `CHOSEN`, `mirrored` (bool: whether the whole face is mirrored,
        which shows in the hair and in eyes that look aside) and `rotation` (float: of the head, in degrees clockwise
        from -15 to 15).
    """
    random = stream(_SEEDS[split], index)
    while True:
        face = _draw(random)
        if is_held_out(face) == (split == "test"):
            return face


def _draw(random):
    masculine = bool(random.randint(2))
    tables = {**_TABLES, "hair_style": _MASCULINE_HAIR if masculine else _FEMININE_HAIR}
    face = {}
    for name, table in tables.items():
        values = [value for value in table if value != HIDDEN]
        face[name] = values[random.choice(len(values), p=_CHANCES.get(name))]
    face["mirrored"] = bool(random.randint(2))
    face["rotation"] = round(random.uniform(-MAX_ROTATION, MAX_ROTATION), 1)
    if not masculine:
        face["facial_hair"] = "none"
    if face["hair_style"] in _HEADWEAR and face["facial_hair"] == "none":
        face["hair_color"] = HIDDEN
    if face["hair_style"] == "hijab":
        face["clothes"] = HIDDEN
    if face["eyewear"] == "sunglasses":
        face["eyes"] = face["eyebrows"] = HIDDEN
    return face


def is_held_out(face):
    """Returns whether a face belongs to `test`, as a fifth of the combinations of hair style, skin and mouth do.

    These combinations form a Latin square: both splits contain every value, and every pair of a hair style with a skin
    or with a mouth, equally often. A pair of a skin and a mouth occurs with three or four of the 16 hair styles in
    `test`. Only the combination of all three is new in `test`; any other difference between the splits is random.
    """
    hair, skin, mouth = (CHOSEN[name].index(face[name]) for name in ("hair_style", "skin", "mouth"))
    return mouth == (hair + skin) % len(CHOSEN["mouth"])


def encode(face):
    """Returns the attributes of a face as in the data set: integers, booleans, the rotation, and those of `derive`."""
    chosen = {name: values.index(face[name]) for name, values in CHOSEN.items()}
    return face | chosen | {name: value.item() for name, value in derive(chosen).items()}


def derive(attributes):
    """Derives further attributes from the chosen ones.

    Args:
        attributes: dict with at least `hair_style`, `mouth` and `eyewear`, int arrays of the same shape.

    Returns:
        A dict of arrays of that shape: `presentation` (0 feminine, 1 masculine) and the booleans `long_hair`, `smile`
        and `glasses`.
    """
    found = {}
    for name, (source, values) in _DERIVED.items():
        found[name] = np.isin(attributes[source], [CHOSEN[source].index(value) for value in values])
    return {**found, "presentation": found["presentation"].astype("int64")}


def render(face, side=IMAGE_SHAPE[0]):
    """Renders a face as a uint8 array `(side, side, 3)`.

    Args:
        face: dict of attributes, as `draw` returns it.
        side: int, at least 1. Height and width in pixels. Defaults to 64.

    Raises:
        MissingDependencyError: If the packages for rendering are not installed.
    """
    avatar, style, rasterize = _renderer()
    drawn = {name: table[face[name]] for name, table in _TABLES.items()}
    options = {
        "topVariant": drawn["hair_style"],
        "hairColor": drawn["hair_color"],
        "hatColor": drawn["clothes_color"],
        "skinColor": drawn["skin"],
        "eyesVariant": drawn["eyes"],
        "eyebrowsVariant": drawn["eyebrows"],
        "mouthVariant": drawn["mouth"],
        "accessoriesVariant": drawn["eyewear"] or [],
        "accessoriesProbability": 100,
        "accessoriesColor": "#262e33",
        "facialHairVariant": drawn["facial_hair"] or [],
        "facialHairProbability": 100,
        "facialHairColor": drawn["hair_color"],
        "clothesVariant": drawn["clothes"],
        "clothesColor": drawn["clothes_color"],
        "backgroundColor": drawn["background"],
        "flip": "horizontal" if face["mirrored"] else "none",
        "rotate": face["rotation"],
        "scale": _SCALE,
        "translateY": _TRANSLATE_Y,
    }
    png = rasterize(str(avatar(style, options)), width=side, height=side, skip_system_fonts=True)
    return np.asarray(Image.open(io.BytesIO(png), formats=("PNG",)).convert("RGB"))


def check_renderer():
    """Raises `MissingDependencyError` if the packages for rendering are not installed."""
    _renderer()


@functools.cache
def _renderer():
    """Returns DiceBear's avatar class, the style and the SVG rasterizer, which are imported only for rendering."""
    try:
        from dicebear import Avatar, Style
        from resvg_py import svg_to_bytes

        definition = importlib.resources.files("dicebear_styles") / "avataaars.json"
    except ImportError as error:
        raise MissingDependencyError(
            f"Rendering avatars needs {error.name}: pip install 'generative-zoo[avatars]'."
        ) from error
    return Avatar, Style.from_json(definition.read_text(encoding="utf-8")), svg_to_bytes


class Avatars(tfds.core.GeneratorBasedBuilder):
    """The TFDS data set `avatars`, which is rendered locally without a download.

    Example:

    ```python
    from zoo.datasets import avatars

    image = avatars.render(avatars.draw("train", index=0))  # uint8, (64, 64, 3)
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    #: Height and width of the images.
    side = IMAGE_SHAPE[0]

    def _info(self):
        features = tfds.features
        attributes = {name: features.ClassLabel(names=values) for name, values in CHOSEN.items()}
        attributes |= {name: features.Scalar(np.bool_) for name in _DERIVED} | {
            "presentation": features.ClassLabel(names=PRESENTATION),
            "mirrored": features.Scalar(np.bool_),
            "rotation": features.Scalar(np.float32),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=(
                f"Cartoon faces of {self.side}x{self.side} pixels with exact attributes. `presentation` is a "
                "convention of this data set: it says which hair styles a face is drawn from, and only masculine "
                "ones have facial hair. The combinations of hair style, skin and mouth in `test` never occur in "
                "`train`. Headwear has the colour of the clothes. Drawn by DiceBear in the style Avataaars, "
                "designed by Pablo Stanley."
            ),
            license=(
                "Remix of „Avataaars” (https://avataaars.com/) by „Pablo Stanley”, licensed under „Free for personal "
                "and commercial use” (https://avataaars.com/)"
            ),
            homepage="https://avataaars.com/",
            features=features.FeaturesDict(
                {
                    "image": features.Image(shape=(self.side, self.side, 3)),
                    "attributes": features.FeaturesDict(attributes),
                }
            ),
            # Without shuffling, example i is face i.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        # A missing package is reported here, before TFDS starts to write.
        _renderer()
        return {split: self._generate_examples(split) for split in SIZES}

    def _generate_examples(self, split):
        for index in range(SIZES[split]):
            face = draw(split, index)
            yield index, {"image": render(face, self.side), "attributes": encode(face)}


class Avatars128(Avatars):
    """The TFDS data set `avatars128`: the same faces at 128x128 pixels."""

    side = 128
