"""The devices and processes that share a training under JAX: how they find each other, and what is whose."""

import atexit
import contextlib
import hashlib
import json
import os
import re
import sys
import threading

import keras

from zoo.errors import InputError, ProcessError, check_count, first_line, shown

# Seconds in which all processes have to be there, and after which a silent one counts as dead.
DEADLINE, HEARTBEAT = 120, 20


def number_of_devices():
    """Returns the number of devices that share each batch: those of Keras' distribution, or 1 without one."""
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else distribution.device_mesh.devices.size


def share_of_process():
    """Returns the index of this process among those that share each batch, and their number."""
    if keras.distribution.distribution() is None:
        return 0, 1
    import jax

    return jax.process_index(), jax.process_count()


def share(devices=None, processes=1, index=0, coordinator=None, deadline=DEADLINE):
    """Makes all models that this process builds from now on share their batches among devices and processes.

    Every process has to call this before anything else computes, with the same arguments but for `index`.

    Args:
        devices: int, at least 1, or None. Number of devices of this process. Defaults to None, all that it has.
        processes: int, at least 1. Number of processes. Defaults to 1.
        index: int from 0 to `processes - 1`. Number of this process. Defaults to 0.
        coordinator: str or None. `"HOST:PORT"` of process 0, where all processes meet; needed for several. Defaults to
            None.
        deadline: int, at least 1. Seconds to wait for the others. Defaults to 120.

    Raises:
        InputError: If the backend is not JAX, an argument is out of range, or there are fewer devices.
        ProcessError: If the processes do not meet in time. This process then has to end.

    Example:

    ```python
    from zoo import devices

    devices.share(processes=2, index=0, coordinator="10.0.0.1:1234")
    ```
    """
    if keras.backend.backend() != "jax":
        raise InputError(f"KERAS_BACKEND is {keras.backend.backend()!r}, expected 'jax' for several devices.")
    check_count(processes, "processes")
    check_count(index, "index", least=0, most=processes - 1)
    if processes > 1:
        _meet(processes, index, coordinator, deadline)
    import jax

    most = len(jax.local_devices())
    if devices is not None and check_count(devices, "devices") > most:
        raise InputError(f"devices is {devices}, expected at most {most}, as many as this process has.")
    used = [device for each in range(processes) for device in jax.local_devices(each)[:devices]]
    names = [f"{device.platform}:{device.id}" for device in used]
    # Keras shards data sets of TensorFlow alone, and the zoo's own batches know their share.
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names, auto_shard_dataset=False))


def _meet(processes, index, coordinator, deadline):
    host, _, port = coordinator.rpartition(":") if isinstance(coordinator, str) else ("", "", "")
    if not host or not port.isdecimal():
        raise InputError(f"coordinator is {shown(coordinator)}, expected HOST:PORT of process 0.")
    import jax

    # Without it, processes on CPUs cannot exchange arrays.
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    # JAX aborts the process where the others do not come in its own time.
    settings = {"initialization_timeout": 2 * deadline, "heartbeat_timeout_seconds": HEARTBEAT}
    failures = []

    def meet():
        try:
            jax.distributed.initialize(coordinator, processes, index, **settings)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    meeting = threading.Thread(target=meet, daemon=True)
    meeting.start()
    meeting.join(deadline)
    if failures and not isinstance(failures[0], jax.errors.JaxRuntimeError):
        raise InputError(f"share has to come before anything computes ({first_line(failures[0])}).")
    if not jax.distributed.is_initialized() or meeting.is_alive():
        atexit.register(_exit)
        raise ProcessError(f"The {processes} processes did not meet at {coordinator} within {deadline} s.")


def check_agreement(facts):
    """Refuses processes that would train on different things.

    Args:
        facts: dict, by what messages call it, of what JSON holds and all processes must have in common.

    Raises:
        InputError: If a fact differs between two processes; the message names the first that does.
    """
    import numpy as np
    from jax.experimental import multihost_utils

    digests = [hashlib.sha256(json.dumps(fact, sort_keys=True).encode()).digest() for fact in facts.values()]
    all_digests = multihost_utils.process_allgather(np.frombuffer(b"".join(digests), "uint8"))
    for fact, of_processes in zip(facts, all_digests.reshape(-1, len(facts), 32).swapaxes(0, 1), strict=True):
        for index, digest in enumerate(of_processes):
            if (digest != of_processes[0]).any():
                raise InputError(f"Process {index} has other {fact} than process 0, expected the same.")


@contextlib.contextmanager
def together():
    """Ends this process at once where it fails within this context, and says where another one has ended before it."""
    if share_of_process()[1] == 1:
        yield
        return
    import jax

    try:
        yield
    except BaseException as error:
        # At its exit, JAX would wait for the others, and abort the process if they are gone.
        atexit.register(_exit)
        if isinstance(error, jax.errors.JaxRuntimeError) or tells_of_lost_process(error):
            raise ProcessError(
                f"Another process of this training has ended or cannot be reached ({first_line(error)})."
            ) from error
        raise


def tells_of_lost_process(error):
    """Whether an error is the `ValueError` that JAX raises in some calls where an exchange with a process fails."""
    return isinstance(error, ValueError) and re.search(r"Gloo [\w-]+ failed", str(error)) is not None


def _exit():
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def part():
    """Ends what the processes have in common: from now on this one computes alone."""
    several = share_of_process()[1] > 1
    keras.distribution.set_distribution(None)
    if several:
        import jax

        jax.distributed.shutdown()
