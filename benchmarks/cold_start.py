"""Times a cold start to the first images, loading a preset, and reading batches, under each backend.

A cold start is a new process of Python, and the goal under JAX is at most 1.5 times `import keras`. Reading passes over
60,000 images of 28x28 in batches of 64, as `fit` does.
"""

import json
import os
import statistics
import subprocess
import sys

PRESET, IMAGES, ROUNDS, BATCH_SIZE = "dcgan_fashion_mnist_28", 16, 3, 64
BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
#: Scripts that print seconds. The first two print nothing and are timed as whole processes.
IMPORT = "import keras"
DRAW = f"import zoo; zoo.load({PRESET!r}).generate({IMAGES}, seed=0)"
LOAD = f"""
import time, keras, zoo, zoo.models
begun = time.perf_counter()
zoo.load({PRESET!r})
print(time.perf_counter() - begun)
"""
READ = f"""
import time, numpy as np, keras, zoo
pixels = np.zeros((60_000, 28, 28, 1), "uint8")
batches = zoo.data.dataset((pixels, np.zeros(60_000, int)), batch_size={BATCH_SIZE})
for batch in batches.take(10):
    pass
begun = time.perf_counter()
for batch in batches:
    pass
print(time.perf_counter() - begun)
"""


def seconds(script, backend):
    """Returns the seconds that a script prints, or those of its whole process."""
    timed = f"import time; begun = time.perf_counter()\n{script}\nprint(time.perf_counter() - begun)"
    command = [sys.executable, "-c", script if "print(" in script else timed]
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


def main():
    scripts = {"import keras": IMPORT, f"first {IMAGES} images": DRAW, "load": LOAD, "read 60,000 images": READ}
    found = {}
    # The backends and scripts alternate, so that all meet the same load of the machine.
    for _ in range(ROUNDS):
        for backend in BACKENDS:
            for name, script in scripts.items():
                found.setdefault((backend, name), []).append(seconds(script, backend))
    print(f"| seconds | {' | '.join(scripts)} | first images / import keras |\n|---|{'---|' * (len(scripts) + 1)}")
    for backend, title in BACKENDS.items():
        medians = [statistics.median(found[backend, name]) for name in scripts]
        cells = " | ".join(f"{median:.2f}" for median in medians)
        print(f"| {title} | {cells} | {medians[1] / medians[0]:.2f} |")


if __name__ == "__main__":
    main()
