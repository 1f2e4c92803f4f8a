"""Times loading a preset (bundled, from the cache, from a Hub on the loopback interface) against bare Keras.

`zoo.load` hashes and checks what it loads; the goal is at most 1.15 times `keras.saving.load_model` of the same
directory. `--against CHECKOUT` instead times all bundled presets, alternating with another checkout of this repository.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "hub"))
import _against  # noqa: E402
from server import Hub  # noqa: E402

PRESET, REPO, ROUNDS = "dcgan_fashion_mnist_28", "me/preset", 15
# The first preset is loaded before the timing starts, because Keras imports and compiles once per process.
LOAD_ALL = """
import time
import zoo
names = zoo.list_presets(kind=None)
zoo.load(names[0])
begun = time.perf_counter()
for name in names:
    zoo.load(name)
print(time.perf_counter() - begun)
"""


def seconds(load):
    begun = time.perf_counter()
    load()
    return time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="another checkout, to time all presets beside")
    checkout = parser.parse_args().against
    if checkout is not None:
        _against.compare("Loading all bundled presets", LOAD_ALL, checkout)
        return
    hub, home = Hub({}), tempfile.mkdtemp()
    # The client reads these when it is imported; other variables would lead it to the user's cache and token.
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
    # The last way comes first because it fills the cache for the others.
    for load in reversed(ways.values()):
        load()
    # The ways alternate, so that all meet the same load of the machine.
    rounds = [[seconds(load) for load in reversed(ways.values())] for _ in range(ROUNDS)]
    times = dict(zip(ways, reversed([statistics.median(column) for column in zip(*rounds, strict=True)]), strict=True))
    for name, taken in times.items():
        print(f"{name:<26}{taken * 1e3:7.0f} ms  {taken / times['bare Keras']:.2f} times bare Keras")
    hub.stop()
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
