"""Freely licensed photographs from Debian's wallpaper packages, cut into clean patches for super-resolution."""

import io

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from zoo.datasets.packages import Package, instructions, read

PATCH_SHAPE = (96, 96, 3)
# The factors by which photographs are shrunk before cutting, which removes sensor noise and JPEG artifacts.
SHRINKS = (2, 3, 4, 6, 8)
_STRIDE = 48
# The smallest mean difference of adjacent grey values. Patches below it, such as sky and out-of-focus areas, teach a
# model little.
_LEAST_DETAIL = 4.0
_PACKAGES = (
    Package(
        "apt",
        "budgie-backgrounds",
        "3.0-1",
        12169452,
        "b91c2d5209558bc11d8d3a161f22a608857e3f8c735980cfab0d6650b03014ca",
    ),
    Package(
        "apt",
        "lomiri-wallpapers-16.04",
        "20.04.0-4",
        15784080,
        "f74676719f9d0128e5310e65ef97d596bcece8b6a43524ab8949ee1be0a4f18c",
    ),
    Package(
        "apt",
        "lomiri-wallpapers-20.04",
        "20.04.0-4",
        11377568,
        "fbf4c3bcbfea7f70bc1f5ed270fe97995119d02e9102715e0377d877ee848b0b",
    ),
)
_BUDGIE = ("Budgie Desktop Developers", "CC0-1.0")
_AITZOL = ("Aitzol Berasategi", "CC-BY-4.0")
_PETER = ("Peter Nerlich", "CC-BY-SA-4.0")
_FREESPACE = ('Trevor "Freespace"', "CC-BY-4.0")
#: Author and licence of each photograph by its file name, from the packages' `debian/copyright`.
CREDITS = {
    **{
        f"{name}.jpg": _BUDGIE
        for name in (
            "abstract-spiral",
            "beacon-street-sunset",
            "blue-periwinkle",
            "canyon-wren",
            "casa-mila",
            "extreme-desert-hike",
            "high-trestle-trail",
            "lake-sherburne",
            "oakland-zoo-otters",
            "perched-osprey",
            "piazza-gae-aulenti",
            "roman-colosseum",
            "singaporean-cityscape",
            "tea-gardens",
        )
    },
    **{
        f"{name}_by_Aitzol_Berasategi.jpg": _AITZOL
        for name in ("aitzgorri", "friends", "life", "picosdeeuropa", "sunset")
    },
    "Bridge_by_Sander_Klootwijk.jpg": ("Sander Klootwijk", "CC-BY-SA-4.0"),
    "Dragonfly_by_Bolly.jpg": ("Bolly", "CC-BY-SA-4.0"),
    "Kleiber_by_Lukas_Baubkus.jpg": ("Lukas Baubkus", "CC-BY-SA-3.0"),
    "Picture_0B_by_freespace.jpg": _FREESPACE,
    "Picture_1A_by_freespace.jpg": _FREESPACE,
    "Wine_by_Jakkub_Mede.jpg": ("Jakub Mede", "CC-BY-4.0"),
    "free_by_Peter_Nerlich.jpg": _PETER,
    "seeding_by_Clements_Engelhardt.jpg": ("Clemens Engelhardt", "CC0-1.0"),
}
_TEST = ("beacon-street-sunset.jpg", "life_by_Aitzol_Berasategi.jpg", "perched-osprey.jpg")


def patches(photograph):
    """Cuts a Pillow image, at several reduced sizes, into patches `(n, *PATCH_SHAPE)` with enough detail."""
    found = []
    for shrink in SHRINKS:
        size = [side // shrink for side in photograph.size]
        small = np.asarray(photograph.resize(size, Image.Resampling.LANCZOS))
        height, width, _ = PATCH_SHAPE
        for top in range(0, small.shape[0] - height + 1, _STRIDE):
            for left in range(0, small.shape[1] - width + 1, _STRIDE):
                patch = small[top : top + height, left : left + width]
                if _detail(patch) >= _LEAST_DETAIL:
                    found.append(patch)
    return np.array(found, "uint8").reshape(-1, *PATCH_SHAPE)


def _detail(patch):
    grey = patch.mean(-1)
    return 0.5 * sum(np.abs(np.diff(grey, axis=axis)).mean() for axis in (0, 1))


def credits():
    """Returns the authors of all photographs and their licences as one line."""
    return ", ".join(sorted({f"{author} ({licence})" for author, licence in CREDITS.values()}))


class DebianPhotographs(tfds.core.GeneratorBasedBuilder):
    """The TFDS data set `debian_photographs`: patches of 96x96 pixels, with whole photographs held out in `test`."""

    VERSION = tfds.core.Version("2.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions(_PACKAGES)

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=(
                f"{len(CREDITS)} photographs from Debian's packages budgie-backgrounds and lomiri-wallpapers, shrunk "
                f"{', '.join(map(str, SHRINKS))} times and cut into patches."
            ),
            license=f"By photograph: {credits()}",
            homepage="https://tracker.debian.org/pkg/budgie-backgrounds",
            features=tfds.features.FeaturesDict(
                {"image": tfds.features.Image(shape=PATCH_SHAPE), "photograph": tfds.features.Text()}
            ),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        files = {}
        for package in _PACKAGES:
            files |= {
                name.rsplit("/", 1)[-1]: content for name, content in read(package, dl_manager, r".*\.jpg").items()
            }
        train = [name for name in CREDITS if name not in _TEST]
        return {"train": self._generate_examples(files, train), "test": self._generate_examples(files, _TEST)}

    def _generate_examples(self, files, names):
        number = 0
        for name in names:
            photograph = Image.open(io.BytesIO(files[name]), formats=("JPEG",)).convert("RGB")
            for patch in patches(photograph):
                yield number, {"image": patch, "photograph": name}
                number += 1
