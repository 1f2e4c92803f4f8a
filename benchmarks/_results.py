"""The results of a benchmark in `results/`: a table NAME.csv, a plot NAME.png and, for some, samples NAME_samples.png.

A script writes each finished run to its table at once and skips runs that the table holds, so a rerun continues an
interrupted one; remove rows to measure them again. The plot is drawn from the table. Benchmarks that measure only time
print their results, because these hold for one machine.

Plots need matplotlib: `pip install -e '.[benchmarks]'`.
"""

import contextlib
import csv
import io
from pathlib import Path

import numpy as np
from PIL import Image

from zoo import files
from zoo.images import grid, write_png

FOLDER = Path(__file__).resolve().parent / "results"
# Images in a strip of samples.
SAMPLES = 16
GREY, BLUE, ORANGE = "#8c8c8c", "#0072b2", "#d55e00"


# === Tables ===


def read(name):
    """Returns the rows of a table, in order, as dicts; numbers are numbers and empty cells None."""
    path = FOLDER / f"{name}.csv"
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [{column: _value(cell) for column, cell in row.items()} for row in csv.DictReader(file)]


def _value(cell):
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(cell)
    return cell or None


def keep(name, run, rows):
    """Writes the rows of one run to a table, in place of older rows of the same run.

    Args:
        name: str, name of the benchmark.
        run: dict, the columns that identify the run and their values.
        rows: list of dicts, the other columns of each row.
    """
    others = [row for row in read(name) if any(row[column] != value for column, value in run.items())]
    table = others + [run | row for row in rows]
    content = io.StringIO()
    writer = csv.DictWriter(content, table[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: _cell(value) for column, value in row.items()} for row in table)
    with files.replacing(FOLDER / f"{name}.csv") as temporary:
        temporary.write_text(content.getvalue(), encoding="utf-8", newline="\n")


def _cell(value):
    # Runs of other seeds differ long before the sixth digit.
    return f"{value:.6g}" if isinstance(value, float) else value


def keep_metrics(name, run, metrics):
    """Writes the metrics of a model, as in the manifest, to a table with one row for each."""
    keep(name, {"run": run}, [{"metric": metric, **figure} for metric, figure in metrics.items()])


def read_metrics(name):
    """Returns the metrics of each run of such a table, as in the manifest."""
    runs = {}
    for row in read(name):
        runs.setdefault(row.pop("run"), {})[row.pop("metric")] = row
    return runs


# === Samples ===


def keep_samples(name, index, images):
    """Writes `SAMPLES` images as the strip with this index of the benchmark's samples."""
    path, strip = FOLDER / f"{name}_samples.png", grid(images, columns=SAMPLES)
    strips = list(np.asarray(Image.open(path)).reshape(-1, *strip.shape)) if path.exists() else []
    strips += [np.full_like(strip, 255)] * (index + 1 - len(strips))
    strips[index] = strip
    write_png(path, np.concatenate(strips))


def draw_samples(figure, name, labels, columns=1):
    """Draws the strips of samples below their labels, column by column."""
    strips = np.split(np.asarray(Image.open(FOLDER / f"{name}_samples.png")), len(labels))
    axes = figure.subplots(len(labels) // columns, columns, squeeze=False)
    for place, label, strip in zip(axes.T.flat, labels, strips, strict=True):
        place.imshow(strip, cmap="gray", vmin=0, vmax=255)
        place.set_title(label, loc="left", fontsize=9)
        place.axis("off")


# === Plots ===


@contextlib.contextmanager
def plot(name, title, width, height):
    """Yields an empty matplotlib figure, whose sides are in inches, and writes it as the benchmark's plot."""
    # Only drawing needs matplotlib, which tests do without.
    from matplotlib.figure import Figure

    figure = Figure((width, height), layout="constrained", dpi=120)
    figure.suptitle(title, fontsize=13, fontweight="bold")
    yield figure
    with files.replacing(FOLDER / f"{name}.png") as temporary:
        figure.savefig(temporary, format="png")


def shown(figure):
    return f"{figure['value']:#.3g}"


def draw_bars(axes, title, bars, highlighted, text=shown):
    """Draws one horizontal bar for each model, with its deviation.

    Args:
        axes: matplotlib axes.
        title: str.
        bars: dict from labels to figures as in the manifest, from top to bottom.
        highlighted: str, the label of the coloured bar.
        text: function from a figure to what stands beside its bar; default its value.
    """
    labels, figures = list(bars)[::-1], list(bars.values())[::-1]
    values, deviations = [figure["value"] for figure in figures], [figure["std"] or 0.0 for figure in figures]
    colors = [BLUE if label == highlighted else GREY for label in labels]
    drawn = axes.barh(labels, values, xerr=deviations, color=colors, ecolor="black", height=0.7)
    axes.bar_label(drawn, map(text, figures), padding=4, fontsize=9)
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlim(0, 1.25 * max(values))


def draw_sample_quality(figure, runs, labels, highlighted):
    """Draws four metrics of generated images side by side, above those of real images.

    Args:
        figure: matplotlib figure.
        runs: dict, what `read_metrics` returns.
        labels: dict from runs to labels, from top to bottom.
        highlighted: str, the run of the coloured bar.
    """
    figure.supxlabel("means over three seeds of sampling; black: their standard deviation", fontsize=9)
    titles = {
        "fid": "Fréchet distance\n(lower is better)",
        "kid": "kernel distance\n(lower is better)",
        "precision": "precision\n(higher is better)",
        "recall": "recall\n(higher is better)",
    }
    for axes, (prefix, title) in zip(figure.subplots(1, 4, sharey=True), titles.items(), strict=True):
        metric = next(metric for metric in runs[highlighted] if metric.startswith(prefix))
        bars = {label: runs[run][metric] for run, label in labels.items()}
        bars["real images"] = {"value": runs[highlighted][metric]["real"], "std": None}
        draw_bars(axes, title, bars, labels[highlighted])
