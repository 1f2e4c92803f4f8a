"""Processes that find TensorFlow imported: one that has imported it forks a new one for each script.

Importing Keras and TensorFlow takes five seconds, and dozens of tests need a process of their own: since the client of
the Hub reads its environment at import, since they are killed, or since they set up replicas.
"""

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

# It imports nothing that reads an environment variable of the zoo or of the Hub's client.
SERVER = """
import atexit, json, os, sys, traceback
import h5py, keras, numpy, PIL.Image, tensorflow

def run(task):
    for stream, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(task[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(task["environment"])
    os.chdir(task["cwd"])
    sys.path[:0] = task["environment"].get("PYTHONPATH", "").split(os.pathsep)
    sys.argv = ["-c", *task["arguments"]]
    try:
        exec(compile(task["script"], "<string>", "exec"), {"__name__": "__main__"})
        return 0
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1

answers = os.fdopen(os.dup(1), "w")
for line in sys.stdin:
    if not (child := os.fork()):
        code = run(json.loads(line))
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\\n")
    answers.flush()
"""


@functools.cache
def _server():
    """The process that forks, one for each process that runs tests."""
    command = [sys.executable, "-c", SERVER]
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    server = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    atexit.register(server.communicate)
    return server


def run(script, arguments, environment, cwd):
    """Runs Python source as `python -c` does, and returns a `subprocess.CompletedProcess` with texts."""
    with tempfile.TemporaryDirectory() as folder:
        task = {
            "script": script,
            "arguments": [*map(str, arguments)],
            "environment": environment,
            "cwd": str(cwd),
            "stdout": f"{folder}/stdout",
            "stderr": f"{folder}/stderr",
        }
        server = _server()
        server.stdin.write(json.dumps(task) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        said = [(Path(folder) / name).read_text("utf-8") for name in ("stdout", "stderr")]
    return subprocess.CompletedProcess(task["arguments"], code, *said)
