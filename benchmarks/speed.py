"""Compares a training step of `fit` with a hand-written `tf.function` loop over the same networks.

`fit` runs with Keras' default of one step per execution and with `compile(steps_per_execution=...)`, which returns to
Python less often.

The script also times how fast `zoo.data` alone delivers batches, because training must not wait for reading.
`--against CHECKOUT` instead times a step of `fit` in turn with another checkout of this repository.
"""

import argparse
import time
from pathlib import Path

import _against
import keras
import numpy as np
import tensorflow as tf

import zoo
from zoo import data

BATCH_SIZE, ROUNDS, STEPS_PER_EXECUTION = 128, 5, 36
# An epoch of MNIST for the VAE; a part of one for the DCGAN, whose steps take ten times as long.
VAE_STEPS, DCGAN_STEPS = 468, 72


# Times the fastest of several epochs, because other work on the machine only adds time.
STEP_OF_FIT = """
import time
import numpy as np
import zoo

model = zoo.{model}
model.compile()
images = np.random.RandomState(0).randint(0, 256, ({images}, 28, 28, 1)).astype("uint8")
batches = zoo.data.batches(zoo.data.ImageSet(images), {batch_size})
model.fit(batches, verbose=0)
times = []
for _ in range(5):
    begun = time.perf_counter()
    model.fit(batches, verbose=0)
    times.append((time.perf_counter() - begun) / len(batches))
print(min(times))
"""
MODELS = {
    "DCGAN((28, 28, 1), filters=64, discriminator_batch_norm=False)": DCGAN_STEPS,
    "VAE((28, 28, 1))": VAE_STEPS,
}


def dcgan_loop(model):
    """The textbook loop: no logs, no gradient norms and no checks, but the same average of the generator."""
    generator, discriminator = model.generator, model.discriminator
    optimizers = keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5)
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    average = [tf.Variable(v.value) for v in generator.trainable_variables]

    @tf.function
    def step(images):
        images = tf.cast(images, "float32") / 127.5 - 1.0
        with tf.GradientTape() as tape:
            fake = generator(tf.random.normal((BATCH_SIZE, model.latent_dim)), training=True)
            real_logits, fake_logits = discriminator(images, training=True), discriminator(fake, training=True)
            loss = cross_entropy(tf.ones_like(real_logits), real_logits)
            loss += cross_entropy(tf.zeros_like(fake_logits), fake_logits)
        variables = discriminator.trainable_variables
        optimizers[1].apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        with tf.GradientTape() as tape:
            fake = generator(tf.random.normal((BATCH_SIZE, model.latent_dim)), training=True)
            logits = discriminator(fake, training=True)
            loss = cross_entropy(tf.ones_like(logits), logits)
        variables = generator.trainable_variables
        optimizers[0].apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        for mean, value in zip(average, variables, strict=True):
            mean.assign(0.999 * mean + 0.001 * value)

    return step


def vae_loop(model):
    encoder, decoder = model.encoder, model.decoder
    optimizer = keras.optimizers.Adam(1e-3)

    @tf.function
    def step(images):
        images = tf.cast(tf.random.uniform(images.shape) < tf.cast(images, "float32") / 255.0, "float32")
        with tf.GradientTape() as tape:
            mean, log_variance = tf.split(encoder(2.0 * images - 1.0, training=True), 2, axis=-1)
            latents = mean + tf.exp(0.5 * log_variance) * tf.random.normal(tf.shape(mean))
            logits = decoder(latents, training=True)
            bits = tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=logits)
            kl = 0.5 * tf.reduce_sum(mean**2 + tf.exp(log_variance) - log_variance - 1.0, axis=-1)
            loss = tf.reduce_mean(tf.reduce_sum(bits, axis=[1, 2, 3]) + kl)
        variables = [*encoder.trainable_variables, *decoder.trainable_variables]
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    return step


def seconds(run, steps):
    begun = time.perf_counter()
    run()
    return (time.perf_counter() - begun) / steps


def compare(name, build, loop, steps):
    images = np.random.RandomState(0).randint(0, 256, (BATCH_SIZE * steps, 28, 28, 1)).astype("uint8")
    dataset = data.batches(data.ImageSet(images), BATCH_SIZE)
    step = loop(build())

    def by_hand():
        for batch in dataset:
            step(batch["images"])

    def by_fit(steps_per_execution):
        model = build()
        model.compile(steps_per_execution=steps_per_execution)
        return lambda: model.fit(dataset, verbose=0)

    runs = (by_hand, by_fit(1), by_fit(STEPS_PER_EXECUTION))
    for run in runs:
        run()
    # The minimum over alternating rounds counts, because other work on the machine only adds time.
    rounds = [[seconds(run, steps) for run in runs] for _ in range(ROUNDS)]
    hand, *fits = map(min, zip(*rounds, strict=True))
    reading = min(seconds(lambda: [None for _ in dataset], steps) for _ in range(ROUNDS))
    print(f"{name}, a step of {BATCH_SIZE} images: loop {hand * 1e3:.1f} ms, reading alone {reading * 1e3:.2f} ms")
    for executed, fit in zip((1, STEPS_PER_EXECUTION), fits, strict=True):
        print(f"  fit, steps_per_execution={executed}: {fit * 1e3:.1f} ms, ratio {fit / hand:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="another checkout, to time steps beside")
    checkout = parser.parse_args().against
    if checkout is not None:
        for model, steps in MODELS.items():
            program = STEP_OF_FIT.format(model=model, images=steps * BATCH_SIZE, batch_size=BATCH_SIZE)
            _against.compare(f"A step of zoo.{model} in fit", program, checkout)
        return
    compare(
        "DCGAN",
        lambda: zoo.DCGAN((28, 28, 1), filters=64, discriminator_batch_norm=False),
        dcgan_loop,
        DCGAN_STEPS,
    )
    compare("VAE", lambda: zoo.VAE((28, 28, 1)), vae_loop, VAE_STEPS)


if __name__ == "__main__":
    main()
