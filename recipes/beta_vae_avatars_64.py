"""beta-VAE on avatars, with the directions in which a face smiles, wears glasses and turns its head."""

import _common
import numpy as np

import zoo
from zoo import data
from zoo.datasets import avatars
from zoo.metrics import editing, features

DATASET, LICENCE = "avatars", "free for personal and commercial use"
LATENT_DIM, FILTERS, BETA = 64, 32, 2.0
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 15, 64, 1e-3, "mixed_bfloat16"
# Of the training faces, those that the directions and how far to go along them are found on.
LABELLED, TUNED = 10_000, 1_000
AMOUNTS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)


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
    labelled = {name: values[:LABELLED] for name, values in attributes.items()}
    # Without dark glasses, with which glasses would mean hidden eyes too.
    shown = labelled["eyes"] != avatars.CHOSEN["eyes"].index(avatars.HIDDEN)
    examples = train.images[:LABELLED][shown], {name: values[shown] for name, values in labelled.items()}
    tuned = train.images[:TUNED], {name: values[:TUNED] for name, values in attributes.items()}
    learn(model, examples, tuned, AMOUNTS[:1] if args.smoke else AMOUNTS)
    _common.finish(args, model, train=train, seconds=seconds, dataset=DATASET, dataset_licence=LICENCE)


def learn(model, examples, tuned, amounts):
    """Finds the directions of smile and glasses with one amount for all faces, and that of the head's pose."""
    (images, attributes), (tuned_images, tuned_attributes), reader = examples, tuned, features.AvatarAttributes()
    for attribute, covered in editing.COVERS.items():
        present, others = attributes[attribute], one_hot(attributes, without=covered)
        model.learn_attribute(attribute, images, present, others)
        shares = editing.edit_shares(model, tuned_images, tuned_attributes[attribute], attribute, reader, amounts)
        for amount, (flipped, kept) in zip(amounts, shares, strict=True):
            print(f"{attribute}, amount {amount}: {flipped:.3f} change, {kept}")
        worst = [min(flipped, *kept.values()) for flipped, kept in shares]
        model.learn_attribute(attribute, images, present, others, scale=amounts[int(np.argmax(worst))])
    # Clockwise against counter-clockwise, with the rest as it is.
    model.learn_attribute("rotation", images, attributes["rotation"] > 0, one_hot(attributes))


def one_hot(attributes, without=()):
    """A column for every value of every attribute but its first, and but `hidden`, which follows from another."""
    chosen = {name: values for name, values in avatars.CHOSEN.items() if name not in without}
    columns = [
        attributes[name] == index
        for name, values in chosen.items()
        for index, value in enumerate(values)
        if index > 0 and value != avatars.HIDDEN
    ]
    return np.stack(columns, 1)


if __name__ == "__main__":
    main()
