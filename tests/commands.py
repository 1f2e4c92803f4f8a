"""Runs the command `zoo` as people do, or in this process, and says what holds of every run."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from zoo.cli import main

ZOO = Path(sys.executable).with_name("zoo")


def run(*arguments, cwd, command=(ZOO,), limit=None, **environment):
    """Runs the installed command; asserts what holds of every run: no traceback, no noise of TensorFlow."""
    # The suite quiets TensorFlow; that the command does so itself is under test.
    inherited = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    result = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
    assert "Traceback" not in result.stderr
    assert "tensorflow" not in result.stderr.lower()
    return result


def run_here(*arguments, cwd):
    """The same in this process, which has TensorFlow already, for what a process of its own would not change."""
    with contextlib.chdir(cwd):
        result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


def succeed(*arguments, by=run, **options):
    result = by(*arguments, **options)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def fail(*arguments, by=run, **options):
    """The one sentence of a run that must fail."""
    result = by(*arguments, **options)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith((".\n", "?\n"))
    return result.stderr
