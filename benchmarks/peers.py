"""Compares the zoo with its peers on one machine: pythae's VAE and VQ-VAE, and a DCGAN of the textbook in PyTorch.

The peers live in an environment of their own:

    python3.11 -m venv /tmp/peers && /tmp/peers/bin/pip install torch torchvision pythae
    python benchmarks/peers.py --peers /tmp/peers/bin/python

- **Speed**: images per second in training, with equal networks and batches, on an idle machine. The zoo trains through
  `fit`, in float32 and in bfloat16. The peers train in bare loops: eager, with `channels_last`, and with autocast to
  bfloat16. The VAE and the VQ-VAE have pythae's convolutional networks for MNIST, rebuilt in Keras, and the DCGAN has
  the zoo's, rebuilt in PyTorch.
- **Distance**: of 2,000 samples of each of three seeds to the test images of Fashion-MNIST, after equal minutes of
  processor time. Here each library uses its own networks and settings: those of the zoo's recipes, as in
  `families.py`, and pythae's networks for MNIST with its VQ-VAE's default prior, or the settings of Radford et al.
  2016. The DCGAN trains in bfloat16, its fastest mode, and pythae's models as pythae trains them.
- **Drawing**: seconds for 64 images from networks of equal depth and width, which are plain masked 3x3 convolutions in
  pythae and gated ones here.

PyTorch's threads wait actively, so that its processor time counts only on an idle machine, too. Each finished row is in
the table at once, so the same command continues. `--report` writes the table into
docs/training.md.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

# This import comes first because its recipes configure TensorFlow.
import families

# isort: split

import _results
import keras
import numpy as np
from _minutes import alone, in_new_process
from _writing import write_between

import zoo
from zoo import data

NAME, PAGE = "peers", Path(__file__).resolve().parent.parent / "docs" / "training.md"
DATASET = "fashion_mnist"
PEERS = {"VAE": "pythae", "VQVAE": "pythae", "DCGAN": "PyTorch"}
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
# Modes of a peer's step in each precision, of which the faster one counts.
MODES = {"float32": ("eager", "channels_last"), "bfloat16": ("bfloat16",)}
TRAINED_IN = {"VAE": "eager", "VQVAE": "eager", "DCGAN": "bfloat16"}
BATCH_SIZES = {"VAE": 64, "VQVAE": 64, "DCGAN": 128}
STEPS, ROUNDS, LATENT_DIM, CODES = 10, 3, 16, 512
LAYERS, FILTERS, DRAWN, ROWS = 10, 64, 64, 2


def asked(python, task, **arguments):
    """Returns what a task of `_peers_in_torch.py` finds in the environment of the peers."""
    script = Path(__file__).with_name("_peers_in_torch.py")
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        subprocess.run([python, script, task, json.dumps(arguments), result], check=True)
        return json.loads(result.read_text(encoding="utf-8"))


# === Speed ===


def conv_networks(outputs):
    """pythae's networks for MNIST in Keras: an encoder to `outputs` numbers and a decoder from `LATENT_DIM` numbers."""

    def norm_and_relu(x):
        return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))

    images = keras.Input((28, 28, 1))
    x = images
    for filters in (128, 256, 512, 1024):
        x = norm_and_relu(keras.layers.Conv2D(filters, 4, strides=2)(keras.layers.ZeroPadding2D(1)(x)))
    encoder = keras.Model(images, keras.layers.Dense(outputs, dtype="float32")(keras.layers.Flatten()(x)))

    latents = keras.Input((LATENT_DIM,))
    x = keras.layers.Reshape((4, 4, 1024))(keras.layers.Dense(4 * 4 * 1024)(latents))
    # PyTorch's padding of 1 crops the border that Keras' "valid" adds; its output_padding keeps one row and column of
    # it.
    x = norm_and_relu(keras.layers.Cropping2D(1)(keras.layers.Conv2DTranspose(512, 3, strides=2)(x)))
    x = norm_and_relu(keras.layers.Cropping2D(((1, 0), (1, 0)))(keras.layers.Conv2DTranspose(256, 3, strides=2)(x)))
    x = keras.layers.Conv2DTranspose(1, 3, strides=2, dtype="float32")(x)
    x = keras.layers.Cropping2D(((1, 0), (1, 0)), dtype="float32")(x)
    return encoder, keras.Model(latents, x)


def built(name):
    """Returns the zoo's model with the networks of its peer, and the learning rates at which it is timed."""
    if name == "DCGAN":
        return zoo.DCGAN(families.SHAPES[DATASET]), (2e-4, 2e-4)
    if name == "VAE":
        encoder, decoder = conv_networks(2 * LATENT_DIM)
        networks = {"encoder": encoder, "decoder": decoder}
        return zoo.VAE(families.SHAPES[DATASET], LATENT_DIM, likelihood="gaussian", **networks), (1e-3,)
    encoder, decoder = conv_networks(LATENT_DIM)
    # pythae's networks make one code per image.
    grid = keras.Input((1, 1, LATENT_DIM))
    networks = {
        "encoder": keras.Model(
            encoder.input, keras.layers.Reshape((1, 1, LATENT_DIM), dtype="float32")(encoder.output)
        ),
        "decoder": keras.Model(grid, decoder(keras.layers.Flatten()(grid))),
    }
    return zoo.VQVAE(families.SHAPES[DATASET], CODES, LATENT_DIM, **networks), (1e-3,)


def time_ours(name, precision, images):
    """Keeps the images per second of the fastest of several epochs of `fit`."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(PRECISIONS[precision])
    model, rates = built(name)
    model.compile(*map(keras.optimizers.Adam, rates))
    batches, taken = data.batches(data.ImageSet(images), BATCH_SIZES[name]), []
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        model.fit(batches, verbose=0)
        taken.append(time.perf_counter() - begin)
    keep(name, "zoo", {precision: len(images) / min(taken[1:])})


def time_peer(name, precision, images, python):
    """Keeps the images per second of the fastest mode of a peer."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/images.npy"
        np.save(path, images)
        settings = {"images": path, "batch_size": BATCH_SIZES[name], "rounds": ROUNDS}
        speeds = {mode: asked(python, "speed", name=name, mode=mode, **settings) for mode in MODES[precision]}
    print(f"{PEERS[name]}'s {name}: {speeds}", flush=True)
    keep(name, PEERS[name], {precision: max(speeds.values())})


def time_drawing(python):
    """Prints the seconds in which the zoo and pythae draw images by a PixelCNN."""
    pixel_cnn, taken = zoo.PixelCNN(families.SHAPES[DATASET], FILTERS, LAYERS), []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        pixel_cnn.generate(DRAWN, seed=0)
        taken.append(time.perf_counter() - begin)
    theirs = asked(python, "sampling", number=DRAWN, layers=LAYERS, rows=ROWS)
    print(f"{DRAWN} images of 28x28 by a PixelCNN: {min(taken):.2f} s, pythae {theirs:.0f} s")


# === Distances ===


def train_ours(name, minutes, data_dir):
    """Keeps the figures of the zoo's model, which `families.py` trains and measures."""
    if families.runs().get((DATASET, name), {}).get("minutes") != minutes:
        families.run(DATASET, name, minutes, data_dir)
    row = families.runs()[DATASET, name]
    keep(name, "zoo", {column: row[column] for column in ("minutes", "steps", *families.DIGITS)})


def train_peer(name, minutes, data_dir, python):
    """Trains a peer and keeps its figures."""
    train, test = families.images_of(DATASET, data_dir)
    with tempfile.TemporaryDirectory() as folder:
        images, output = f"{folder}/images.npy", f"{folder}/samples.npy"
        np.save(images, train)
        settings = {"mode": TRAINED_IN[name], "images": images, "minutes": minutes, "batch_size": BATCH_SIZES[name]}
        drawing = {"seeds": families.SEEDS, "samples": families.SAMPLES, "output": output}
        steps = asked(python, "train", name=name, **settings, **drawing)
        samples = np.load(output)
    figures = families.quality(samples, DATASET, train, test)
    keep(name, PEERS[name], {"minutes": minutes, "steps": steps, **figures})


# === Results ===

COLUMNS = (*PRECISIONS, "minutes", "steps", *families.DIGITS)


def rows():
    """Returns the rows of the table by model and library."""
    return {(row["model"], row["library"]): row for row in _results.read(NAME)}


def keep(name, library, row):
    """Adds columns to the row of a model of a library."""
    with alone(__file__):
        old = rows().get((name, library), dict.fromkeys(COLUMNS))
        _results.keep(NAME, {"model": name, "library": library}, [{column: old[column] for column in COLUMNS} | row])
    print(f"{library}'s {name}: {row}", flush=True)


def lacks(name, library, column):
    return rows().get((name, library), {}).get(column) is None


def table(found):
    """Returns a Markdown table of the zoo's models and their peers."""
    lines = [
        "| model | library | float32 | bfloat16 | Fréchet distance | precision | recall | memorized |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, peer in PEERS.items():
        ours, theirs = found[name, "zoo"], found[name, peer]
        for library, row in ((peer, theirs), ("zoo", ours)):
            speeds = [f"{row[precision]:.0f}" for precision in PRECISIONS]
            figures = [f"{row[column]:.{digits}f}" for column, digits in families.DIGITS.items()]
            lines.append(f"| {' | '.join([f'`{name}`', library, *speeds, *figures])} |")
        ratios = [f"{ours[column] / theirs[column]:.2f}" for column in (*PRECISIONS, "frechet_distance")]
        lines.append(f"| {' | '.join(['', 'ratio', *ratios, '', '', ''])} |")
    return "\n".join(lines)


def report(found):
    """Draws the plot, and writes the table into the page."""
    with _results.plot(NAME, "Fréchet distance after equal minutes", 8, 4) as figure:
        for axes, (name, peer) in zip(figure.subplots(1, len(PEERS)), PEERS.items(), strict=True):
            bars = {of: {"value": found[name, of]["frechet_distance"], "std": None} for of in ("zoo", peer)}
            _results.draw_bars(axes, name, bars, highlighted="zoo")
    write_between(PAGE, "peers.py", table(found))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", metavar="PYTHON", help="the Python of an environment with pythae")
    parser.add_argument("--minutes", type=float, default=40.0, help="processor time of each (default %(default)s)")
    parser.add_argument("--data-dir", help="folder of TFDS data sets")
    parser.add_argument("--speed", action="store_true", help="only time")
    parser.add_argument("--report", action="store_true", help="only draw the plot and write the page")
    args = parser.parse_args()
    if args.report:
        report(rows())
        return
    if args.peers is None:
        parser.error("--peers is missing, expected the Python of an environment with pythae")
    train, _ = families.images_of(DATASET, args.data_dir)
    for name in PEERS:
        images = train[: STEPS * BATCH_SIZES[name]]
        for precision in PRECISIONS:
            in_new_process(os.cpu_count(), time_ours, name, precision, images)
            time_peer(name, precision, images, args.peers)
    time_drawing(args.peers)
    for name, peer in () if args.speed else PEERS.items():
        if lacks(name, "zoo", "frechet_distance"):
            in_new_process(os.cpu_count(), train_ours, name, args.minutes, args.data_dir)
        if lacks(name, peer, "frechet_distance"):
            in_new_process(os.cpu_count(), train_peer, name, args.minutes, args.data_dir, args.peers)


if __name__ == "__main__":
    main()
