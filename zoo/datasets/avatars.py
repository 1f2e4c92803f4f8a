"""Avatars: cartoon faces with exact attributes, in Pablo Stanley's style Avataaars as DiceBear draws it.

A face is a dict of attributes, `{"mouth": "sad", "rotation": -4.5, ...}`. `draw` chooses one, `render` draws it, and
the TFDS builder does both for every index of a split. Nothing is left to DiceBear's own chance.

Where a thing is covered, its attribute says `hidden`, and what may peep out is always drawn alike: no attribute
claims what the picture does not show.
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
# Far from the seeds that people pick, whose streams draw latents.
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
# The values of every attribute that is chosen, in the order of their integers, and what DiceBear calls them or which
# colour they are. What is hidden needs some value nevertheless.
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
# What follows from a chosen attribute: true, or the second value, where that has one of the values named here.
_DERIVED = {
    "presentation": ("hair_style", tuple(_MASCULINE_HAIR)),
    "long_hair": ("hair_style", ("straight", "parted", "wavy", "bob", "fringe", "curly", "mullet")),
    "smile": ("mouth", ("open_smile", "closed_smile")),
    "glasses": ("eyewear", ("round", "square", "sunglasses")),
}
MAX_ROTATION = 15.0

_HEADWEAR = ("hijab", "turban", "beanie")
# Half of the faces wear glasses; calm looks are the most common ones. All other values are equally likely.
_CHANCES = {
    "eyes": (0.4, 0.15, 0.15, 0.15, 0.15),
    "eyebrows": (0.5, 0.25, 0.25),
    "eyewear": (3 / 6, 1 / 6, 1 / 6, 1 / 6),
    "facial_hair": (0.4, 0.2, 0.2, 0.2),
}
# The head with all of its hair and a bit of the shoulders; nearer to the edge the tilted body would end in sight.
_SCALE, _TRANSLATE_Y = 1.15, 8


def draw(split, index):
    """The attributes of face `index` of a split, a function of these two alone.

    Returns:
        Dict of the name of the value for every attribute in `CHOSEN`, `mirrored` (bool: the whole face, which shows
        in hair and in eyes that look aside) and `rotation` (of the head, in degrees clockwise, from -15 to 15).
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
    """Whether a face belongs to `test`: a fifth of the combinations of hair style, skin and mouth do.

    They form a Latin square, so that both splits have every value, and each hair style with each skin and each mouth,
    equally often; a skin and a mouth meet in three or four of the 16 hair styles of `test`. Only the three together are
    new there, and what else the splits differ in is chance.
    """
    hair, skin, mouth = (CHOSEN[name].index(face[name]) for name in ("hair_style", "skin", "mouth"))
    return mouth == (hair + skin) % len(CHOSEN["mouth"])


def encode(face):
    """The attributes of a face as the data set has them: integers, booleans, the rotation, and what `derive` adds."""
    chosen = {name: values.index(face[name]) for name, values in CHOSEN.items()}
    return face | chosen | {name: value.item() for name, value in derive(chosen).items()}


def derive(attributes):
    """What follows from chosen attributes.

    Args:
        attributes: dict with at least `hair_style`, `mouth` and `eyewear`, integer arrays of one shape.

    Returns:
        Dict of arrays of that shape: `presentation` (0 feminine, 1 masculine) and the booleans `long_hair`, `smile`
        and `glasses`.
    """
    found = {}
    for name, (source, values) in _DERIVED.items():
        found[name] = np.isin(attributes[source], [CHOSEN[source].index(value) for value in values])
    return {**found, "presentation": found["presentation"].astype("int64")}


def render(face):
    """Draws a face as `draw` describes it: uint8 `(64, 64, 3)`.

    Raises:
        MissingDependencyError: the packages that draw are not installed.
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
    height, width, _ = IMAGE_SHAPE
    png = rasterize(str(avatar(style, options)), width=width, height=height, skip_system_fonts=True)
    return np.asarray(Image.open(io.BytesIO(png), formats=("PNG",)).convert("RGB"))


def check_renderer():
    """Raises `MissingDependencyError` where what draws avatars is not installed."""
    _renderer()


@functools.cache
def _renderer():
    """DiceBear's class, the style, and what turns SVG into PNG; imported only where something is drawn."""
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
    """The TFDS data set `avatars`, rendered where it is prepared: nothing is downloaded."""

    VERSION = tfds.core.Version("1.0.0")

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
                "Cartoon faces of 64x64 pixels with exact attributes. `presentation` is a convention of this data set: "
                "it says which hair styles a face is drawn from, and only masculine ones have facial hair. The "
                "combinations of hair style, skin and mouth in `test` never occur in `train`. Headwear has the "
                "colour of the clothes. Drawn by DiceBear in the style Avataaars, designed by Pablo Stanley."
            ),
            license=(
                "Remix of „Avataaars” (https://avataaars.com/) by „Pablo Stanley”, licensed under „Free for personal "
                "and commercial use” (https://avataaars.com/)"
            ),
            homepage="https://avataaars.com/",
            features=features.FeaturesDict(
                {"image": features.Image(shape=IMAGE_SHAPE), "attributes": features.FeaturesDict(attributes)}
            ),
            # Example i stays the i-th.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        # Now, before TFDS begins to write.
        _renderer()
        return {split: self._generate_examples(split) for split in SIZES}

    def _generate_examples(self, split):
        for index in range(SIZES[split]):
            face = draw(split, index)
            yield index, {"image": render(face), "attributes": encode(face)}
