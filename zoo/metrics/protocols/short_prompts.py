"""Measures whether images of short prompts vary as the faces of `avatars` do in what the prompts leave open."""

import functools

import numpy as np

from zoo.datasets import avatars
from zoo.metrics import features
from zoo.metrics.protocols.figures import FULL, figure

IMAGES = 500
# The values that each prompt admits. `captions` never calls sunglasses glasses, and names no hair colour of headwear.
SHORT_PROMPTS = (
    ("a face", {}),
    ("a person", {}),
    ("a woman", {"presentation": ("feminine",)}),
    ("a man", {"presentation": ("masculine",)}),
    ("a person with glasses", {"eyewear": ("round", "square")}),
    ("a person with no glasses", {"eyewear": ("none",)}),
    ("someone with sunglasses", {"eyewear": ("sunglasses",)}),
    ("a person with curly hair", {"hair_style": ("curly",)}),
    ("a person with a beanie", {"hair_style": ("beanie",)}),
    ("a person with brown skin", {"skin": ("brown",)}),
    ("a person with closed eyes", {"eyes": ("closed",)}),
    ("a person, smiling", {"mouth": ("open_smile", "closed_smile")}),
    ("someone in a hoodie", {"clothes": ("hoodie",)}),
    ("a person on a mint background", {"background": ("mint",)}),
    ("a woman with red hair", {"presentation": ("feminine",), "hair_color": ("red",)}),
    ("a lady with raised eyebrows", {"presentation": ("feminine",), "eyebrows": ("raised",)}),
    ("a woman, screaming", {"presentation": ("feminine",), "mouth": ("shouting",)}),
    ("a man with a full beard", {"presentation": ("masculine",), "facial_hair": ("full_beard",)}),
    ("a guy with pale skin", {"presentation": ("masculine",), "skin": ("pale",)}),
    ("a man with round glasses", {"presentation": ("masculine",), "eyewear": ("round",)}),
)
_VALUES = {**avatars.CHOSEN, "presentation": avatars.PRESENTATION}


def prompt_variety(model, *, size=FULL):
    """Computes how far images of short prompts are from the data in the attributes that the prompts leave open.

    For each prompt and each attribute with several values among the training faces that match the prompt, the total
    variation distance compares the distribution of its values in the images with that among these faces.
    """
    number = min(IMAGES, size.images)
    reader, real = features.AvatarAttributes(), []
    drawn = [prompt_distances(model, number, reader, seed) for seed in size.seeds]
    for faces in _matching_faces(number):
        real += open_distances({name: values[:number] for name, values in faces.items()}, faces).values()
    protocol = (
        f"total variation distance of an attribute's values in {number} images of a prompt, as the attribute "
        "classifier reads them, from those of the training faces of avatars that match the prompt, {} over the "
        f"attributes that {len(SHORT_PROMPTS)} prompts of at most two attributes leave open; seeds {size.named_seeds}; "
        "real: as many of these faces in place of generated ones"
    )
    return {
        f"prompt_variety_{name}_avatars": figure(
            [statistic(found) for found in drawn], protocol.format(name), statistic(real)
        )
        for name, statistic in (("mean", np.mean), ("worst", np.max))
    }


def prompt_distances(model, number, reader, seed=0):
    """Returns the distances of `open_distances` of images of all short prompts, float `(n,)`.

    Args:
        model: model that generates from prompts.
        number: int from 1 to `IMAGES`. Images of each prompt.
        reader: `features.AvatarAttributes`.
        seed: seed of `generate`; default 0.
    """
    distances = []
    for (prompt, _), faces in zip(SHORT_PROMPTS, _matching_faces(number), strict=True):
        distances += open_distances(reader(model.generate(number, prompts=prompt, seed=seed)), faces).values()
    return np.array(distances)


def open_distances(seen, faces):
    """Returns the total variation distance of each attribute that varies among faces, as a dict by attribute.

    Args:
        seen: dict of int arrays `(n,)`, the attributes of images.
        faces: dict of int arrays `(m,)`, the attributes of the faces with which the images are compared.
    """
    shares = {
        name: [np.bincount(of[name], minlength=len(values)) / len(of[name]) for of in (seen, faces)]
        for name, values in avatars.CHOSEN.items()
    }
    return {name: 0.5 * np.abs(drawn - real).sum() for name, (drawn, real) in shares.items() if real.max() < 1}


@functools.lru_cache(maxsize=1)
def _matching_faces(number):
    """Returns, for each of the short prompts, the attributes of the training faces that match it.

    For fewer images than `IMAGES`, as large a share of the training faces is enough.
    """
    faces = [avatars.encode(avatars.draw("train", index)) for index in range(avatars.SIZES["train"] * number // IMAGES)]
    columns = {name: np.array([face[name] for face in faces]) for name in _VALUES}
    found = []
    for _, admitted in SHORT_PROMPTS:
        rows = np.ones(len(faces), bool)
        for name, values in admitted.items():
            rows &= np.isin(columns[name], [_VALUES[name].index(value) for value in values])
        found.append({name: column[rows] for name, column in columns.items()})
    return found
