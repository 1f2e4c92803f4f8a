"""A recipe's command line and its data, which a smoke run replaces by a few synthetic images."""

import argparse
import dataclasses
import subprocess
from pathlib import Path

import numpy as np

from zoo import data, presets
from zoo.datasets import avatars
from zoo.errors import InputError, PresetError
from zoo.metrics import features
from zoo.training.run.settings import Run
from zoo.training.run.stages import Stage


@dataclasses.dataclass(kw_only=True)
class Recipe(Run):
    """The run of a recipe, with what its command line says.

    Attributes:
        epochs: int or None. Epochs of each stage of the model; None for those that the recipe lists.
        prior_epochs: int or None. Epochs of the prior.
        test_sets: `pathlib.Path` or None. Folder of folders of test pictures, for super-resolution.
    """

    epochs: int | None
    prior_epochs: int | None = None
    test_sets: Path | None = None

    def stages(self, listed, images, **shared):
        """Returns the stages that a recipe lists; with `--further` the last one alone, with all changes before it.

        Args:
            listed: list of dicts of arguments of `Stage`, `epochs` included.
            images: `zoo.data.ImageSet`.
            **shared: arguments that all stages have.

        Returns:
            List of `Stage`, with the names `stage_1`, `stage_2` and so on.

        Example:

        ```python
        STAGES = {"epochs": 12}, {"epochs": 3, "changes": {"objective": "relativistic"}}
        stages = recipe.stages(STAGES, train, batch_size=32, learning_rate=(2e-3, 5e-4), betas=(0.0, 0.99))
        ```
        """
        given = {"epochs": self.epochs, "cosines": None} if self.epochs else {}
        found = [
            Stage(images, name=f"stage_{number}", **{**shared, **each, **given})
            for number, each in enumerate(listed, 1)
        ]
        if not self.further:
            return found
        changes = {name: value for stage in found for name, value in stage.changes.items()}
        return [dataclasses.replace(found[-1], changes=changes)]

    def read(self, image_shape, split="train"):
        """Reads a split of the data set as `zoo.data.read` does."""
        if not self.smoke:
            return data.read(self.dataset, image_shape, split=split, data_dir=self.data_dir)
        stream = np.random.RandomState(self.seed)
        # This is at least a batch of every recipe; recipes of large images have smaller batches.
        number = 128 if max(image_shape) < 64 else 64
        labels = np.arange(number, dtype="int32") % 10
        blobs = stream.uniform(0, 1, (10, *image_shape))[labels] * 200 + stream.uniform(0, 55, (number, *image_shape))
        return data.ImageSet(blobs.astype("uint8"), labels, tuple("0123456789"))

    def read_pairs(self, image_shape, source_shape):
        """Reads the pairs of the splits train and test as `zoo.data.read_pairs` does, captions included."""
        return tuple(self._pairs(image_shape, source_shape, split) for split in ("train", "test"))

    def _pairs(self, image_shape, source_shape, split):
        if not self.smoke:
            return data.read_pairs(self.dataset, image_shape, source_shape, split=split, data_dir=self.data_dir)
        first, second = (self.read(shape, split) for shape in (image_shape, source_shape))
        prompts = np.array([f"blob {label}, blob, round" for label in first.labels[:16]])
        return data.ImageSet(first.images[:16], source_images=second.images[:16], prompts=prompts)

    def read_avatars(self, split="train"):
        """Reads a split of `avatars`: the images, each labelled with its own index, and a dict of their attributes."""
        images = self.read(avatars.IMAGE_SHAPE, split).images
        if self.smoke:
            faces = [avatars.encode(avatars.draw(split, index)) for index in range(len(images))]
            attributes = {name: np.array([face[name] for face in faces]) for name in faces[0]}
        else:
            attributes = data.attributes("avatars", split=split, data_dir=self.data_dir)
        return data.ImageSet(images, np.arange(len(images), dtype="int32")), attributes


def recipe(
    script,
    dataset,
    epochs=None,
    precision="float32",
    *,
    prior_epochs=None,
    converts=False,
    not_reproducible_because=None,
):
    """Parses the command line of a recipe and begins its run; call this before you build the model.

    Args:
        script: str. `__file__` of the recipe. Its stem is the preset's name, and the folder above its own gets `runs/`.
        dataset: str. TFDS name of the data.
        epochs: int or None. Default of `--epochs`; default None, for recipes that list the epochs of their stages.
        precision: str. Keras dtype policy; float32 is used where another would be slow. What is written and measured
            computes in float32. Default `"float32"`.
        prior_epochs: int or None. Default of `--prior-epochs`; None for models without a prior.
        converts: bool. Whether published weights are converted and nothing is trained; such a recipe has no options of
            a training. Default False.
        not_reproducible_because: str or None. One sentence on why the recipe alone does not repeat the weights of the
            preset; the manifest entry gets it. Default None.

    Returns:
        `Recipe`.

    Example:

    ```python
    recipe = run.recipe(__file__, "fashion_mnist", epochs=16)
    train = recipe.read((28, 28, 1))
    ```
    """
    script = Path(script).resolve()
    name, root = script.stem, script.parent.parent
    parser = _parser(name, epochs, prior_epochs, converts)
    args = parser.parse_args()
    for option in ("epochs", "prior_epochs"):
        given = getattr(args, option)
        if given is not None and given < 1:
            parser.error(f"--{option.replace('_', '-')} is {given}, expected at least 1.")
    apart = args.smoke or args.output is not None
    output = args.output or root / "runs" / (f"{name}-smoke" if args.smoke else name)
    begun = Recipe(
        name,
        output,
        # A trial or a smoke run leaves the shipped preset alone.
        output / "preset" if apart else presets.BUNDLED / name,
        output / "weights_manifest.json" if apart else presets.manifest_path(),
        dataset=dataset,
        data_dir=args.data_dir,
        precision=precision,
        smoke=args.smoke,
        script=f"{script.parent.name}/{script.name}",
        commit=_commit(root),
        not_reproducible_because=not_reproducible_because,
        epochs=1 if args.smoke else args.epochs,
        prior_epochs=1 if args.smoke and prior_epochs else args.prior_epochs,
        test_sets=args.test_sets,
        judge=args.judge,
    )
    try:
        if args.judge:
            # A wrong folder would end the run after the training.
            features.load(args.judge)
        begun.open(args.resume, args.further)
    except (InputError, PresetError) as error:
        parser.error(str(error))
    return begun


def _parser(name, epochs, prior_epochs, converts):
    parser = argparse.ArgumentParser(description=f"{'Converts' if converts else 'Trains'} the preset {name}.")
    parser.add_argument("--data-dir", help="prepared TFDS folder; default TFDS_DATA_DIR")
    parser.add_argument(
        "--output", type=Path, help=f"default runs/{name}; another gets the preset too, and what is shipped stays"
    )
    parser.set_defaults(
        epochs=None, prior_epochs=None, further=False, resume=False, test_sets=None, judge=None, smoke=False
    )
    if converts:
        return parser
    default = f"default {epochs}" if epochs else "epochs of each stage; default those that the recipe lists"
    parser.add_argument("--epochs", type=int, default=epochs, help=default)
    if prior_epochs:
        parser.add_argument("--prior-epochs", type=int, default=prior_epochs, help=f"default {prior_epochs}")
    else:
        parser.add_argument(
            "--further",
            action="store_true",
            help="run the last stage again, from the weights that the recipe wrote last",
        )
    parser.add_argument("--resume", action="store_true", help="continue a killed run exactly")
    parser.add_argument("--test-sets", type=Path, help="folder of folders of pictures, for super-resolution")
    parser.add_argument("--judge", type=Path, help="folder of a feature network that measures the preset, too")
    parser.add_argument("--smoke", action="store_true", help="the whole path in under a minute, on synthetic data")
    return parser


def _commit(root):
    result = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False)
    return result.stdout.strip() or None
