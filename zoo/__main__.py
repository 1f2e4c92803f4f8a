"""The command `zoo`, also as `python -m zoo`: imports the rest where an interruption is told in a word."""

import sys


def main():
    """Runs the command; one that is interrupted while it is still imported ends with the status 130."""
    try:
        from zoo.cli import main as command
    except KeyboardInterrupt:
        print("Aborted!", file=sys.stderr)
        sys.exit(130)
    command(prog_name="zoo")


if __name__ == "__main__":
    main()
