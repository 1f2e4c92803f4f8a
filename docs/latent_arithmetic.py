"""Makes figures/latent_interpolation.png and figures/latent_arithmetic.png, and has the arithmetic judged.

    python docs/latent_arithmetic.py

*Man with glasses - man without + woman without = woman with glasses* (Radford et al. 2016, section 6.3.2). Each man is
the mean of many latents whose images the attribute classifier reads so, each woman a single latent. The paper took the
mean of three on all sides; the mean of few men still holds much else that the two groups differ in by chance. Means are
shorter than the latents that the generator knows, so the picture shows them drawn out to the usual length.
"""

from pathlib import Path

import numpy as np

import zoo
from zoo import latents
from zoo.datasets import avatars
from zoo.images import grid, write_png
from zoo.metrics.editing import kept_shares
from zoo.metrics.features import AvatarAttributes

FIGURES = Path(__file__).parent / "figures"
PRESET, SEED = "dcgan_avatars_64", 0
POOL, MEN, TRIPLES, SHOWN = 8_192, 512, 200, 6
INTERPOLATIONS, STEPS = 4, 9


def interpolation(model):
    """Rows from one random latent to another, along the great circle."""
    ends = latents.sample(2 * INTERPOLATIONS, model.noise_shape, seed=SEED)
    ways = latents.interpolate(ends[::2], ends[1::2], STEPS, spherical=True)
    images = model.generate(latents=np.swapaxes(ways, 0, 1).reshape(-1, *model.noise_shape))
    write_png(FIGURES / "latent_interpolation.png", grid(images, columns=STEPS), scale=2)


def triples(model, reader):
    """Latents of `TRIPLES` men with glasses, men without, and women without, each `(TRIPLES, d)`."""
    pool = latents.sample(POOL, model.noise_shape, seed=SEED)
    seen = reader(model.generate(latents=pool))
    man, glasses = seen["presentation"] == avatars.PRESENTATION.index("masculine"), seen["glasses"]
    stream = np.random.RandomState(SEED)

    def means(rows):
        return np.stack([latents.average(pool[stream.choice(rows, MEN, replace=False)]) for _ in range(TRIPLES)])

    women = np.flatnonzero(~man & ~glasses)[:TRIPLES]
    return means(np.flatnonzero(man & glasses)), means(np.flatnonzero(man & ~glasses)), pool[women]


def at_usual_length(means):
    return means * np.sqrt(means.shape[1]) / np.linalg.norm(means, axis=1, keepdims=True)


def arithmetic(model):
    """Draws the first triples and their results; prints what the classifier says of all."""
    reader = AvatarAttributes()
    with_glasses, without, women = triples(model, reader)
    terms = [at_usual_length(with_glasses), at_usual_length(without), women, with_glasses - without + women]
    images = [model.generate(latents=term) for term in terms]
    rows = np.stack([column[:SHOWN] for column in images], 1)
    write_png(FIGURES / "latent_arithmetic.png", grid(rows.reshape(-1, *model.image_shape), columns=4), scale=2)

    before, after = (reader(column) for column in images[2:])
    kept = kept_shares(before, after, "glasses")
    same_person = after["presentation"] == before["presentation"]
    print(f"{TRIPLES} triples: {np.mean(after['glasses']):.3f} have glasses,")
    print(f"{np.mean(after['glasses'] & same_person):.3f} have glasses and are women,")
    print("kept of the woman: " + ", ".join(f"{name} {share:.3f}" for name, share in kept.items()))
    print(f"the mean of these: {np.mean(list(kept.values())):.3f}")


def main():
    model = zoo.load(PRESET)
    interpolation(model)
    arithmetic(model)


if __name__ == "__main__":
    main()
