"""Times a cold start to the first images, loading a preset, and reading batches, under each backend.

A cold start happens in a new process of Python. The goal under JAX is at most 1.5 times `import keras`. Reading passes
over 60,000 images of 28x28 in batches of 64, as `fit` does.
"""

import os
import statistics
import subprocess
import sys
import time

PRESET, IMAGES, ROUNDS, BATCH_SIZE = "dcgan_fashion_mnist_28", 16, 3, 64
BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


def import_keras():
    """Returns a function of which the time counts; the other functions of this kind first do what does not count."""

    def counts():
        import keras  # noqa: F401

    return counts


def draw():
    def counts():
        import zoo

        zoo.load(PRESET).generate(IMAGES, seed=0)

    return counts


def load():
    import zoo
    import zoo.models

    return lambda: zoo.load(PRESET)


def read():
    import numpy as np

    import zoo

    arrays = np.zeros((60_000, 28, 28, 1), "uint8"), np.zeros(60_000, int)
    batches = zoo.data.dataset(arrays, batch_size=BATCH_SIZE)

    def counts():
        for _ in batches:
            pass

    # The first pass of TensorFlow builds its pipeline.
    counts()
    return counts


WHAT = {"import keras": import_keras, f"first {IMAGES} images": draw, "load": load, "read 60,000 images": read}


def seconds(name, backend):
    """Returns the seconds that something takes in a process of its own."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, name]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(result.stdout.splitlines()[-1])


def main():
    if sys.argv[1:]:
        counts = WHAT[sys.argv[1]]()
        begun = time.perf_counter()
        counts()
        print(time.perf_counter() - begun)
        return
    found = {}
    # The backends alternate, so that all meet the same load of the machine.
    for _ in range(ROUNDS):
        for backend in BACKENDS:
            for name in WHAT:
                found.setdefault((backend, name), []).append(seconds(name, backend))
    print(f"| seconds | {' | '.join(WHAT)} | first images / import keras |\n|---|{'---|' * (len(WHAT) + 1)}")
    for backend, title in BACKENDS.items():
        medians = [statistics.median(found[backend, name]) for name in WHAT]
        print(f"| {title} | {' | '.join(f'{each:.2f}' for each in medians)} | {medians[1] / medians[0]:.2f} |")


if __name__ == "__main__":
    main()
