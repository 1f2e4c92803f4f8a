"""Compares PixelCNN sampling, VAE training and VQ-VAE training with pythae, one after the other in one run.

pythae needs PyTorch, so it lives in an environment of its own:

    python3 -m venv /tmp/pythae && /tmp/pythae/bin/pip install torch torchvision pythae
    python benchmarks/beside_pythae.py --pythae /tmp/pythae/bin/python

Without `--pythae`, only the zoo is timed. The VAE and the VQ-VAE use pythae's own convolutional networks for MNIST,
rebuilt in Keras. pythae's models run in a bare loop, without the overhead of its trainer. Both samplers use networks of
equal depth and width: plain masked 3x3 convolutions in pythae, gated ones in the zoo.
"""

import argparse
import json
import subprocess
import time

BATCH_SIZE, STEPS, ROUNDS, LATENT_DIM, CODES = 64, 10, 2, 16, 512
LAYERS, FILTERS, IMAGES = 10, 64, 64
# pythae's loop takes equally long for every pixel, so a few of the 28 rows suffice.
ROWS = 2


def best(run):
    """The shortest of several runs in seconds, after one run for warming up."""
    times = []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return min(times[1:])


# === pythae, in its own environment ===


def measure_pythae():
    import torch
    from pythae.models import VAE, VQVAE, VAEConfig, VQVAEConfig
    from pythae.models.nn.benchmarks.mnist import Decoder_Conv_AE_MNIST, Encoder_Conv_AE_MNIST, Encoder_Conv_VAE_MNIST
    from pythae.models.normalizing_flows import PixelCNN, PixelCNNConfig

    torch.manual_seed(0)
    shape = {"input_dim": (1, 28, 28), "latent_dim": LATENT_DIM}
    vae, vq_vae = VAEConfig(**shape), VQVAEConfig(**shape, num_embeddings=CODES, use_ema=True)
    models = {
        "VAE": VAE(vae, Encoder_Conv_VAE_MNIST(vae), Decoder_Conv_AE_MNIST(vae)),
        "VQVAE": VQVAE(vq_vae, Encoder_Conv_AE_MNIST(vq_vae), Decoder_Conv_AE_MNIST(vq_vae)),
    }
    images = torch.rand(STEPS, BATCH_SIZE, 1, 28, 28)
    found = {}
    for name, model in models.items():
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)

        def train(model=model, optimizer=optimizer):
            for batch in images:
                optimizer.zero_grad()
                model({"data": batch}).loss.backward()
                optimizer.step()

        found[name] = STEPS * BATCH_SIZE / best(train)

    network = PixelCNN(PixelCNNConfig(input_dim=(1, 28, 28), n_embeddings=2, n_layers=LAYERS, kernel_size=3)).eval()

    @torch.no_grad()
    def draw():
        # This is the loop of pythae's PixelCNNSampler.
        codes = torch.zeros(IMAGES, 1, 28, 28)
        for y in range(ROWS):
            for x in range(28):
                chances = torch.softmax(network({"data": codes}).out.squeeze(2)[:, :, y, x], dim=-1)
                codes[:, :, y, x] = torch.multinomial(chances, 1).float()

    found["sampling"] = best(draw) * 28 / ROWS
    print(json.dumps(found))


# === Ours ===


def conv_networks(outputs):
    """pythae's networks for MNIST in Keras: an encoder to `outputs` numbers and a decoder from `LATENT_DIM` numbers."""
    from keras import Input, Model, layers

    def norm_and_relu(x):
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))

    images = Input((28, 28, 1))
    x = images
    for filters in (128, 256, 512, 1024):
        x = norm_and_relu(layers.Conv2D(filters, 4, strides=2)(layers.ZeroPadding2D(1)(x)))
    encoder = Model(images, layers.Dense(outputs)(layers.Flatten()(x)))

    latents = Input((LATENT_DIM,))
    x = layers.Reshape((4, 4, 1024))(layers.Dense(4 * 4 * 1024)(latents))
    # PyTorch's padding of 1 crops the border that Keras' "valid" adds; its output_padding keeps one row and column of
    # it.
    x = norm_and_relu(layers.Cropping2D(1)(layers.Conv2DTranspose(512, 3, strides=2)(x)))
    x = norm_and_relu(layers.Cropping2D(((1, 0), (1, 0)))(layers.Conv2DTranspose(256, 3, strides=2)(x)))
    x = layers.Cropping2D(((1, 0), (1, 0)))(layers.Conv2DTranspose(1, 3, strides=2)(x))
    return encoder, Model(latents, x)


def measure_ours():
    import keras
    import numpy as np

    import zoo
    from zoo import data

    keras.utils.set_random_seed(0)
    images = np.random.RandomState(0).randint(0, 256, (STEPS * BATCH_SIZE, 28, 28, 1)).astype("uint8")
    batches = data.batches(data.ImageSet(images), BATCH_SIZE)
    encoder, decoder = conv_networks(2 * LATENT_DIM)
    vae = zoo.VAE((28, 28, 1), LATENT_DIM, likelihood="gaussian", encoder=encoder, decoder=decoder)
    encoder, decoder = conv_networks(LATENT_DIM)
    # pythae's networks make one code per image.
    grid = keras.Input((1, 1, LATENT_DIM))
    vq_vae = zoo.VQVAE(
        (28, 28, 1),
        CODES,
        LATENT_DIM,
        encoder=keras.Model(encoder.input, keras.layers.Reshape((1, 1, LATENT_DIM))(encoder.output)),
        decoder=keras.Model(grid, decoder(keras.layers.Flatten()(grid))),
    )
    found = {}
    for model in (vae, vq_vae):
        # The rate is low because the images are noise, which drives the pixels' variance to its limits.
        model.compile(keras.optimizers.Adam(1e-5))
        found[type(model).__name__] = len(images) / best(lambda model=model: model.fit(batches, verbose=0))
    pixel_cnn = zoo.PixelCNN((28, 28, 1), FILTERS, LAYERS)
    found["sampling"] = best(lambda: pixel_cnn.generate(IMAGES, seed=0))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pythae", metavar="PYTHON", help="the Python of an environment with pythae")
    parser.add_argument("--only-pythae", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only_pythae:
        measure_pythae()
        return
    ours, theirs = measure_ours(), None
    if args.pythae:
        command = [args.pythae, __file__, "--only-pythae"]
        theirs = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    for name in ("VAE", "VQVAE"):
        beside = f", pythae {theirs[name]:.0f}: {ours[name] / theirs[name]:.2f} times as fast" if theirs else ""
        print(f"training {name}: {ours[name]:.0f} images/s{beside}")
    beside = ""
    if theirs:
        beside = f", pythae {theirs['sampling']:.0f} s: {theirs['sampling'] / ours['sampling']:.0f} times as fast"
    print(f"drawing {IMAGES} images of 28x28 from a PixelCNN: {ours['sampling']:.2f} s{beside}")


if __name__ == "__main__":
    main()
