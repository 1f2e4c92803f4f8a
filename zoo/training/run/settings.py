"""A run: its name, folders, seed and precision, and what it has trained so far."""

import dataclasses
import shutil
from pathlib import Path
from typing import NamedTuple

import keras

from zoo import callbacks, presets
from zoo.backend import set_random_seed
from zoo.errors import InputError, check_count
from zoo.files import expanded

CPU_FACTS = Path("/proc/cpuinfo")


class Trained(NamedTuple):
    """A finished stage: its name, its epochs, and the seconds that they took."""

    stage: str
    epochs: int
    seconds: float


@dataclasses.dataclass
class Run:
    """A training run; `begin` and `recipe` make it.

    Attributes:
        name: str. Name of the preset.
        output: `pathlib.Path` of the folder for grids, logs and the backup.
        preset_directory: `pathlib.Path` of the preset.
        manifest_path: `pathlib.Path` of the manifest that gets the preset's entry.
        dataset: str or None. TFDS name of the data; None skips the evaluation.
        data_dir: str or None. Folder of TFDS.
        seed: int. Seed of the model, the order of images and the samples.
        precision: str. Keras dtype policy of the training.
        smoke: bool. Whether everything is as small as possible, for a test.
        further: bool. Whether the first stage starts from the weights in `preset_directory`.
        judge: `pathlib.Path` or None. Folder of a feature network that measures the model beside that of the data set.
        script: str or None. Path of the recipe in its repository.
        commit: str or None. Git commit of the recipe.
        not_reproducible_because: str or None. Why the recipe alone does not repeat the weights of the preset.
        trained: list of the finished stages.
    """

    name: str
    output: Path
    preset_directory: Path
    manifest_path: Path
    dataset: str | None = None
    data_dir: str | None = None
    seed: int = 0
    precision: str = "float32"
    smoke: bool = False
    further: bool = False
    judge: Path | None = None
    script: str | None = None
    commit: str | None = None
    not_reproducible_because: str | None = None
    trained: list[Trained] = dataclasses.field(default_factory=list)

    @property
    def draft(self):
        """Folder of the preset until it is measured, so that a preset always fits its manifest entry."""
        return self.output / "draft"

    def backup(self, stage=""):
        """Returns the folder of a stage's backup."""
        return self.output / "backup" / (stage or "all")

    def continues(self, stage=""):
        """Returns whether a killed run left a backup of a stage. A kill before the first epoch's end leaves none."""
        return (self.backup(stage) / callbacks.BACKUP).exists()

    def open(self, resume, further):
        """Refuses to overwrite an unfinished run, and sets the seed and the precision of this process."""
        backups = self.output / "backup"
        if any(backups.rglob(callbacks.BACKUP)) and not resume:
            raise InputError(
                f"{backups} holds an unfinished run; continue it with --resume (resume=True), or remove {self.output}."
            )
        if further and not (self.preset_directory / presets.CONFIG).exists():
            raise InputError(
                f"--further (further=True) starts from the weights in {self.preset_directory}, which holds no preset."
            )
        # The mark outlives a kill, so that a resumed run knows where it started.
        mark = self.output / "further"
        if further:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
        elif not resume:
            mark.unlink(missing_ok=True)
        self.further = mark.exists()
        self.precision = affordable(self.precision)
        keras.config.set_dtype_policy(self.precision)
        set_random_seed(self.seed)

    def close(self):
        """Removes the backup; the next run in this folder starts anew."""
        if self.trained:
            shutil.rmtree(self.output / "backup")
        (self.output / "further").unlink(missing_ok=True)


def begin(name, output, *, dataset=None, data_dir=None, seed=0, precision="float32", resume=False, further=False):
    """Begins a run, or continues one that was killed; call this before you build the model.

    It seeds Python, NumPy and Keras, and sets Keras' dtype policy.

    Args:
        name: str. Name of the preset.
        output: str or path. Folder of the run. The preset is written to `output/preset`, its entry to
            `output/weights_manifest.json`.
        dataset: str or None. TFDS name of the data, by which `finish` evaluates the model; default None, no evaluation.
        data_dir: str or None. Folder of TFDS; default `TFDS_DATA_DIR` or TFDS' own.
        seed: int from 0 to 2**32 - 1; default 0.
        precision: str. Dtype policy such as `"mixed_bfloat16"`; float32 is used where that would be slow. Default
            `"float32"`.
        resume: bool. Whether to continue an unfinished run in `output`; a new run begins if there is none. Default
            False.
        further: bool. Whether to start from the weights of the preset that the last run in `output` wrote. Default
            False.

    Returns:
        `Run`.

    Raises:
        InputError: `output` holds an unfinished run and `resume` is False, or `further` finds no preset.

    Example:

    ```python
    trial = run.begin("my_gan", "runs/my_gan", resume=True)
    ```
    """
    output = expanded(output)
    begun = Run(
        name,
        output,
        output / "preset",
        output / "weights_manifest.json",
        dataset=dataset,
        data_dir=data_dir,
        seed=check_count(seed, "seed", least=0, most=2**32 - 1),
        precision=precision,
    )
    begun.open(resume, further)
    return begun


def affordable(precision):
    """Returns a dtype policy on a GPU or with AVX-512, else float32.

    With AVX2 alone, gradients of bfloat16 convolutions take 20 times as long.
    """
    if keras.backend.backend() == "torch":
        # Keras lists no devices of PyTorch.
        accelerated = keras.ops.zeros(()).device.type != "cpu"
    else:
        # JAX raises an error when asked for GPUs on a machine without any.
        accelerated = any(not name.lower().startswith("cpu") for name in keras.distribution.list_devices())
    fast = accelerated or (CPU_FACTS.exists() and "avx512" in CPU_FACTS.read_text())
    return precision if fast else "float32"
