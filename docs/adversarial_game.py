"""Makes the figures of `adversarial_game.md`: what theory says of the game, on points of a mixture of Gaussians.

    python docs/adversarial_game.py

A point of the plane is an image of one pixel with two channels, so that the GAN is the zoo's own. Its generator is
held still by a rate of 0; what is shown is the discriminator's half of the game.
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers
from PIL import Image, ImageDraw

import zoo
from zoo.images import write_png

FIGURES = Path(__file__).parent / "figures"
SHAPE, SEED = (1, 1, 2), 0
# The data: eight narrow Gaussians on a circle.
ANGLES = np.arange(8) * np.pi / 4
CENTRES, SPREAD = 0.6 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1), 0.08
EPOCHS, BATCH_SIZE, NUM_POINTS, EVALUATIONS = 60, 256, 16_384, 20
# Points along each side of the square [-1, 1] x [-1, 1].
SIDE = 200


def data_points(number):
    stream = np.random.RandomState(SEED)
    points = CENTRES[stream.randint(8, size=number)] + SPREAD * stream.normal(size=(number, 2))
    return np.clip(points, -1, 1).reshape(-1, *SHAPE).astype("float32")


def gaussian(points, centre, spread):
    squared = np.sum((points - centre) ** 2, axis=-1)
    return np.exp(-0.5 * squared / spread**2) / (2 * np.pi * spread**2)


def held_gan(spread, objective):
    """A GAN whose generator draws N(0, spread^2) and does not move."""
    scale = keras.initializers.Identity(spread)
    generator = keras.Sequential([keras.Input((2,)), layers.Dense(2, kernel_initializer=scale), layers.Reshape(SHAPE)])
    discriminator = keras.Sequential(
        [keras.Input(SHAPE), layers.Flatten(), *(layers.Dense(128, "relu") for _ in range(3)), layers.Dense(1)]
    )
    model = zoo.GAN(SHAPE, 2, generator=generator, discriminator=discriminator, objective=objective)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, EPOCHS * NUM_POINTS // BATCH_SIZE)
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.Adam(rate))
    return model


def optimal_discriminator():
    """Trains D against a broad Gaussian, and compares it and the value of the game with theory."""
    spread = 0.5
    model = held_gan(spread, "minimax")
    model.fit(data_points(NUM_POINTS), batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0)

    axis = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    grid = np.stack(np.meshgrid(axis, -axis), axis=-1).reshape(-1, 2)
    p_data = np.mean([gaussian(grid, centre, SPREAD) for centre in CENTRES], axis=0)
    p_g = gaussian(grid, 0.0, spread)
    optimal = p_data / (p_data + p_g)
    logits = model.discriminator.predict(grid.reshape(-1, *SHAPE), batch_size=1000, verbose=0)
    found = 1 / (1 + np.exp(-logits[:, 0]))
    maps = np.concatenate([np.pad(d.reshape(SIDE, SIDE), 4, constant_values=1) for d in (found, optimal)], axis=1)
    write_png(FIGURES / "optimal_discriminator.png", np.rint(255 * maps[..., None]).astype("uint8"), scale=2)

    weights = (p_data + p_g) / np.sum(p_data + p_g)
    print(f"mean |D - D*| under (p_data + p_g) / 2 in the square: {np.sum(weights * np.abs(found - optimal)):.3f}")
    # Over a square so wide that nothing of p_g is left outside.
    wide = np.stack(np.meshgrid(*[np.linspace(-3, 3, 1201)] * 2), axis=-1).reshape(-1, 2)
    p, q = np.mean([gaussian(wide, centre, SPREAD) for centre in CENTRES], axis=0), gaussian(wide, 0.0, spread)
    m, area = (p + q) / 2, (6 / 1200) ** 2
    divergence = 0.5 * area * sum(np.sum(x * np.log(np.maximum(x, 1e-300) / np.maximum(m, 1e-300))) for x in (p, q))
    # Each draws other points of p_g.
    values = [
        -model.evaluate(data_points(NUM_POINTS), batch_size=1024, verbose=0, return_dict=True)["discriminator_loss"]
        for _ in range(EVALUATIONS)
    ]
    print(f"value of the game {np.mean(values):.3f}, {np.std(values):.3f} over {EVALUATIONS} evaluations")
    print(f"-log 4 + 2 JSD = {-np.log(4) + 2 * divergence:.3f}")


def vanishing_gradient():
    """The norm of the generator's gradient while D learns to tell a generator that is far off."""
    norms = {}
    for objective in ("minimax", "non_saturating"):
        keras.utils.set_random_seed(SEED)
        model = held_gan(0.05, objective)
        history = model.fit(data_points(NUM_POINTS), batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0).history
        norms[objective] = history["generator_gradient_norm"]
        first, last, fake = norms[objective][0], norms[objective][-1], history["discriminator_fake"][-1]
        print(f"{objective}: gradient norm {first:.3g} in epoch 1, {last:.3g} in the last, where D(G(z)) = {fake:.2g}")
    write_curves(FIGURES / "vanishing_gradient.png", norms)


def write_curves(path, curves, size=(640, 360), margin=50):
    """Draws curves over epochs with a logarithmic axis."""
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    logs = {name: np.log10(values) for name, values in curves.items()}
    together = np.concatenate(list(logs.values()))
    low, high = int(np.floor(together.min())), int(np.ceil(together.max()))

    def place(epoch, log):
        across = margin + (size[0] - 2 * margin) * epoch / (EPOCHS - 1)
        return across, size[1] - margin - (size[1] - 2 * margin) * (log - low) / (high - low)

    for power in range(low, high + 1):
        draw.line([place(0, power), place(EPOCHS - 1, power)], fill="#dddddd")
        draw.text((4, place(0, power)[1] - 6), f"1e{power}", fill="black")
    for (name, log), color in zip(logs.items(), ("#c0392b", "#2471a3"), strict=True):
        draw.line([place(epoch, value) for epoch, value in enumerate(log)], fill=color, width=3)
        draw.text((place(EPOCHS // 2, log[-1])[0], place(0, log[EPOCHS // 2])[1] - 20), name, fill=color)
    draw.text((size[0] // 2 - 60, size[1] - 30), f"epochs of the discriminator, 1 to {EPOCHS}", fill="black")
    picture.save(path)


if __name__ == "__main__":
    FIGURES.mkdir(exist_ok=True)
    keras.utils.set_random_seed(SEED)
    optimal_discriminator()
    vanishing_gradient()
