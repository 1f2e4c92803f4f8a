"""beta-VAE on avatars (Higgins et al. 2017), with the directions of a smile, of glasses and of the head's rotation.

The directions are learned after training, from the training faces and their exact attributes.
"""

import zoo
import zoo.training.run as run
from zoo import data
from zoo.datasets import avatars
from zoo.training.face_directions import learn_face_directions

DATASET = "avatars"
LATENT_DIM, FILTERS, BETA = 64, 32, 2.0
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 15, 64, 1e-3, "mixed_bfloat16"
AMOUNTS = (0.9, 0.95, 1.0, 1.1, 1.25, 1.5)


def build():
    return zoo.BetaVAE(avatars.IMAGE_SHAPE, LATENT_DIM, filters=FILTERS, beta=BETA)


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION)
    train, attributes = recipe.read_avatars()
    model = build()
    metrics = [run.distance_to_train(recipe, model, every=5)]
    faces = data.ImageSet(train.images)
    stage = run.Stage(faces, recipe.epochs, BATCH_SIZE, LEARNING_RATE, metrics=metrics)
    run.train(recipe, model, [stage])
    learn_face_directions(model, train.images, attributes, AMOUNTS[:1] if recipe.smoke else AMOUNTS)
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
