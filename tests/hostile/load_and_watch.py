"""Loads presets in this process and tells of each what was said, what it took and what it changed.

Run as a script with the paths of a harmless preset and of hostile ones; prints a JSON object.
"""

import json
import os
import random
import resource
import sys
import time
import warnings

import h5py
import keras
import numpy as np

import zoo
from zoo.errors import PresetError

HARMLESS_MODULES = {"keras", "zoo", "numpy", "h5py", "tensorflow"}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
seen, watching = [], False


def watch(event, arguments):
    """Notes what no load may do; an audit hook."""
    if not watching:
        return
    if event == "open":
        path, mode, flags = arguments
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (flags and flags & WRITES):
            seen.append(f"opened {path} to write")
    elif event == "import":
        if arguments[0].partition(".")[0] not in HARMLESS_MODULES:
            seen.append(f"imported {arguments[0]}")
    elif event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.remove")):
        seen.append(event)


def state():
    """What a load may not change in the process."""
    return [
        keras.config.dtype_policy().name,
        keras.config.floatx(),
        keras.config.backend(),
        keras.config.epsilon(),
        keras.config.image_data_format(),
        repr(random.getstate()),
        repr(np.random.get_state()),
        os.getcwd(),
        dict(os.environ),
        sorted(keras.saving.get_custom_objects()),
        h5py.get_config().default_file_mode if hasattr(h5py.get_config(), "default_file_mode") else None,
    ]


def peak():
    """The most memory that this process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(harmless, *hostile):
    global watching
    warnings.simplefilter("ignore")
    # What Keras imports at its first load is not a preset's doing.
    zoo.load(harmless).generate(1, seed=0)
    sys.addaudithook(watch)
    answers = {}
    for path in hostile:
        before, memory, start = state(), peak(), time.perf_counter()
        seen.clear()
        watching = True
        try:
            zoo.load(path)
            said = "loaded"
        except PresetError as error:
            said = str(error)
        watching = False
        answers[os.path.basename(path)] = {
            "said": said,
            "seconds": time.perf_counter() - start,
            "megabytes": peak() - memory,
            "seen": list(seen),
            "changed": state() != before,
        }
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
