"""The line that `fit` shows of each epoch, instead of Keras' progress bar."""

import math
import shutil
import sys
import time

import keras

from zoo.errors import is_number

_COLUMNS, _BAR = 80, 10
# Seconds from one rewriting of the line to the next.
_INTERVAL = 0.1
_SHORT = {"discriminator": "d", "generator": "g"}


class ProgressLine(keras.callbacks.ProgbarLogger):
    """Shows an epoch of `fit` in one line of at most 80 columns: on a terminal while it runs, elsewhere at its end.

    Keras' own bar lists all logs by their full names, in more columns than a terminal can rewrite. This one shows the
    losses, and at the end of an epoch those of the validation and what callbacks measured, as far as they fit. `fit`
    adds it where Keras would add its own; `History` and TensorBoard get all logs by their full names.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self._title = f"Epoch {epoch + 1}/{self.epochs}"
        self._begun = self._after_first = self._last = self._rewritten = time.monotonic()
        self._first, self._of_steps, self._columns = 0, (), 0
        self.seen = 0
        # A notebook rewrites a line, too.
        self._moves = self.verbose == 1 and (_is_terminal(sys.stdout) or "ipykernel" in sys.modules)
        if self._moves:
            self._write(self._title)

    def on_train_batch_end(self, batch, logs=None):
        now = self._last = time.monotonic()
        self.seen = batch + 1
        if not self._first:
            # The first step includes tracing, so it says nothing of the others.
            self._first, self._after_first = self.seen, now
            self._of_steps = tuple(logs or ())
        if self._moves and (now - self._rewritten >= _INTERVAL or self._rewritten == self._begun):
            self._rewritten = now
            self._write(self._running(now, logs or {}))

    def on_epoch_end(self, epoch, logs=None):
        # Keras learns the number of steps of an iterator in the first epoch.
        self.target = self.target or self.seen
        now = time.monotonic()
        others = [f"{self.seen}/{self.target}", _duration(now - self._begun), self._rate()]
        self._write(_fitted(self._title, others, self._figures(logs or {}), self._width()), "\n")

    def _running(self, now, logs):
        steps, bar, left = f"{self.seen} steps", "", _duration(now - self._begun)
        if self.target:
            done = round(_BAR * self.seen / self.target)
            steps, bar = f"{self.seen}/{self.target}", done * "━" + (_BAR - done) * "─"
            left = _duration(self._seconds_a_step() * (self.target - self.seen))
        return _fitted(self._title, [steps, bar, left, self._rate()], self._figures(logs), self._width())

    def _figures(self, logs):
        """Returns the texts of the logs that are worth a place on the line, the most important ones first."""
        validation = [name for name in logs if name.startswith("val_") and name.endswith("loss")]
        losses = [name for name in self._of_steps if name.endswith("loss")]
        # What is measured in some epochs only is NaN in the others.
        measured = [
            name
            for name, value in logs.items()
            if name not in self._of_steps and not name.startswith("val_") and is_number(value) and not math.isnan(value)
        ]
        names = [*losses, *measured, *validation]
        return [f"{_short(name)} {logs[name]:.4g}" for name in names if is_number(logs.get(name))]

    def _seconds_a_step(self):
        steps = self.seen - self._first
        return (self._last - self._after_first) / steps if steps else (self._last - self._begun) / max(1, self.seen)

    def _rate(self):
        seconds = self._seconds_a_step()
        return f"{seconds:.0f}s/step" if seconds >= 1 else f"{1000 * seconds:.0f}ms/step"

    def _width(self):
        # A terminal puts its cursor behind the last column of a line, where some begin the next line.
        return min(_COLUMNS, shutil.get_terminal_size().columns - 1) if self._moves else _COLUMNS

    def _write(self, line, end=""):
        sys.stdout.write(f"\r{line.ljust(self._columns)}{end}" if self._moves else line + end)
        sys.stdout.flush()
        self._columns = len(line)


def _fitted(title, others, figures, width):
    """Returns a line of the title and as many of the other texts as fit; figures are the more important ones."""
    kept, left = set(), width - len(title)
    for text in [*figures, *others]:
        if text and len(text) + 2 <= left:
            kept.add(text)
            left -= len(text) + 2
    return "  ".join([title, *(text for text in [*others, *figures] if text in kept)])


def _short(name):
    for long, short in _SHORT.items():
        name = name.replace(long, short)
    return name


def _duration(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}" if minutes else f"{seconds}s"


def _is_terminal(stream):
    # Streams that only pass lines on have no such method.
    return hasattr(stream, "isatty") and stream.isatty()
