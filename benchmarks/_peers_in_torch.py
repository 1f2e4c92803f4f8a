"""The peers of `peers.py`: models of pythae, and a DCGAN of the textbook in PyTorch.

This file runs in the environment of the peers, which does not have the zoo.
"""

import itertools
import json
import math
import sys
import time

import numpy as np
import torch
from pythae.models import VAE, VQVAE, VAEConfig, VQVAEConfig
from pythae.models.nn.benchmarks.mnist import (
    Decoder_Conv_AE_MNIST,
    Decoder_ResNet_VQVAE_MNIST,
    Encoder_Conv_AE_MNIST,
    Encoder_Conv_VAE_MNIST,
    Encoder_ResNet_VQVAE_MNIST,
)
from pythae.models.normalizing_flows import PixelCNN, PixelCNNConfig
from torch import nn
from torch.nn import functional

SHAPE, CODES, LATENT_DIM, CODE_DIM = (1, 28, 28), 512, 16, 64
# How a step may run: the memory format, and whether in bfloat16.
MODES = {
    "eager": (torch.contiguous_format, False),
    "channels_last": (torch.channels_last, False),
    "bfloat16": (torch.channels_last, True),
}
# pythae's defaults for the prior.
PRIOR_LAYERS, PRIOR_KERNEL_SIZE = 10, 5


# === Models, each with its optimizers and a step of training ===


class Autoencoder:
    """A model of pythae, whose forward pass returns its loss."""

    def __init__(self, model, rate=1e-3):
        self.model, self.optimizers = model, [torch.optim.Adam(model.parameters(), rate)]

    def step(self, images, bfloat16):
        (optimizer,) = self.optimizers
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = self.model({"data": images}).loss
        loss.backward()
        optimizer.step()


class Variational(Autoencoder):
    def __init__(self):
        config = VAEConfig(input_dim=SHAPE, latent_dim=LATENT_DIM)
        super().__init__(VAE(config, Encoder_Conv_VAE_MNIST(config), Decoder_Conv_AE_MNIST(config)))

    def draw(self, number):
        return self.model.decoder(torch.randn(number, LATENT_DIM)).reconstruction


class Quantized(Autoencoder):
    """A VQ-VAE; `timed` chooses the networks that `peers.py` rebuilds in Keras, with one code for each image."""

    def __init__(self, timed=False):
        config = VQVAEConfig(
            input_dim=SHAPE, latent_dim=LATENT_DIM if timed else CODE_DIM, num_embeddings=CODES, use_ema=True
        )
        networks = (
            (Encoder_Conv_AE_MNIST, Decoder_Conv_AE_MNIST)
            if timed
            else (Encoder_ResNet_VQVAE_MNIST, Decoder_ResNet_VQVAE_MNIST)
        )
        super().__init__(VQVAE(config, *(network(config) for network in networks)))

    def prior(self):
        """Returns a PixelCNN over the codes of this autoencoder, whose batches are images, too."""
        with torch.no_grad():
            self.grid = tuple(self.model({"data": torch.zeros(2, *SHAPE)}).quantized_indices.shape[1:])
        config = PixelCNNConfig(
            input_dim=self.grid, n_embeddings=CODES, n_layers=PRIOR_LAYERS, kernel_size=PRIOR_KERNEL_SIZE
        )
        self.codes = Prior(self.model, PixelCNN(config))
        return self.codes

    def draw(self, number):
        codes = drawn_codes(self.codes.model, number, self.grid)
        vectors = self.model.quantizer.embeddings[codes.squeeze(1).long()]
        return self.model.decoder(vectors.permute(0, 3, 1, 2)).reconstruction


class Prior(Autoencoder):
    def __init__(self, autoencoder, model):
        super().__init__(model)
        self.autoencoder = autoencoder.eval()

    def step(self, images, bfloat16):
        with torch.no_grad():
            codes = self.autoencoder({"data": images}).quantized_indices
        super().step(codes.reshape(len(images), *self.model.model_config.input_dim).float(), bfloat16)


class Adversarial:
    """The networks of `zoo.DCGAN((28, 28, 1))` with the losses and optimizers of Radford et al. 2016."""

    def __init__(self, latent_dim=100, filters=64):
        def up(inputs, outputs):
            return nn.BatchNorm2d(inputs), nn.ReLU(), nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)

        wide = 2 * filters
        self.latent_dim = latent_dim
        self.generator = nn.Sequential(
            nn.Linear(latent_dim, wide * 7 * 7, bias=False),
            nn.Unflatten(1, (wide, 7, 7)),
            *up(wide, filters),
            *up(filters, filters // 4),
            nn.BatchNorm2d(filters // 4),
            nn.ReLU(),
            nn.Conv2d(filters // 4, 1, 3, padding=1),
            nn.Tanh(),
        )
        self.discriminator = nn.Sequential(
            nn.Conv2d(1, filters, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(filters, wide, 4, 2, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(wide * 7 * 7, 1),
        )
        self.model = nn.ModuleList([self.generator, self.discriminator])
        for layer in self.model.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, 0.0, 0.02)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999))
            for network in (self.generator, self.discriminator)
        ]

    def step(self, images, bfloat16):
        of_generator, of_discriminator = self.optimizers
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            fake = self.generator(torch.randn(len(images), self.latent_dim))
            real_logits = self.discriminator(2.0 * images - 1.0)
            fake_logits = self.discriminator(fake.detach())
        of_discriminator.zero_grad()
        (likeness(real_logits, 1.0) + likeness(fake_logits, 0.0)).backward()
        of_discriminator.step()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits = self.discriminator(fake)
        of_generator.zero_grad()
        likeness(logits, 1.0).backward()
        of_generator.step()

    def draw(self, number):
        return self.generator(torch.randn(number, self.latent_dim)) / 2 + 0.5


def likeness(logits, target):
    logits = logits.float()
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def drawn_codes(network, number, grid, rows=None):
    """Draws codes as pythae's `PixelCNNSampler` does, or only their first rows, from a network in evaluation mode."""
    codes = torch.zeros(number, *grid)
    for y, x in itertools.product(range(rows or grid[1]), range(grid[2])):
        chances = torch.softmax(network({"data": codes}).out.squeeze(2)[:, :, y, x], dim=-1)
        codes[:, :, y, x] = torch.multinomial(chances, 1).float()
    return codes


MODELS = {"VAE": Variational, "VQVAE": Quantized, "DCGAN": Adversarial}


# === Times and trainings, as `peers.py` asks for them ===


def speed(name, mode, images, batch_size, rounds):
    """Returns the images per second of the fastest of several rounds over all images."""
    torch.manual_seed(0)
    peer = Quantized(timed=True) if name == "VQVAE" else MODELS[name]()
    layout, bfloat16 = MODES[mode]
    peer.model.to(memory_format=layout)
    batches, taken = read(images).contiguous(memory_format=layout).split(batch_size), []
    for _ in range(rounds + 1):
        begin = time.perf_counter()
        for batch in batches:
            peer.step(batch, bfloat16)
        taken.append(time.perf_counter() - begin)
    # The first round prepares the primitives.
    return batch_size * len(batches) / min(taken[1:])


def train(name, mode, images, minutes, batch_size, seeds, samples, output):
    """Trains a peer for so many minutes of processor time, writes its samples, and returns its number of steps."""
    torch.manual_seed(0)
    peer, images = MODELS[name](), read(images)
    if name == "VQVAE":
        steps = fit(peer, images, minutes / 2, batch_size, mode)
        steps += fit(peer.prior(), images, minutes / 2, batch_size, mode)
    else:
        steps = fit(peer, images, minutes, batch_size, mode)
    np.save(output, drawn(peer, seeds, samples))
    return steps


def fit(peer, images, minutes, batch_size, mode):
    """Trains while the rates fall to 0 along a cosine, as those of the zoo's models do, and returns the steps."""
    layout, bfloat16 = MODES[mode]
    peer.model.to(memory_format=layout).train()
    rates, begin, steps = [optimizer.param_groups[0]["lr"] for optimizer in peer.optimizers], time.process_time(), 0
    while True:
        for batch in torch.randperm(len(images)).split(batch_size):
            share = (time.process_time() - begin) / (60 * minutes)
            if share >= 1.0:
                peer.model.eval()
                return steps
            for optimizer, rate in zip(peer.optimizers, rates, strict=True):
                optimizer.param_groups[0]["lr"] = rate * 0.5 * (1 + math.cos(math.pi * share))
            peer.step(images[batch].contiguous(memory_format=layout), bfloat16)
            steps += 1


@torch.no_grad()
def drawn(peer, seeds, samples):
    """Returns uint8 images of shape `(seeds, samples, 28, 28, 1)`."""
    found = []
    for seed in seeds:
        torch.manual_seed(seed)
        images = torch.cat([peer.draw(len(part)) for part in torch.arange(samples).split(500)])
        found.append((255 * images.clamp(0, 1)).round().byte().permute(0, 2, 3, 1).numpy())
    return np.stack(found)


@torch.no_grad()
def sampling(number, layers, rows):
    """Returns the seconds in which pythae's sampler draws images of 28x28, scaled from a few of their rows."""
    network = PixelCNN(PixelCNNConfig(input_dim=SHAPE, n_embeddings=2, n_layers=layers, kernel_size=3)).eval()
    drawn_codes(network, number, SHAPE, rows=1)
    begin = time.perf_counter()
    # The loop takes equally long for every pixel.
    drawn_codes(network, number, SHAPE, rows)
    return (time.perf_counter() - begin) * SHAPE[1] / rows


def read(path):
    """Returns the images of a NumPy file, uint8 of shape `(n, 28, 28, 1)`, as float tensors in [0, 1]."""
    return torch.from_numpy(np.load(path)).permute(0, 3, 1, 2) / 255


if __name__ == "__main__":
    # Another format of the result would mix with what pythae prints.
    task, arguments, result = sys.argv[1:]
    found = {"speed": speed, "train": train, "sampling": sampling}[task](**json.loads(arguments))
    with open(result, "w", encoding="utf-8") as file:
        json.dump(found, file)
