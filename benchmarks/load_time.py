"""Loading a preset - bundled, from the cache, from a Hub on the loopback interface - against bare Keras on its files.

`zoo.load` hashes what it loads; the goal is at most 1.15 times `keras.saving.load_model` of the same directory.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "hub"))
from server import Hub  # noqa: E402

PRESET, REPO, ROUNDS = "dcgan_fashion_mnist_28", "me/preset", 15


def seconds(load):
    begun = time.perf_counter()
    load()
    return time.perf_counter() - begun


def main():
    hub, home = Hub({}), tempfile.mkdtemp()
    # The client reads these when it is imported, and would take the user's cache and token from others.
    environment = hub.environment(home)
    os.environ.clear()
    os.environ.update(environment)
    import keras

    import zoo
    import zoo.models
    from zoo import presets

    directory = presets.BUNDLED / PRESET
    commit = hub.add_commit(REPO, {path.name: path.read_bytes() for path in directory.iterdir()})

    def from_hub():
        shutil.rmtree(home, ignore_errors=True)
        zoo.load(f"hf://{REPO}")

    ways = {
        "bare Keras": lambda: keras.saving.load_model(directory),
        "bundled": lambda: zoo.load(PRESET),
        "cached, pinned commit": lambda: zoo.load(f"hf://{REPO}@{commit}"),
        "cached, branch looked up": lambda: zoo.load(f"hf://{REPO}"),
        "downloaded": from_hub,
    }
    # The last first, since it fills the cache for those before it.
    for load in reversed(ways.values()):
        load()
    # In turns, so that all meet the same state of the machine.
    rounds = [[seconds(load) for load in reversed(ways.values())] for _ in range(ROUNDS)]
    times = dict(zip(ways, reversed([statistics.median(column) for column in zip(*rounds, strict=True)]), strict=True))
    for name, taken in times.items():
        print(f"{name:<26}{taken * 1e3:7.0f} ms  {taken / times['bare Keras']:.2f} times bare Keras")
    hub.stop()
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
