"""Compares fine-tuning `dcgan_fashion_mnist_28` on 500 images of a new data set with training on them from scratch.

The data set is the Twemoji emoji in grey, light on dark like the garments, or some MNIST digits. The preset is
fine-tuned as it is, and with its discriminator shrunk and perturbed. All variants share networks, objective, batch size
and images. Each uses the best of several pairs of learning rates, which decay to 0. The generator's rate may warm up
first, because an untrained discriminator could lead it astray.

The Fréchet distance is to other *training* images of the data set, so that tuning never uses the test split. Digits are
compared on the features of the MNIST classifier, emoji on those of the garment classifier. Single runs differ by 0.2,
so one seed selects the two best rates of each variant, three seeds decide between them, and mean curves are compared.

The script prints the curves and the number of steps that each variant needs.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recipes"))
# This import comes first because it configures TensorFlow.
import dcgan_fashion_mnist_28 as recipe

# isort: split

import _results
import keras
import numpy as np

import zoo
from zoo import data
from zoo.metrics import features, frechet_distance, gaussian_statistics

NAME, PRESET = "fine_tuning", "dcgan_fashion_mnist_28"
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
    return zoo.load(PRESET)


def perturbed():
    model = pretrained()
    model.shrink_and_perturb()
    return model


# How each start builds its model, the rates that it tries, its number of steps, and how often it is measured.
STARTS = {
    "scratch": (recipe.build, SCRATCH_RATES, SCRATCH_STEPS, SCRATCH_EVERY),
    "tuned": (pretrained, TUNED_RATES, TUNED_STEPS, TUNED_EVERY),
    "perturbed": (perturbed, PERTURBED_RATES, TUNED_STEPS, TUNED_EVERY),
}
LABELS = {
    "scratch": "from scratch",
    "tuned": "fine-tuned",
    "perturbed": "fine-tuned after shrink_and_perturb",
}


# === Curves ===


def curves(chosen, start):
    """The measured curves of a data set and a start, as lists of (step, distance), by rates and then by seed."""
    found = {}
    for row in _results.read(NAME):
        if (row["dataset"], row["start"]) == (chosen, start):
            rates = row["generator_rate"], row["discriminator_rate"], row["warm_up"]
            points = found.setdefault(rates, {}).setdefault(row["seed"], [])
            points.append((row["step"], row["frechet_distance"]))
    return found


def lowest(curve):
    """The point of a curve with the smallest distance."""
    return min(curve, key=lambda point: point[1])


def mean(by_seed):
    """The mean of the curves of several seeds."""
    values = np.array(list(by_seed.values()))
    return list(zip(values[0, :, 0].astype(int), values[:, :, 1].mean(0), strict=True))


def best(found):
    """The rates with the lowest mean curve, among those with the most seeds."""
    seeds = max(map(len, found.values()))
    finalists = [rates for rates, by_seed in found.items() if len(by_seed) == seeds]
    return min(finalists, key=lambda rates: lowest(mean(found[rates]))[1])


def draw():
    starts = [(chosen, start) for chosen in DATA_SETS for start in STARTS]
    title = f"Fine-tuning {PRESET} on {IMAGES} images, and training from scratch"
    with _results.plot(NAME, title, 11, 7) as figure:
        above, below = figure.subfigures(2, 1, height_ratios=(4, 2.4))
        for axes, chosen in zip(above.subplots(1, 2, sharey=True), DATA_SETS, strict=True):
            draw_curves(axes, chosen)
            axes.label_outer()
        labels = [f"{chosen}, {LABELS[start]}" for chosen, start in starts]
        _results.draw_samples(below, NAME, labels, columns=len(DATA_SETS))


def draw_curves(axes, chosen):
    colors = {"scratch": _results.GREY, "tuned": _results.ORANGE, "perturbed": _results.BLUE}
    for start, color in colors.items():
        found = curves(chosen, start)
        rates = best(found)
        steps, means = zip(*mean(found[rates]), strict=True)
        values = np.array(list(found[rates].values()))[:, :, 1]
        step, value = lowest(mean(found[rates]))
        runs = f"mean of {len(values)} runs" if len(values) > 1 else "one run"
        axes.plot(steps, means, color=color, label=f"{LABELS[start]}, {runs}: {value:.1f} at step {step:,}")
        axes.fill_between(steps, values.min(0), values.max(0), color=color, alpha=0.25, linewidth=0)
        axes.plot(step, value, "o", color=color)
    axes.set(xscale="log", yscale="log", xlabel="training steps", ylabel="Fréchet distance (lower is better)")
    axes.set_xticks(*ticks(50, 100, 200, 500, 1_000, 2_000, 5_000))
    axes.set_yticks(*ticks(1, 2, 5, 10, 20))
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.set_title(chosen)
    axes.legend(title="best rates of each; shaded: range of the runs", fontsize=8, title_fontsize=8)


def ticks(*values):
    return values, [f"{value:,}" for value in values]


# === Runs ===


def run(chosen, start, rates, seed, images, distance):
    """Trains one model and keeps its curve and, if it ends best of its start so far, its samples."""
    earlier = curves(chosen, start)
    if seed in earlier.get(rates, {}):
        return
    (build, _, steps, every), (generator_rate, discriminator_rate, warm_up) = STARTS[start], rates
    keras.utils.set_random_seed(seed)
    model = build()
    schedules = Slope(generator_rate, steps, warm_up), Slope(discriminator_rate, steps)
    model.compile(*(keras.optimizers.Adam(schedule, *recipe.BETAS) for schedule in schedules))
    curve = Curve(distance, every)
    model.fit(images, batch_size=BATCH_SIZE, epochs=steps // (len(images) // BATCH_SIZE), callbacks=[curve], verbose=0)
    ends = [points[-1][1] for by_seed in earlier.values() for points in by_seed.values()]
    if curve.points[-1][1] <= min(ends, default=np.inf):
        strip = list(DATA_SETS).index(chosen) * len(STARTS) + list(STARTS).index(start)
        _results.keep_samples(NAME, strip, model.generate(_results.SAMPLES, seed=0))
    setting = {"generator_rate": generator_rate, "discriminator_rate": discriminator_rate, "warm_up": warm_up}
    points = [{"step": step, "frechet_distance": value} for step, value in curve.points]
    _results.keep(NAME, {"dataset": chosen, "start": start, **setting, "seed": seed}, points)


def digits(data_dir):
    """The MNIST digits, and the data set on whose classifier's features they are compared."""
    mnist = data.read("mnist", recipe.IMAGE_SHAPE, data_dir=data_dir)
    return mnist.images[np.isin(mnist.labels, DIGITS)], "mnist"


def emoji(data_dir):
    """The emoji, shuffled because they are sorted by subject, and the data set whose classifier compares them."""
    signs = data.read("emoji_in_two_hands", recipe.IMAGE_SHAPE, data_dir=data_dir).images
    return 255 - np.random.default_rng(0).permutation(signs), "fashion_mnist"


DATA_SETS = {"emoji": emoji, "digits": digits}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir")
    parser.add_argument("--set", choices=DATA_SETS, default="emoji")
    args = parser.parse_args()
    motifs, trained_on = DATA_SETS[args.set](args.data_dir)
    images, others = motifs[:IMAGES], motifs[IMAGES:]
    network = features.load(features.default_for(trained_on))
    real = gaussian_statistics(network(others))

    def distance(model):
        return frechet_distance(*gaussian_statistics(network(model.generate(SAMPLES, seed=0))), *real)

    print(f"The {IMAGES} images themselves: {frechet_distance(*gaussian_statistics(network(images)), *real):.2f}")
    for start, (_, tried, _, _) in STARTS.items():
        for rates in tried:
            run(args.set, start, rates, SEEDS[0], images, distance)
        found = curves(args.set, start)
        for rates in sorted(tried, key=lambda rates: lowest(found[rates][SEEDS[0]])[1])[:FINALISTS]:
            for seed in SEEDS:
                run(args.set, start, rates, seed, images, distance)
    # The plot compares the data sets, so it waits until each has been measured.
    if all(curves(chosen, start) for chosen in DATA_SETS for start in STARTS):
        draw()
    report(args.set)


def report(chosen):
    """Prints the lowest point of each mean curve, and when each start reaches the lowest from scratch."""
    goal = np.inf
    for start in STARTS:
        found = curves(chosen, start)
        for (generator_rate, discriminator_rate, warm_up), by_seed in found.items():
            step, value = lowest(mean(by_seed))
            rates = f"rates {generator_rate:g} and {discriminator_rate:g}, warm-up {warm_up}"
            print(f"{start}, {rates}, seeds {sorted(by_seed)}: lowest {value:.2f} at step {step}")
        curve = mean(found[best(found)])
        goal = lowest(curve)[1] if start == "scratch" else goal
        reached = next((f"at step {step}" for step, value in curve if value <= goal), "never")
        print(f"{start} at its best: lowest {lowest(curve)[1]:.2f}; reaches {goal:.2f} {reached}")


if __name__ == "__main__":
    main()
