"""The command group `zoo`, which prints every error in one sentence."""

import contextlib
import os
import sys
import warnings

import click

import zoo
from zoo.errors import ZooError, printable


@contextlib.contextmanager
def _ends_in_one_sentence():
    """Reports click's usage errors like any other error, with exit status 1, and interruptions with exit status 130."""
    try:
        yield
    except KeyboardInterrupt as interruption:
        # The blank line ends that of a progress bar or of the terminal's `^C`.
        click.echo(f"\n{str(interruption) or 'Aborted!'}", err=True)
        raise click.exceptions.Exit(130) from None
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        message = error.format_message()
        raise click.ClickException(message if message.endswith((".", "?")) else f"{message}.") from error


class _ZooGroup(click.Group):
    """Prints errors and warnings in one sentence each; a traceback would be a bug in the zoo."""

    def make_context(self, *args, **settings):
        with _ends_in_one_sentence():
            return super().make_context(*args, **settings)

    def invoke(self, context):
        said = set()

        def say_once(message, *_, **__):
            # A preset is verified before TensorFlow is imported and again by `zoo.load`, so warnings can repeat.
            if str(message) not in said:
                said.add(str(message))
                click.echo(f"Warning: {printable(str(message))}", err=True)

        with warnings.catch_warnings(), _ends_in_one_sentence():
            warnings.showwarning = say_once
            try:
                return super().invoke(context)
            except ZooError as error:
                raise click.ClickException(str(error)) from error
            except BrokenPipeError:
                # `zoo list | head` closes the pipe early; click handles this.
                raise
            except OSError as error:
                subject = f"{error.filename!r} cannot be used: " if error.filename else ""
                raise click.ClickException(f"{subject}{error.strerror or error}.") from error


@click.group(cls=_ZooGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(zoo.__version__)
def main():
    """Generative models with pretrained weights."""
    _open_streams()


def _open_streams():
    """Opens closed standard streams on the null device; otherwise the next opened file would take their number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The system assigns the lowest free number, which is this one.
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
