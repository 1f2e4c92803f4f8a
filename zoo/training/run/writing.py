"""The end of a run: the preset, its pictures, its figures, its manifest entry and its card."""

import datetime
import json
import os
import platform
import shutil

import keras

import zoo
from zoo import presets
from zoo.datasets import photographs
from zoo.files import write_json
from zoo.images import grid, write_png
from zoo.metrics import protocols
from zoo.presets import card, weights_file
from zoo.presets.files import WEIGHTS
from zoo.training.pictures import nearest_pairs
from zoo.training.places import place_preset
from zoo.training.run.settings import CPU_FACTS

_LICENCES = {
    "avatars": "free for personal and commercial use",
    "avatars128": "free for personal and commercial use",
    "debian_photographs": f"by photograph: {photographs.credits()}",
    "emoji_in_two_hands": "Noto Emoji by Google: Apache-2.0; Twemoji by Twitter, Inc. and contributors: CC BY 4.0; "
    "names: emojibase-data, MIT, after Unicode CLDR",
    "fashion_mnist": "MIT",
    "imagenet2012": "non-commercial research and education, by the terms of ImageNet",
    "mnist": "CC BY-SA 3.0",
    "openmoji_line_art": "CC BY-SA 4.0, by the OpenMoji project (https://openmoji.org)",
    "tf_flowers": "CC BY 2.0, by the photographers whom its LICENSE.txt names",
}


def finish(run, model, train, *, draw=None, evaluate=None, pictures=None, **facts):
    """Ends the run of a generative model: preset, pictures, evaluation, manifest entry and card.

    The preset holds the weights as float16. Everything is drawn and measured with the model as it loads from there, in
    float32. Beside the samples stands a grid of each sample with its nearest training image, which shows copying.

    Args:
        run: `Run`.
        model: trained model of the zoo.
        train: `zoo.data.ImageSet` of the training images.
        draw: function of the model that returns the images of the grid, and those whose nearest ones are shown, or None
            for none. Default None, 64 samples for both.
        evaluate: function of the model and a `protocols.Size` that returns figures by name, as
            `zoo.metrics.protocols.evaluate` does. Default None, that function if the run has a `dataset`.
        pictures: dict of functions of the model by file name, which return further pictures for the card; default none.
        **facts: further facts for the manifest entry.

    Example:

    ```python
    run.finish(trial, gan, images)
    gan = zoo.load(trial.preset_directory)
    ```
    """
    model = write_and_reload(run, model)
    for name, picture in (pictures or {}).items():
        write_png(run.draft / name, picture(model), scale=2)
    # Large images need no enlargement, and the picture of a card should not be larger than its weights.
    scale = 2 if max(model.image_shape[:2]) <= 64 else 1
    if draw is None:
        shown = sought = model.generate(64, seed=run.seed)
    else:
        shown, sought = draw(model)
    write_png(run.draft / card.SAMPLES, grid(shown), scale=scale)
    if sought is not None:
        pairs = grid(nearest_pairs(sought[:32], train.images), columns=8)
        write_png(run.draft / "nearest.png", pairs, scale=scale)
    size = protocols.SMOKE if run.smoke else protocols.FULL
    metrics = {}
    if evaluate:
        metrics = evaluate(model, size)
    elif run.dataset:
        metrics = protocols.evaluate(model, run.dataset, size=size, data_dir=run.data_dir)
    if run.judge:
        metrics |= protocols.evaluate(
            model, run.dataset, size=size, feature_network=str(run.judge), data_dir=run.data_dir
        )
    for name, figure in metrics.items():
        print(f"{name}: {figure['value']:.4g}")
    write_entry(run, model, metrics=metrics, **facts)


def write_and_reload(run, model):
    """Writes the preset into the run's draft and returns the model that users load from there, in float32."""
    presets.save(model, run.draft, weights_dtype="float16")
    keras.config.set_dtype_policy("float32")
    if run.precision == "float32":
        return zoo.load(run.draft)
    # The weights are rounded already, so saving again does not change them.
    model = zoo.load(run.draft, dtype="float32")
    presets.save(model, run.draft, weights_dtype="float16")
    return model


def write_entry(run, model, *, metrics, kind="model", **facts):
    """Moves the draft to the preset's place, with its card, and writes its manifest entry.

    Args:
        run: `Run` whose draft holds the preset.
        model: the model as it loads from there.
        metrics: dict of figures by name.
        kind: `"model"` (default) or `"feature_network"`.
        **facts: further facts for the entry.
    """
    path = run.manifest_path
    entries = json.loads(path.read_text(encoding="utf-8"))["presets"] if path.exists() else {}
    entry = entries[run.name] = _entry(run, model, entries.get(run.name, {}), metrics, kind, facts)
    text = card.bundled_card(run.draft, run.name, entry)
    (run.draft / card.CARD).write_text(text, encoding="utf-8")
    directory = run.preset_directory
    place_preset(run.draft, directory)
    write_json(path, {"presets": dict(sorted(entries.items()))})
    shutil.rmtree(run.draft)
    run.close()
    print(f"Wrote {directory} and its entry in {path}.")


def _entry(run, model, old, metrics, kind, facts):
    before = old if run.further else {"epochs": 0, "training_minutes": 0.0, "cycles": 0}
    of_prior = [trained.epochs for trained in run.trained if trained.stage == "prior"]
    of_model = [trained.epochs for trained in run.trained if trained.stage != "prior"]
    # Each stage is one cycle of the learning rate.
    cycles = before.get("cycles", 1) + len(of_model)
    seconds = sum(trained.seconds for trained in run.trained)
    repeated = run.not_reproducible_because is None
    training = {
        "seed": run.seed,
        "precision": run.precision,
        "epochs": before["epochs"] + sum(of_model),
        **({"cycles": cycles} if cycles > 1 else {}),
        **({"prior_epochs": sum(of_prior)} if of_prior else {}),
        "training_minutes": round(before["training_minutes"] + seconds / 60, 1),
        "machine": f"{os.cpu_count()} cores, {_cpu()}",
    }
    return {
        "kind": kind,
        "class": type(model).__name__,
        "version": old.get("version", 0) + 1,
        "repo_id": None,
        "revision": None,
        "files": {name: presets.describe_file(run.draft / name) for name in presets.HASHED_FILES},
        "parameters": weights_file.parameters(run.draft / WEIGHTS),
        "dataset": run.dataset,
        "dataset_licence": _LICENCES.get(run.dataset),
        **facts,
        "weights_licence": "Apache-2.0" if run.script else None,
        "recipe": run.script,
        **({} if repeated else {"reproducible": False, "not_reproducible_because": run.not_reproducible_because}),
        "commit": run.commit,
        **(training if run.trained else {}),
        "date": datetime.date.today().isoformat(),
        "metrics": metrics,
    }


def _cpu():
    for line in CPU_FACTS.read_text().splitlines() if CPU_FACTS.exists() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()
