"""Emoji: line art with its colour picture (OpenMoji), and the same signs by two designers (Noto and Twemoji)."""

import hashlib
import io
import json
import re

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from zoo.datasets.packages import Package, instructions, read
from zoo.errors import MissingDependencyError
from zoo.images import over_white

IMAGE_SHAPE, LINE_ART_SHAPE = (64, 64, 3), (64, 64, 1)
_OPENMOJI = Package(
    "npm", "openmoji", "17.0.0", 4339458, "55ee7d13485dec86e9f38c1f3a645a13382d33ff97c0cd845ee824b0aef45e68"
)
_NOTO = Package(
    "npm",
    "emoji-datasource-google",
    "16.0.0",
    74344091,
    "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438",
)
_TWEMOJI = Package(
    "npm",
    "emoji-datasource-twitter",
    "16.0.0",
    61683754,
    "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877",
)
_NAMES = Package(
    "npm", "emojibase-data", "17.0.0", 6711091, "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a"
)
_SKIN_TONES = re.compile(r"1f3f[b-f]")
# A flag consists of two regional indicator letters.
_FLAGS = re.compile(r"1f1(e[6-9a-f]|f[0-9a-f])")


def is_held_out(code):
    """Returns whether a sign belongs to `test`, as about a tenth do.

    Signs that begin with the same character belong to the same split, so that no sign of `test` is a variation of one
    in `train`.

    Args:
        code: str. The sign's characters as lower-case hexadecimal numbers, joined by hyphens.
    """
    first = code.split("-")[0]
    return hashlib.sha256(first.encode()).digest()[0] < 26


def _plain(code):
    """Removes the variation selectors, which only choose between picture and text, from a code."""
    return "-".join(part for part in code.lower().split("-") if part != "fe0f")


def _over_white(png):
    return np.asarray(over_white(Image.open(io.BytesIO(png), formats=("PNG",))))


def _by_code(package, manager, pattern):
    """Reads the files of a package whose names match a pattern, as a dict from code to bytes.

    The pattern has one group, which matches the code. Signs with skin tones are left out.
    """
    files = {
        re.fullmatch(pattern, name)[1].lower(): content for name, content in read(package, manager, pattern).items()
    }
    return {_plain(code): content for code, content in files.items() if not _SKIN_TONES.search(code)}


class _Emoji(tfds.core.GeneratorBasedBuilder):
    """Base class of both data sets: yields the signs that a subclass finds, in the order of their codes."""

    VERSION = tfds.core.Version("1.0.0")
    SKIP_REGISTERING = True

    def _split_generators(self, dl_manager):
        signs = self._signs(dl_manager)
        codes = {split: [code for code in sorted(signs) if is_held_out(code) == (split == "test")] for split in SPLITS}
        return {split: self._generate_examples(signs, codes[split]) for split in SPLITS}

    def _generate_examples(self, signs, codes):
        for code in codes:
            yield code, {"code": code, **signs[code]()}


SPLITS = ("train", "test")


class OpenmojiLineArt(_Emoji):
    """The TFDS data set `openmoji_line_art`: `source_image` is black line art and `image` the same sign in colour."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions([_OPENMOJI])

    def _info(self):
        features = tfds.features
        return tfds.core.DatasetInfo(
            builder=self,
            description="Emoji as line art and in colour at 64x64 pixels over white, without skin tones and flags.",
            license="OpenMoji, CC BY-SA 4.0 (https://openmoji.org)",
            homepage="https://openmoji.org",
            features=features.FeaturesDict(
                {
                    "image": features.Image(shape=IMAGE_SHAPE),
                    "source_image": features.Image(shape=LINE_ART_SHAPE),
                    "code": features.Text(),
                }
            ),
            disable_shuffling=True,
        )

    def _signs(self, dl_manager):
        try:
            from resvg_py import svg_to_bytes
        except ImportError as error:
            raise MissingDependencyError(
                f"Rendering emoji needs {error.name}: pip install 'generative-zoo[avatars]'."
            ) from error
        colour, black = (
            _by_code(_OPENMOJI, dl_manager, rf"package/{side}/svg/(.+)\.svg") for side in ("color", "black")
        )

        def render(svg):
            height, width, _ = IMAGE_SHAPE
            return _over_white(bytes(svg_to_bytes(svg.decode(), width=width, height=height, skip_system_fonts=True)))

        def pair(code):
            lines = np.asarray(Image.fromarray(render(black[code])).convert("L"))[..., None]
            return {"image": render(colour[code]), "source_image": lines}

        # The line art of flags is an empty frame.
        codes = {code for code in colour.keys() & black.keys() if not _FLAGS.match(code)}
        return {code: lambda code=code: pair(code) for code in codes}


class EmojiInTwoHands(_Emoji):
    """The TFDS data set `emoji_in_two_hands`: `source_image` by Noto, `image` by Twemoji, and a `caption`."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions([_NOTO, _TWEMOJI, _NAMES])

    def _info(self):
        features = tfds.features
        return tfds.core.DatasetInfo(
            builder=self,
            description=(
                "The emoji that both Noto and Twemoji draw, 64x64 pixels over white, without skin tones, with the name "
                "and tags that CLDR gives them."
            ),
            license="Noto Emoji: Apache-2.0; Twemoji: CC BY 4.0; names: emojibase-data, MIT, after Unicode CLDR",
            homepage="https://github.com/iamcal/emoji-data",
            features=features.FeaturesDict(
                {
                    "image": features.Image(shape=IMAGE_SHAPE),
                    "source_image": features.Image(shape=IMAGE_SHAPE),
                    "caption": features.Text(),
                    "code": features.Text(),
                }
            ),
            disable_shuffling=True,
        )

    def _signs(self, dl_manager):
        noto = _by_code(_NOTO, dl_manager, r"package/img/google/64/(.+)\.png")
        twemoji = _by_code(_TWEMOJI, dl_manager, r"package/img/twitter/64/(.+)\.png")
        (names,) = read(_NAMES, dl_manager, r"package/en/data\.json").values()
        described = {_plain(entry["hexcode"]): entry for entry in json.loads(names)}

        def pair(code):
            entry = described[code]
            caption = ", ".join([entry["label"], *entry.get("tags", ())])
            return {
                "image": _over_white(twemoji[code]),
                "source_image": _over_white(noto[code]),
                "caption": caption,
            }

        return {code: lambda code=code: pair(code) for code in noto.keys() & twemoji.keys() & described.keys()}
