"""Times a program in this checkout and in another one, in turn, so that both meet the same load of the machine."""

import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROCESSES = 5


def compare(what, program, checkout):
    """Prints the times of a program here and in another checkout, and the ratio of their medians.

    Args:
        what: str that names what is timed.
        program: str. Python code that imports `zoo` and prints its time in seconds last.
        checkout: `pathlib.Path` of the other checkout.
    """
    times = {ROOT: [], checkout.resolve(): []}
    for _ in range(PROCESSES):
        for root, taken in times.items():
            environment = {**os.environ, "PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "3"}
            command = [sys.executable, "-c", program]
            found = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=True)
            taken.append(float(found.stdout.splitlines()[-1]))
    print(what)
    for root, taken in times.items():
        print(f"  {root}: median {statistics.median(taken):.4g} s, from {min(taken):.4g} to {max(taken):.4g}")
    here, there = map(statistics.median, times.values())
    print(f"  ratio {here / there:.3f}")
