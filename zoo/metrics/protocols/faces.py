"""Metrics of models of the data set `avatars`, whose faces have known attributes."""

import numpy as np

from zoo.datasets import avatars, captions
from zoo.metrics import editing, features
from zoo.metrics.disentanglement import mutual_information_gap
from zoo.metrics.protocols.figures import FULL, figure
from zoo.metrics.protocols.held_out import MAX_TEST_FACES, held_out_faces

PROMPTS = 1_000
HELD_OUT_ATTRIBUTES = ("hair_style", "skin", "mouth")


def edits(model, *, size=FULL):
    """Computes how often edits of `avatars` faces change the intended attribute and keep the others."""
    number = min(MAX_TEST_FACES, size.test_images)
    faces, images = held_out_faces(number, model.image_shape)
    truth = [avatars.encode(face) for face in faces]
    reader, figures = features.AvatarAttributes(), {}
    for attribute in editing.COVERS.keys() & set(model.attributes):
        present = [face[attribute] for face in truth]
        ((flipped, kept),) = editing.edit_shares(model, images, present, attribute, reader)
        least = min(kept, key=kept.get)
        seen = ", where they show before and after" if least in ("eyes", "eyebrows") and attribute == "glasses" else ""
        of = (
            f"share of {number} test faces of avatars in which turning {attribute} on or off, by an amount of 1 or -1 "
            "with details kept,"
        )
        read = "as the attribute classifier reads them"
        figures[f"edit_{attribute}_flipped_test_avatars"] = figure([flipped], f"{of} does so, {read}")
        figures[f"edit_{attribute}_kept_test_avatars"] = figure(
            [kept[least]],
            f"{of} leaves {least} as it was{seen}, {read}; it leaves no other attribute less often",
        )
    return dict(sorted(figures.items()))


def disentanglement(model, *, size=FULL):
    """Computes the mutual information gap between a model's latents and the attributes of `avatars` faces."""
    number = min(MAX_TEST_FACES, size.test_images)
    faces, images = held_out_faces(number, model.image_shape)
    factors = [avatars.encode(face) for face in faces]
    gap, _ = mutual_information_gap(
        model.encode(images)[0], {name: np.array([face[name] for face in factors]) for name in avatars.CHOSEN}
    )
    names = ", ".join(name.replace("_", " ") for name in avatars.CHOSEN)
    protocol = (
        f"mutual information gap between the posterior's means of {number} test faces of avatars, in 20 bins, and "
        f"{names} (Chen et al. 2018)"
    )
    return {"mig_test_avatars": figure([gap], protocol)}


def prompt_agreement(model, *, size=FULL):
    """Computes how many of the attributes that captions name are visible in the images generated from them.

    The captions describe faces of the test split of `avatars`. All have the combination of hair style, skin and mouth
    that no face of the training split has.
    """
    number = min(PROMPTS, size.images)
    faces = [avatars.draw("test", index) for index in range(number)]
    described = [captions.caption(face, index, HELD_OUT_ATTRIBUTES) for index, face in enumerate(faces)]
    reader, shares, whole = features.AvatarAttributes(), [], []
    for seed in size.seeds:
        right = prompts_right(model, described, reader, seed)
        shares.append(np.mean(np.concatenate(right)))
        whole.append(np.mean([all(found) for found in right]))
    seeds = size.named_seeds
    of = f"{number} captions of test faces, of combinations that training lacks, as the attribute classifier reads them"
    return {
        "prompt_agreement_test_avatars": figure(shares, f"share right of all attributes named by {of}; seeds {seeds}"),
        "whole_prompts_test_avatars": figure(whole, f"share all of whose attributes are right of {of}; seeds {seeds}"),
    }


def prompts_right(model, described, reader, seed=0):
    """Determines which of the attributes that captions name are visible in the image generated from each.

    Args:
        model: model that generates from prompts.
        described: list of pairs of a text and the dict of attributes that it names, as `captions.caption` makes them.
        reader: `features.AvatarAttributes`.
        seed: seed of `generate`; default 0.

    Returns:
        List with a list of bools per caption, one for each attribute that it names.
    """
    seen = reader(model.generate(prompts=[text for text, _ in described], seed=seed))
    return [[seen[name][index] == value for name, value in named.items()] for index, (_, named) in enumerate(described)]
