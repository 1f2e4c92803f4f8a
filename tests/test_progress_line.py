"""What `fit` shows: one line an epoch, of at most 80 columns, rewritten on a terminal; all else is in the history."""

import os
import pty
import re

import keras
import pytest
from helpers import images, tiny_gan

from zoo.callbacks import ProgressLine, SampleMetric

LOGS = [f"discriminator_{what}" for what in ("fake", "gradient_norm", "loss", "real")]
LOGS += ["generator_gradient_norm", "generator_loss"]


@pytest.fixture
def gan(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    model = tiny_gan()
    model.compile(run_eagerly=True)
    return model


def fit(model, **arguments):
    measured = SampleMetric("distance", lambda _: 0.123456)
    return model.fit(images(8), batch_size=4, callbacks=[measured], **arguments)


def on_a_terminal(monkeypatch, write):
    """What a function writes to a terminal."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr("sys.stdout", terminal)
        write()
        monkeypatch.undo()
        said = os.read(ours, 100_000).decode()
    os.close(ours)
    return said


@pytest.mark.slow
def test_an_epoch_is_one_line_that_is_rewritten(gan, monkeypatch):
    *lines, rest = on_a_terminal(monkeypatch, lambda: fit(gan, epochs=2)).split("\r\n")
    assert len(lines) == 2 and rest == ""
    for epoch, line in enumerate(lines, 1):
        shown = line.split("\r")
        assert max(map(len, shown)) < 80
        begun, step, end = shown[1], shown[2], shown[-1]
        assert begun == f"Epoch {epoch}/2"
        assert re.fullmatch(rf"{begun}  1/2  ━━━━━─────  \S+  \S+/step  d_loss \d\.\d+  g_loss \d\.\d+", step)
        assert end.startswith(begun)
        assert re.search(r"  d_loss \d\.\d+  g_loss \d\.\d+  distance 0\.1235\b", end)


@pytest.mark.slow
def test_a_narrow_terminal_gets_what_fits(gan, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    said = on_a_terminal(monkeypatch, lambda: fit(gan))
    assert max(map(len, re.split(r"[\r\n]+", said))) < 40
    assert "Epoch 1/1  " in said and "d_loss" in said and "distance" not in said


@pytest.mark.slow
@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_file_gets_one_line_an_epoch(gan, capsys, verbose):
    history = fit(gan, epochs=2, verbose=verbose, validation_data=images(4))
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert all(len(line) <= 80 and "  d_loss " in line and "  g_loss " in line for line in lines)
    # The logs of everything else have their full names and all figures.
    validated = [f"val_{name}" for name in LOGS if "norm" not in name]
    assert sorted(history.history) == sorted([*LOGS, *validated, "distance"])
    shown = float(re.search(r"d_loss (\S+)", lines[1])[1])
    assert shown == pytest.approx(history.history["discriminator_loss"][1], 1e-3)


@pytest.mark.slow
def test_batches_without_a_number_are_counted(gan, capsys):
    def batches():
        for _ in range(3):
            yield images(4)

    gan.fit(batches(), epochs=1)
    assert re.match(r"Epoch 1/1  3/3  \d+s  \d+ms/step  d_loss ", capsys.readouterr().out)


@pytest.mark.slow
def test_silence_and_the_bar_of_keras_stay_possible(gan, capsys):
    gan.fit(images(4), batch_size=4, verbose=0)
    assert capsys.readouterr().out == ""
    gan.fit(images(4), batch_size=4, callbacks=[keras.callbacks.ProgbarLogger()])
    said = capsys.readouterr().out
    assert "discriminator_loss: " in said and "d_loss " not in said


def test_long_epochs_and_slow_steps_are_readable(monkeypatch, capsys):
    clock = iter([0.0, 100.0, 100.0 + 3_700.0, 8_000.0])
    monkeypatch.setattr("zoo.callbacks.progress_line.time.monotonic", lambda: next(clock))
    line = ProgressLine()
    line.set_params({"verbose": 2, "epochs": 1, "steps": 2})
    line.on_epoch_begin(0)
    line.on_train_batch_end(0, {"loss": 1.0})
    line.on_train_batch_end(1, {"loss": float("nan")})
    line.on_epoch_end(0, {"loss": float("nan")})
    assert capsys.readouterr().out == "Epoch 1/1  2/2  2:13:20  3700s/step  loss nan\n"
