"""beta-VAE on avatars (Higgins et al. 2017), with the directions of a smile, of glasses and of the head's rotation.

The directions are learned after training, from the training faces and their exact attributes.
"""

import _common
import numpy as np

import zoo
from zoo import data
from zoo.datasets import avatars
from zoo.metrics import editing, features

DATASET = "avatars"
LATENT_DIM, FILTERS, BETA = 64, 32, 2.0
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 15, 64, 1e-3, "mixed_bfloat16"
# Of the 40,000 training faces, the first ones that the directions are found on, the last that say how far to go.
LABELLED, TUNED = 39_000, 1_000
AMOUNTS = (0.9, 0.95, 1.0, 1.1, 1.25, 1.5)
# The values that an edit puts in and leaves behind; the others are told apart, as what comes along with the attribute.
KINDS = {"smile": {"mouth": ("open_smile", "sad")}, "glasses": {"eyewear": ("square", "none")}}


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    train, attributes = _common.read_avatars(args, "train")

    model = zoo.BetaVAE(avatars.IMAGE_SHAPE, LATENT_DIM, filters=FILTERS, beta=BETA)
    seconds = _common.train_alone(
        args,
        model,
        data.ImageSet(train.images),
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        metrics=[_common.distance_to_train(args, model, DATASET, every=5)],
    )
    learn(model, train.images, attributes, AMOUNTS[:1] if args.smoke else AMOUNTS)
    _common.finish(args, model, train=train, seconds=seconds, dataset=DATASET)


def learn(model, images, attributes, amounts):
    """Finds the directions of smile and glasses with one amount for all faces, and that of the head's pose."""
    # Without dark glasses, with which glasses would mean hidden eyes too.
    shown = np.flatnonzero(attributes["eyes"][:LABELLED] != avatars.CHOSEN["eyes"].index(avatars.HIDDEN))
    labelled, labels = images[shown], {name: values[shown] for name, values in attributes.items()}
    reader = features.AvatarAttributes()
    for attribute, kinds in KINDS.items():
        present, others = labels[attribute], one_hot(labels, kinds)
        model.learn_attribute(attribute, labelled, present, others)
        truth = attributes[attribute][-TUNED:]
        shares = editing.edit_shares(model, images[-TUNED:], truth, attribute, reader, amounts)
        for amount, (flipped, kept) in zip(amounts, shares, strict=True):
            print(f"{attribute}, amount {amount}: {flipped:.3f} change, {kept}")
        worst = [min(flipped, *kept.values()) for flipped, kept in shares]
        model.learn_attribute(attribute, labelled, present, others, scale=amounts[int(np.argmax(worst))])
    # Clockwise against counter-clockwise, with the rest as it is.
    model.learn_attribute("rotation", labelled, labels["rotation"] > 0, one_hot(labels))


def one_hot(attributes, left_out=None):
    """A column for every value of every attribute but those `left_out`, else its first, and but `hidden`."""
    left_out = {name: values[:1] for name, values in avatars.CHOSEN.items()} | (left_out or {})
    columns = [
        attributes[name] == index
        for name, values in avatars.CHOSEN.items()
        for index, value in enumerate(values)
        if value not in (*left_out[name], avatars.HIDDEN)
    ]
    return np.stack(columns, 1)


if __name__ == "__main__":
    main()
