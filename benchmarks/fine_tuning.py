"""Compares fine-tuning `dcgan_fashion_mnist_28` on 500 images of a new data set with training on them from scratch.

The data set is the Twemoji emoji in grey, light on dark like the garments, or some MNIST digits. The preset is
fine-tuned as it is, and with its discriminator shrunk and perturbed. All variants share networks, objective, batch size
and images. Each uses the best of several pairs of learning rates, which decay to 0. The generator's rate may warm up
first, because an untrained discriminator could lead it astray.

The Fréchet distance is to other *training* images of the data set, so that tuning never uses the test split. Digits are
compared on the features of the MNIST classifier, emoji on those of the garment classifier. Single runs differ by 0.2,
so one seed selects the two best rates of each variant, three seeds decide between them, and mean curves are compared.

The script prints the curves and the number of steps that each variant needs. Finished runs are stored in
`benchmarks/results`; remove them to train again.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recipes"))
# This import comes first because it configures TensorFlow.
import dcgan_fashion_mnist_28 as recipe

# isort: split

import keras
import numpy as np

import zoo
from zoo import data
from zoo.files import write_json
from zoo.images import grid, write_png
from zoo.metrics import features, frechet_distance, gaussian_statistics

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "fine_tuning"
DIGITS, IMAGES, BATCH_SIZE = (2, 4, 7), 500, 50
SCRATCH_STEPS, SCRATCH_EVERY = 5_000, 250
TUNED_STEPS, TUNED_EVERY = 1_000, 50
SEEDS, FINALISTS = (0, 1, 2), 2
# Learning rates of generator and discriminator, and the generator's warm-up steps.
SCRATCH_RATES = (
    *((2e-3, 1e-3, 0), (4e-3, 1e-3, 0), (8e-3, 1e-3, 0), (8e-3, 5e-4, 0), (8e-3, 2.5e-4, 0), (8e-3, 1.25e-4, 0)),
    *((1.6e-2, 5e-4, 0), (1.6e-2, 2.5e-4, 0), (8e-3, 2.5e-4, 200), (1.6e-2, 2.5e-4, 200)),
)
TUNED_RATES = (
    *((2e-3, 1e-3, 0), (4e-3, 1e-3, 0), (8e-3, 1e-3, 0), (1.6e-2, 1e-3, 0), (4e-3, 2e-3, 0), (4e-3, 5e-4, 0)),
    *((8e-3, 5e-4, 0), (8e-3, 2.5e-4, 0), (1.6e-2, 5e-4, 0), (1.2e-2, 5e-4, 200)),
)
PERTURBED_RATES = (
    *((1.6e-2, 5e-4, 0), (1.6e-2, 2.5e-4, 0), (1.6e-2, 1.25e-4, 0)),
    *((1.2e-2, 5e-4, 200), (1.6e-2, 5e-4, 200), (1.2e-2, 1e-3, 200)),
)
SAMPLES = 2_000


class Slope(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly from 0 for `warm_up` steps and then falls linearly to 0 at `steps`."""

    def __init__(self, rate, steps, warm_up=0):
        self._rate, self._steps, self._warm_up = rate, steps, warm_up

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        rising = (step + 1.0) / max(1, self._warm_up)
        falling = (self._steps - step) / (self._steps - self._warm_up)
        return self._rate * keras.ops.minimum(rising, falling)


class Curve(keras.callbacks.Callback):
    """Records the Fréchet distance every `every` steps."""

    def __init__(self, distance, every):
        super().__init__()
        self._distance, self._every, self._step, self.points = distance, every, 0, []

    def on_train_batch_end(self, batch, logs=None):
        self._step += 1
        if self._step % self._every == 0:
            self.points.append((self._step, self._distance(self.model)))


def pretrained():
    return zoo.load("dcgan_fashion_mnist_28")


def perturbed():
    model = pretrained()
    model.shrink_and_perturb()
    return model


def lowest(curve):
    """The point of a curve with the smallest distance."""
    return min(curve, key=lambda point: point[1])


def run(name, build, rates, seed, steps, every, images, distance):
    """Trains one model for `steps` steps; returns its curve of (step, distance)."""
    generator_rate, discriminator_rate, warm_up = rates
    parts = [name, f"{generator_rate:g}", f"{discriminator_rate:g}"]
    path = RESULTS / "-".join(parts + [f"warm_up{warm_up}"] * bool(warm_up) + [f"seed{seed}"] * bool(seed))
    result = path.with_name(f"{path.name}.json")
    if result.exists():
        return json.loads(result.read_text())
    keras.utils.set_random_seed(seed)
    model = build()
    schedules = Slope(generator_rate, steps, warm_up), Slope(discriminator_rate, steps)
    model.compile(*(keras.optimizers.Adam(schedule, *recipe.BETAS) for schedule in schedules))
    curve = Curve(distance, every)
    model.fit(images, batch_size=BATCH_SIZE, epochs=steps // (len(images) // BATCH_SIZE), callbacks=[curve], verbose=0)
    write_png(path.with_name(f"{path.name}.png"), grid(model.generate(64, seed=0)), scale=2)
    write_json(result, curve.points)
    return curve.points


def digits(data_dir):
    """The MNIST digits, and the data set on whose classifier's features they are compared."""
    mnist = data.read("mnist", recipe.IMAGE_SHAPE, data_dir=data_dir)
    return mnist.images[np.isin(mnist.labels, DIGITS)], "mnist"


def emoji(data_dir):
    """The emoji, shuffled because they are sorted by subject, and the data set whose classifier compares them."""
    signs = data.read("emoji_in_two_hands", recipe.IMAGE_SHAPE, data_dir=data_dir).images
    return 255 - np.random.default_rng(0).permutation(signs), "fashion_mnist"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir")
    parser.add_argument("--set", choices=("digits", "emoji"), default="emoji")
    args = parser.parse_args()
    chosen, trained_on = {"digits": digits, "emoji": emoji}[args.set](args.data_dir)
    images, others = chosen[:IMAGES], chosen[IMAGES:]
    network = features.load(features.default_for(trained_on))
    real = gaussian_statistics(network(others))

    def distance(model):
        return frechet_distance(*gaussian_statistics(network(model.generate(SAMPLES, seed=0))), *real)

    def mean_curve(name, build, rates, steps, every):
        def curve(setting, seed):
            return run(f"{args.set}-{name}", build, setting, seed, steps, every, images, distance)

        def described(generator_rate, discriminator_rate, warm_up):
            after = f", warmed up for {warm_up} steps" if warm_up else ""
            return f"rates {generator_rate:g} and {discriminator_rate:g}{after}"

        first = {setting: curve(setting, SEEDS[0]) for setting in rates}
        for setting, found in first.items():
            step, value = lowest(found)
            print(f"{name}, {described(*setting)}: lowest {value:.2f} at step {step}")
        means = []
        for setting in sorted(first, key=lambda setting: lowest(first[setting])[1])[:FINALISTS]:
            curves = np.array([curve(setting, seed) for seed in SEEDS])
            means.append(list(zip(curves[0, :, 0].astype(int), curves[:, :, 1].mean(0), strict=True)))
            points = ", ".join(f"{step}: {value:.2f}" for step, value in means[-1])
            print(f"{name}, {described(*setting)}, mean of {len(SEEDS)} seeds: {points}")
        return min(means, key=lambda mean: lowest(mean)[1])

    print(f"The {IMAGES} images themselves: {frechet_distance(*gaussian_statistics(network(images)), *real):.2f}")
    scratch = mean_curve("scratch", recipe.build, SCRATCH_RATES, SCRATCH_STEPS, SCRATCH_EVERY)
    goal_step, goal = lowest(scratch)
    print(f"Best from scratch: {goal:.2f} at step {goal_step}.")
    for name, build, rates in (("tuned", pretrained, TUNED_RATES), ("perturbed", perturbed, PERTURBED_RATES)):
        curve = mean_curve(name, build, rates, TUNED_STEPS, TUNED_EVERY)
        reached = next((step for step, value in curve if value <= goal), None)
        if reached is None:
            print(f"{name} did not reach it in {TUNED_STEPS} steps; its best is {lowest(curve)[1]:.2f}.")
        else:
            print(f"{name} reaches it at step {reached}, {reached / SCRATCH_STEPS:.3f} of {SCRATCH_STEPS} steps.")


if __name__ == "__main__":
    main()
