"""Compares a training step of `fit` with a hand-written step of the same backend, under TensorFlow, JAX and PyTorch.

Both train the same networks by the same optimizers of Keras on the same batches. The hand-written step differentiates
and compiles as the manual of its backend says, without logs or checks. For GANs, it averages the generator too.
Models have no penalties here. Each backend is a process of its own, and the backends take turns at each model, so that
they meet the same load of the machine. `--write` puts the table into `docs/training.md`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from _writing import write_between

BATCH_SIZE, ROUNDS = 64, 5
#: How long a round lasts, within these numbers of steps: what `fit` does once in a round is not a step's.
SECONDS, FEWEST_STEPS, MOST_STEPS = 3, 4, 200
BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
PAGE = Path(__file__).resolve().parent.parent / "docs" / "training.md"


class ByHand(NamedTuple):
    """What a hand-written step does, one after the other.

    Args:
        updates: list of the loss, a function of images in [-1, 1] and of `Draw`, the variables, and the optimizer.
        averages: list of a mean and the variable that it follows.
        others: list of further variables that change.
    """

    updates: list
    averages: list = ()
    others: list = ()


class Draw(NamedTuple):
    """Functions that draw arrays of a shape."""

    normal: object
    uniform: object


# === The losses by hand ===


def gan(model):
    import keras
    from keras import ops

    generator, discriminator = model.generator, model.discriminator

    def discriminator_loss(images, draw):
        fake = generator(draw.normal((BATCH_SIZE, model.latent_dim)), training=True)
        real_logits, fake_logits = discriminator(images, training=True), discriminator(fake, training=True)
        return ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))

    def generator_loss(images, draw):
        fake = generator(draw.normal((BATCH_SIZE, model.latent_dim)), training=True)
        return ops.mean(ops.softplus(-discriminator(fake, training=True)))

    first, second = model.default_optimizers()
    means = [keras.Variable(variable, trainable=False) for variable in generator.trainable_variables]
    return ByHand(
        [
            (discriminator_loss, discriminator.trainable_variables, second),
            (generator_loss, generator.trainable_variables, first),
        ],
        list(zip(means, generator.trainable_variables, strict=True)),
        [*generator.variables, *discriminator.variables],
    )


def vae(model):
    from keras import ops

    encoder, decoder = model.encoder, model.decoder

    def loss(images, draw):
        pixels = ops.cast(draw.uniform(images.shape) < (images + 1.0) / 2.0, "float32")
        mean, log_variance = ops.split(encoder(2.0 * pixels - 1.0, training=True), 2, axis=-1)
        latents = mean + ops.exp(0.5 * log_variance) * draw.normal(mean.shape)
        logits = decoder(latents, training=True)
        bits = ops.sum(ops.softplus(logits) - pixels * logits, axis=(1, 2, 3))
        kl = 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - log_variance - 1.0, axis=-1)
        return ops.mean(bits + kl)

    variables = [*encoder.trainable_variables, *decoder.trainable_variables]
    (optimizer,) = model.default_optimizers()
    return ByHand([(loss, variables, optimizer)], others=[*encoder.variables, *decoder.variables])


def vq_vae(model):
    from keras import ops

    encoder, decoder, (quantizer,) = model.encoder, model.decoder, model.quantizers

    def loss(images, draw):
        vectors = encoder(images, training=True)
        codes = quantizer.nearest(vectors)
        embeddings = ops.stop_gradient(quantizer.lookup(codes))
        error = ops.mean(ops.square(images - decoder(vectors + ops.stop_gradient(embeddings - vectors), training=True)))
        quantizer.update(vectors, codes)
        return error + 0.25 * ops.mean(ops.square(vectors - embeddings))

    variables = [*encoder.trainable_variables, *decoder.trainable_variables]
    (optimizer,) = model.default_optimizers()
    return ByHand([(loss, variables, optimizer)], others=[*encoder.variables, *decoder.variables, *quantizer.variables])


#: The arguments of each model beside its class and its image shape, and its losses.
MODELS = {
    "DCGAN 28x28": ("DCGAN", (28, 28, 1), {"filters": 64, "discriminator_batch_norm": False}, gan),
    "DCGAN 64x64": ("DCGAN", (64, 64, 3), {"discriminator_batch_norm": False}, gan),
    "VAE 28x28": ("VAE", (28, 28, 1), {}, vae),
    "VQ-VAE 28x28": ("VQVAE", (28, 28, 1), {}, vq_vae),
    "StyleGAN 32x32": ("StyleGAN", (32, 32, 3), {"penalties": ()}, gan),
}


# === The steps by hand ===


def tensorflow_step(hand):
    import tensorflow as tf

    draw = Draw(tf.random.normal, tf.random.uniform)

    @tf.function
    def step(images):
        images = tf.cast(images, "float32") / 127.5 - 1.0
        for loss_of, variables, optimizer in hand.updates:
            with tf.GradientTape() as tape:
                loss = loss_of(images, draw)
            optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)
        for mean, variable in hand.averages:
            mean.assign(0.999 * mean + 0.001 * variable)
        return loss

    return step


def torch_step(hand):
    import torch

    _, variables, _ = hand.updates[0]
    device = variables[0].value.device
    draw = Draw(lambda shape: torch.randn(shape, device=device), lambda shape: torch.rand(shape, device=device))
    means, followed = ([pair[index].value for pair in hand.averages] for index in (0, 1))

    def step(images):
        images = torch.as_tensor(images, device=device).float() / 127.5 - 1.0
        for loss_of, variables, optimizer in hand.updates:
            loss = loss_of(images, draw)
            # `loss.backward()` would also compute the gradients of the other network.
            gradients = torch.autograd.grad(loss, [variable.value for variable in variables])
            with torch.no_grad():
                optimizer.apply(gradients, variables)
        with torch.no_grad():
            for mean, value in zip(means, followed, strict=True):
                mean.lerp_(value, 0.001)
        return loss.detach()

    return step


def jax_step(hand):
    import functools

    import jax
    import keras

    optimizers = [optimizer for _, _, optimizer in hand.updates]
    means = [mean for mean, _ in hand.averages]
    place = {id(variable): index for index, variable in enumerate(hand.others)}

    @functools.partial(jax.jit, donate_argnums=0)
    def pure(state, key, images):
        values, moments, averages = state
        images = images.astype("float32") / 127.5 - 1.0
        for index, (loss_of, variables, optimizer) in enumerate(hand.updates):
            keys = iter(jax.random.split(jax.random.fold_in(key, index), 2))
            draw = Draw(
                lambda shape, keys=keys: jax.random.normal(next(keys), shape),
                lambda shape, keys=keys: jax.random.uniform(next(keys), shape),
            )
            places = [place[id(variable)] for variable in variables]

            def loss_and_values(trained, values=values, places=places, loss_of=loss_of, draw=draw):
                known = dict(enumerate(values)) | dict(zip(places, trained, strict=True))
                scope = keras.StatelessScope([(hand.others[index], value) for index, value in known.items()])
                with scope:
                    loss = loss_of(images, draw)
                return loss, (loss, [scope.get_current_value(variable) for variable in hand.others])

            trained = [values[index] for index in places]
            gradients, (loss, values) = jax.grad(loss_and_values, has_aux=True)(trained)
            trained, moments[index] = optimizer.stateless_apply(moments[index], gradients, trained)
            for at, value in zip(places, trained, strict=True):
                values[at] = value
        followed = [values[place[id(variable)]] for _, variable in hand.averages]
        averages = [0.999 * mean + 0.001 * value for mean, value in zip(averages, followed, strict=True)]
        return loss, (values, moments, averages)

    def copies(variables):
        return [jax.numpy.array(variable.value) for variable in variables]

    state, count = (copies(hand.others), [copies(each.variables) for each in optimizers], copies(means)), 0

    def step(images):
        nonlocal state, count
        loss, state = pure(state, jax.random.key(count), images)
        count += 1
        return loss

    return step


# === Timing ===


def measure(backend, name, rounds):
    """Prints the times of a model in the backend of this process, as a line of JSON."""
    import keras
    import numpy as np

    import zoo

    assert keras.backend.backend() == backend
    kind, image_shape, options, by_hand = MODELS[name]
    make = getattr(zoo, kind)
    hand = by_hand(make(image_shape, **options))
    for _, variables, optimizer in hand.updates:
        optimizer.build(variables)
    step = {"tensorflow": tensorflow_step, "jax": jax_step, "torch": torch_step}[backend](hand)
    model = make(image_shape, **options)
    model.compile()

    def batches(steps):
        pixels = np.random.RandomState(0).randint(0, 256, (BATCH_SIZE * steps, *image_shape)).astype("uint8")
        return zoo.data.batches(zoo.data.ImageSet(pixels), BATCH_SIZE)

    def loop(batches):
        for batch in batches:
            loss = step(batch["images"])
        # Reading the loss waits for the last step.
        return float(loss)

    runs = {"hand": loop, "fit": lambda batches: model.fit(batches, verbose=0)}
    first = {run: seconds(runs[run], batches(1)) for run in runs}
    steps = max(FEWEST_STEPS, min(MOST_STEPS, round(SECONDS / seconds(loop, batches(1)))))
    # The minimum over alternating rounds counts, because other work on the machine only adds time.
    taken = [{run: seconds(runs[run], batches(steps)) / steps for run in runs} for _ in range(rounds)]
    print(json.dumps({run: {"first": first[run], "step": min(each[run] for each in taken)} for run in runs}))


def seconds(run, batches):
    begun = time.perf_counter()
    run(batches)
    return time.perf_counter() - begun


def table(found):
    """Returns the table of all times, as Markdown."""
    lines = [
        f"On {machine()}, batches of {BATCH_SIZE} images:",
        "",
        "| model | backend | hand-written step, ms | step of `fit`, ms | ratio | first step by hand, s | of `fit`, s |",
        "|---|---|---|---|---|---|---|",
    ]
    for (name, backend), times in found.items():
        hand, fit = times["hand"], times["fit"]
        lines.append(
            f"| {name} | {BACKENDS[backend]} | {1e3 * hand['step']:.1f} | {1e3 * fit['step']:.1f} | "
            f"{fit['step'] / hand['step']:.2f} | {hand['first']:.1f} | {fit['first']:.1f} |"
        )
    return "\n".join(lines)


def machine():
    """Returns the name of the processor and its number of cores."""
    described = Path("/proc/cpuinfo").read_text() if platform.system() == "Linux" else ""
    names = [line.partition(": ")[2] for line in described.splitlines() if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()} with {os.cpu_count()} cores"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), metavar="MODEL")
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS), metavar="BACKEND")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--write", action="store_true", help="write the table into docs/training.md")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        measure(arguments.backends[0], arguments.models[0], arguments.rounds)
        return
    found = {}
    for name in arguments.models:
        for backend in arguments.backends:
            command = [sys.executable, __file__, "--here", "--models", name, "--backends", backend]
            command += ["--rounds", str(arguments.rounds)]
            environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
            result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            found[name, backend] = json.loads(result.stdout.splitlines()[-1])
            print(name, backend, found[name, backend], flush=True)
    print(table(found))
    if arguments.write:
        write_between(PAGE, "backends.py", table(found))


if __name__ == "__main__":
    main()
