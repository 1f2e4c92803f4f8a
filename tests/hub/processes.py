"""The zoo in a process of its own, since the client of the Hub reads its environment when it is imported."""

import subprocess
import sys
from pathlib import Path

import forks

import zoo

ROOT = Path(zoo.__file__).resolve().parent.parent


class Python:
    """Runs scripts with the zoo under test and one Hub; what a process writes never holds a token.

    A `warm` process finds TensorFlow imported; one with a `preexec_fn` never is.
    """

    def __init__(self, hub):
        self._hub = hub

    def __call__(self, script, *arguments, home, token=None, cwd=None, warm=True, preexec_fn=None, **environment):
        given = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
        environment, cwd = self._hub.environment(home, token, **given), cwd or ROOT.parent
        if warm and preexec_fn is None:
            result = forks.run(script, arguments, environment, cwd)
        else:
            command = [sys.executable, "-c", script, *map(str, arguments)]
            limits = {"env": environment, "cwd": cwd, "preexec_fn": preexec_fn}
            result = subprocess.run(command, **limits, capture_output=True, text=True, check=False)
        for secret in (*self._hub.tokens, *(token or "").split()):
            assert secret not in result.stdout + result.stderr
        return result
