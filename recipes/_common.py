"""What the recipes share: the command line, data, callbacks, and writing the preset with its manifest entry."""

import argparse
import csv
import datetime
import json
import os
import platform
import shutil
import subprocess
import time
from pathlib import Path

# Before TensorFlow is imported, which turns oneDNN on by itself only where there is AVX-512: with AVX2 alone a step of
# StyleGAN took 1.1 seconds without and 0.64 with it.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np

import zoo
from zoo import callbacks, data, latents, presets
from zoo.bicubic import resize_bicubic
from zoo.datasets import avatars, photographs
from zoo.errors import InputError
from zoo.files import replacing_directory, write_json
from zoo.images import grid, read_picture, write_png
from zoo.layers.conditional_norm import ConditionalBatchNormalization
from zoo.layers.spectral_normalization import SpectralNormalization
from zoo.metrics import features, nearest_images, protocols, psnr, references
from zoo.nets import conv
from zoo.presets import card

ROOT = Path(__file__).resolve().parent.parent
SEED = 0
DISTANCE = "fid2k_train"
LICENCES = {
    "avatars": "free for personal and commercial use",
    "debian_photographs": f"by photograph: {photographs.credits()}",
    "emoji_in_two_hands": "Noto Emoji by Google: Apache-2.0; Twemoji by Twitter, Inc. and contributors: CC BY 4.0; "
    "names: emojibase-data, MIT, after Unicode CLDR",
    "fashion_mnist": "MIT",
    "mnist": "CC BY-SA 3.0",
    "openmoji_line_art": "CC BY-SA 4.0, by the OpenMoji project (https://openmoji.org)",
    "tf_flowers": "CC BY 2.0, by the photographers whom its LICENSE.txt names",
}
_CPU = Path("/proc/cpuinfo")
_LATENTS_TO_FIT, _STRENGTH_OF_STYLES = 10_000, 0.5
_BATCHES_OF_STATISTICS = 100


def arguments(script, epochs, precision="float32", prior_epochs=None):
    """Parses a recipe's command line and seeds everything; the preset's name is the script's.

    `precision` is the Keras dtype policy of the training, float32 where half precision gains nothing; what is written
    and measured computes in float32. Models with a prior have `prior_epochs` of their own.
    """
    name = Path(script).stem
    parser = argparse.ArgumentParser(description=f"Trains the preset {name}.")
    parser.add_argument("--epochs", type=int, default=epochs, help=f"default {epochs}")
    if prior_epochs:
        parser.add_argument("--prior-epochs", type=int, default=prior_epochs, help=f"default {prior_epochs}")
        parser.set_defaults(further=False)
    else:
        parser.set_defaults(prior_epochs=None)
        parser.add_argument(
            "--further", action="store_true", help="train as long again, from the weights that the recipe wrote last"
        )
    parser.add_argument("--data-dir", help="prepared TFDS folder; default TFDS_DATA_DIR")
    parser.add_argument(
        "--output", type=Path, help=f"default runs/{name}; another gets the preset too, and what is shipped stays"
    )
    parser.add_argument("--resume", action="store_true", help="continue a killed run exactly")
    parser.add_argument("--test-sets", type=Path, help="folder of folders of pictures, for super-resolution")
    parser.add_argument("--smoke", action="store_true", help="the whole path in under a minute, on synthetic data")
    args = parser.parse_args()
    for option in ("epochs", "prior_epochs"):
        given = getattr(args, option)
        if given is not None and given < 1:
            parser.error(f"--{option.replace('_', '-')} is {given}, expected at least 1")
    args.name = name
    args.apart = args.smoke or args.output is not None
    args.output = args.output or ROOT / "runs" / (f"{name}-smoke" if args.smoke else name)
    if args.smoke:
        args.epochs, args.prior_epochs = 1, prior_epochs and 1
    if any(_backup(args).rglob(callbacks.BACKUP)) and not args.resume:
        parser.error(f"{_backup(args)} holds an unfinished run; continue it with --resume, or remove {args.output}")
    if args.further:
        if not (preset_directory(args) / presets.CONFIG).exists():
            parser.error(f"--further goes on from {preset_directory(args)}, which holds no preset")
        # For a run that is killed and resumed, too.
        _mark(args).parent.mkdir(parents=True, exist_ok=True)
        _mark(args).touch()
    elif not args.resume:
        _mark(args).unlink(missing_ok=True)
    args.further = _mark(args).exists()
    args.commit = _commit()
    args.precision = affordable(precision)
    keras.config.set_dtype_policy(args.precision)
    keras.utils.set_random_seed(SEED)
    return args


def affordable(precision):
    """A dtype policy on a GPU or with AVX-512, else float32: with AVX2 bfloat16 gradients took 20 times as long."""
    fast = keras.distribution.list_devices("gpu") or (_CPU.exists() and "avx512" in _CPU.read_text())
    return precision if fast else "float32"


def _backup(args):
    return args.output / "backup"


def _stage_backup(args, stage=""):
    return _backup(args) / (stage or "all")


def _goes_on(args, stage=""):
    """Whether a stage goes on from what a killed run had backed up of it, which one killed before that had not."""
    return (_stage_backup(args, stage) / callbacks.BACKUP).exists()


def remove_backup(args):
    """Ends a run, whose next one begins anew."""
    shutil.rmtree(_backup(args))


def _mark(args):
    """A file that tells a run on from shipped weights from one that began anew."""
    return args.output / "further"


def read(args, dataset, image_shape, split):
    """The data set, or a few synthetic images of its shape for a smoke run."""
    if not args.smoke:
        return data.read(dataset, image_shape, split=split, data_dir=args.data_dir)
    stream = np.random.RandomState(SEED)
    # At least a batch of every recipe; those of large images have smaller ones.
    number = 128 if max(image_shape) < 64 else 64
    labels = np.arange(number, dtype="int32") % 10
    blobs = stream.uniform(0, 1, (10, *image_shape))[labels] * 200 + stream.uniform(0, 55, (number, *image_shape))
    return data.ImageSet(blobs.astype("uint8"), labels, tuple("0123456789"))


def mirrored(image_set):
    """All that an image set has, and once more with mirror images, for motifs that have no side."""
    twice = {
        field: np.concatenate([rows, rows[:, :, ::-1] if field in ("images", "source_images") else rows])
        for field, rows in image_set._asdict().items()
        if rows is not None and field != "class_names"
    }
    return image_set._replace(**twice)


def turned(args, image_set):
    """The square images, in a smoke run a few, in all four orientations, every second one mirrored.

    For motifs that have no upright.
    """
    images = image_set.images[: 16 if args.smoke else None].copy()
    images[1::2] = images[1::2, :, ::-1]
    return data.ImageSet(np.concatenate([np.rot90(images, turns, (1, 2)) for turns in range(4)]))


def read_pairs(args, dataset, image_shape, source_shape, split):
    """Pairs of images, or a few synthetic ones for a smoke run: a picture in grey and in colour, with a caption."""
    if not args.smoke:
        return data.read_pairs(dataset, image_shape, source_shape, split=split, data_dir=args.data_dir)
    first, second = (read(args, dataset, shape, split) for shape in (image_shape, source_shape))
    prompts = np.array([f"blob {label}, blob, round" for label in first.labels[:16]])
    return data.ImageSet(first.images[:16], source_images=second.images[:16], prompts=prompts)


def read_avatars(args, split):
    """The images of a split of the data set `avatars`, labelled with their own indices, and their attributes."""
    images = read(args, "avatars", avatars.IMAGE_SHAPE, split).images
    if args.smoke:
        faces = [avatars.encode(avatars.draw(split, index)) for index in range(len(images))]
        attributes = {name: np.array([face[name] for face in faces]) for name in faces[0]}
    else:
        attributes = data.attributes("avatars", split=split, data_dir=args.data_dir)
    return data.ImageSet(images, np.arange(len(images), dtype="int32")), attributes


def begin_style_gan(model, trained):
    """Gives a `StyleGAN` that is not residual what it shares with a trained `DCGAN` or `ProjectionGAN` of its width.

    Mapping and styles stay new, these half as strong, but scales and shifts start where the other's are, on average
    over its classes and styles, and the projection is that of the latents that a linear map finds in the new w best.
    """
    z = latents.sample(_LATENTS_TO_FIT, model.noise_shape, seed=SEED)
    w = model.mapping.predict_on_batch(z)
    z_of_w = np.linalg.lstsq(w, z, rcond=None)[0]

    def mean_over_classes(norm):
        if isinstance(norm, ConditionalBatchNormalization):
            return norm.scale.kernel.numpy().mean(0), norm.shift.kernel.numpy().mean(0)
        return norm.gamma.numpy() - 1, norm.beta.numpy()

    for synthesis, generator in (
        (model.generator.get_layer("synthesis"), trained.generator),
        (model.synthesis, trained.ema_generator),
    ):
        for layer in filter(lambda layer: layer.weights, generator.layers):
            new = synthesis.get_layer(layer.name)
            if layer.name.startswith("norm_"):
                old = getattr(layer, "norm", layer)
                new.norm.set_weights([old.moving_mean.numpy(), old.moving_variance.numpy()])
                for linear, value in zip((new.scale, new.shift), mean_over_classes(layer), strict=True):
                    linear.kernel.assign(_STRENGTH_OF_STYLES * linear.kernel)
                    # The mean of what a linear map makes is what it makes of the mean.
                    mean = np.asarray(linear(w.mean(0, keepdims=True))[0], "float32")
                    linear.bias.assign(linear.bias + (value - mean) / linear.learning_rate_multiplier)
            elif layer.name == "project":
                new.set_weights([z_of_w @ layer.get_weights()[0]])
            else:
                new.set_weights(layer.get_weights())

    if isinstance(model.discriminator.get_layer("logit"), SpectralNormalization):
        _begin_normalized(model.discriminator, trained.discriminator)
        return
    discriminator = {layer.name: layer for layer in trained.discriminator.layers if layer.weights}
    vectors = discriminator.pop("class_vectors", None)
    for name, layer in discriminator.items():
        weights = layer.get_weights()
        if isinstance(layer, SpectralNormalization):
            weights = [layer.normalized_weight().numpy(), layer.layer.bias.numpy()]
        if name == "logit" and vectors is not None:
            weights[0] += vectors.normalized_weight().numpy().mean(0)[:, None]
        model.discriminator.get_layer(name).set_weights(weights)


def begin_sagan(model, trained):
    """Gives a `SAGAN` that is not residual what it shares with a trained `DCGAN` of its width.

    Attention begins as the identity, so that the generator's images stay the same.
    """
    for new, old in ((model.generator, trained.generator), (model.ema_generator, trained.ema_generator)):
        for layer in filter(lambda layer: layer.weights, old.layers):
            new.get_layer(layer.name).set_weights(layer.get_weights())
    _begin_normalized(model.discriminator, trained.discriminator)


def _begin_normalized(discriminator, trained):
    """Gives a discriminator under spectral normalization what it shares with a trained one that is not.

    Logits stay the same, but for one factor: that by which the kernels are divided.
    """
    divisor = 1.0
    for layer in filter(lambda layer: layer.weights, trained.layers):
        kernel, bias = layer.get_weights()
        _, sigmas, vectors = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), full_matrices=False)
        divisor *= sigmas[0]
        normalized = discriminator.get_layer(layer.name)
        normalized.layer.set_weights([kernel, bias / divisor])
        # Where the power iteration would arrive.
        normalized.vector.assign(vectors[:1])


def total_steps(epochs, image_set, batch_size):
    """Optimizer steps of the whole run, for learning-rate schedules."""
    return epochs * (len(image_set.images) // batch_size)


def falling_adam(learning_rate, steps, **betas):
    """Adam whose rate falls to nothing by cosine."""
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps), **betas)


def train(args, model, dataset, *, epochs=None, metrics=(), stage="", draw=None, **fit_arguments):
    """Runs `fit` with everything a long run needs; returns the seconds it took, kills and resumes included.

    Each epoch is backed up, logged to `history.csv` and TensorBoard; generative models also draw a grid, by `draw` or
    `generate`. A recipe that trains several parts in turn names each `stage`, which has a folder of its own, and its
    `epochs`.
    """
    goes_on = _goes_on(args, stage)
    if args.further and not goes_on:
        _start_from_shipped(args, model)
    folder = args.output / stage
    folder.mkdir(parents=True, exist_ok=True)
    clock = _Clock(folder / "seconds.json", goes_on)
    logs = folder / "tensorboard"
    generative = []
    if hasattr(model, "generate"):
        generative.append(callbacks.SampleGrid(folder / "samples", log_dir=logs, draw=draw))
    model.fit(
        dataset,
        epochs=epochs or args.epochs,
        callbacks=[
            # Zoo models do so themselves, plain Keras ones do not.
            callbacks.EpochOrder(dataset),
            *metrics,
            *generative,
            keras.callbacks.TensorBoard(str(logs), profile_batch=0, write_graph=False),
            callbacks.CSVLogger(str(folder / "history.csv"), append=goes_on),
            clock,
            # Kept until the preset is written, so that a kill during the evaluation costs no training.
            callbacks.BackupAndRestore(_stage_backup(args, stage), delete_checkpoint=False),
        ],
        verbose=1 if os.isatty(1) else 2,
        **fit_arguments,
    )
    return clock.seconds


def _start_from_shipped(args, model):
    """Gives a model the weights of its own preset; the optimizers begin anew, as does the schedule of their rates."""
    directory = preset_directory(args)
    shipped = zoo.load(directory)
    shapes = [[variable.shape for variable in one.weights] for one in (model, shipped)]
    if shapes[0] != shapes[1]:
        raise InputError(f"--further goes on from {directory}, whose weights are not those of this recipe's model.")
    for variable, value in zip(model.weights, shipped.weights, strict=True):
        variable.assign(value)


def train_alone(args, model, train_set, *, batch_size, learning_rate, **train_arguments):
    """Trains a model of one optimizer, Adam at a rate that falls to nothing; returns the seconds it took."""
    model.compile(falling_adam(learning_rate, total_steps(args.epochs, train_set, batch_size)))
    seconds = train(args, model, data.batches(train_set, batch_size), **train_arguments)
    # Users fine-tune at the rate that training began with, not at the schedule's end.
    model.compile(keras.optimizers.Adam(learning_rate))
    return seconds


def distance_to_train(args, model, dataset, **options):
    """A metric that follows the Fréchet distance of 2,000 samples to the training images; a smoke run draws fewer."""
    number = protocols.SMOKE.images if args.smoke else 2_000
    return callbacks.SampleMetric(DISTANCE, protocols.frechet_to_train(dataset, model.image_shape, number), **options)


def best_weights(args):
    """A callback, to follow `distance_to_train`, that keeps the weights of the epoch where it is lowest."""
    lowest = None
    if _goes_on(args):
        lowest = min((float(row[DISTANCE]) for row in _history(args)), default=None)
    return keras.callbacks.ModelCheckpoint(
        str(args.output / "best.weights.h5"),
        monitor=DISTANCE,
        mode="min",
        save_best_only=True,
        save_weights_only=True,
        initial_value_threshold=lowest,
    )


def _history(args):
    path = args.output / "history.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        # An epoch that was killed between its row and its backup has two.
        return list({row["epoch"]: row for row in csv.DictReader(file)}.values())


def correlation_over_training(args, column, other):
    """Figures of how two columns of `history.csv` move together, none for a run too short to tell."""
    rows = _history(args)
    if len(rows) < 3:
        return {}
    value = np.corrcoef(*([float(row[name]) for row in rows] for name in (column, other)))[0, 1]
    protocol = f"Pearson correlation of {column} with {other} at the ends of the {len(rows)} epochs"
    return {f"correlation_{column}_{other}": {"value": round(float(value), 4), "protocol": protocol}}


def train_gan(args, model, train_set, *, batch_size, learning_rates, betas, dataset, metrics=None, best=False, **facts):
    """The whole recipe of a GAN: training by Adam at rates that fall to nothing, preset, figures, manifest entry.

    Args:
        learning_rates: of generator and discriminator.
        betas: Adam's beta_1 and beta_2, of both.
        metrics: callbacks that follow the training; default the distance to the training images.
        best: whether to take the weights of the epoch where that distance is lowest, instead of the last.
    """
    metrics = [distance_to_train(args, model, dataset)] if metrics is None else metrics
    seconds = train_adversarially(args, model, train_set, batch_size, learning_rates, betas, best=best, metrics=metrics)
    finish(args, model, train=train_set, seconds=seconds, dataset=dataset, **facts)


def train_translator(
    args, model, train_set, test_set, *, batch_size, learning_rates, betas, dataset, learned=None, **facts
):
    """The same for a GAN from images to images, which draws some of the training set after each epoch.

    It learns from `learned`, or from the training set as it is; nearest images are always sought in the latter.
    """

    def rows(model, image_set):
        # Source image, translation and truth, one after the other.
        sources = spread(image_set.source_images)
        shown = [sources, model.translate(sources), spread(image_set.images)]
        same_channels = [np.broadcast_to(images, (*images.shape[:3], model.image_shape[-1])) for images in shown]
        return np.stack(same_channels, 1).reshape(-1, *model.image_shape)

    def translated(model):
        shown = rows(model, test_set)
        return shown, shown[1::3]

    seconds = train_adversarially(
        args, model, learned or train_set, batch_size, learning_rates, betas, draw=lambda: rows(model, train_set)
    )
    finish(
        args,
        model,
        train=train_set,
        seconds=seconds,
        dataset=dataset,
        draw=translated,
        evaluate=lambda model, size: protocols.translation_of(model, train_set, test_set, dataset, size=size),
        **facts,
    )


def spread(items, number=27):
    """Some of an array's items, from all over it; the triples of 27 fill a square grid without a break."""
    return items[np.linspace(0, len(items) - 1, number).astype(int)]


def train_adversarially(
    args, model, train_set, batch_size, learning_rates, betas, *, best=False, metrics=(), **train_arguments
):
    """Trains a GAN by Adam at rates that fall to nothing; returns the seconds it took.

    The weights are those of the last epoch, or of the `best` by the distance to the training images.
    """
    batches, measured = (
        data.batches(train_set, batch_size * model.discriminator_steps, paired=model.trains_on_pairs) for _ in range(2)
    )

    def measure_statistics(*_):
        # The same batches after every epoch, and whether or not the run was killed on its way.
        measured.set_epoch(args.epochs)
        model.update_standing_statistics(measured.take(_BATCHES_OF_STATISTICS))

    if best:
        kept = best_weights(args)
        # By the statistics of training StyleGAN's distance fell until the end of a run, by these it had risen again.
        metrics = [keras.callbacks.LambdaCallback(on_epoch_end=measure_statistics), *metrics, kept]
    steps, (beta_1, beta_2) = args.epochs * len(batches), betas
    generator_rate, discriminator_rate = learning_rates
    model.compile(
        falling_adam(generator_rate, steps, beta_1=beta_1, beta_2=beta_2),
        falling_adam(discriminator_rate, steps * model.discriminator_steps, beta_1=beta_1, beta_2=beta_2),
    )
    seconds = train(args, model, batches, metrics=metrics, **train_arguments)
    if best:
        # Their statistics were measured before their distance was.
        model.load_weights(kept.filepath)
    else:
        measure_statistics()
    # Users fine-tune at the rates that training began with, not at the schedule's end, and those suit small kernels.
    networks = model.generator, model.ema_generator
    if isinstance(model, zoo.StyleGAN):
        networks = [network.get_layer("synthesis") for network in networks]
    if conv.shrinks(networks[0]):
        conv.shrink_kernels(*networks)
    model.compile(*(keras.optimizers.Adam(rate, beta_1=beta_1, beta_2=beta_2) for rate in learning_rates))
    return seconds


def train_upscaler(args, model, train_set, test_set, learn, *, dataset, **facts):
    """The whole recipe of super-resolution, with Set5 and Set14 where `--test-sets` says where they are.

    `learn(draw=)` trains the model, draws by `draw` after each epoch, and returns the seconds it took.
    """

    def rows(model, image_set):
        # Small image, enlarged bicubically and by the model, and truth, one after the other.
        large = spread(image_set.images)
        small = [resize_bicubic(image, model.source_shape[:2]) for image in large]
        bicubic = [resize_bicubic(image, model.image_shape[:2]) for image in small]
        shown = [bicubic, [model.upscale(image) for image in small], large]
        return np.stack(shown, 1).reshape(-1, *model.image_shape)

    # Read before a training that a missing folder would make useless.
    pictures = {f"test_{dataset}": test_set.images}
    folders = [path for path in sorted(args.test_sets.glob("*")) if path.is_dir()] if args.test_sets else []
    if args.test_sets and not folders:
        raise InputError(f"test_sets is {str(args.test_sets)!r}, expected a folder that holds folders of PNG files.")
    for folder in folders:
        pictures[folder.name] = [read_picture(file) for file in sorted(folder.glob("*.png"))]
        if not pictures[folder.name]:
            raise InputError(f"test_sets is {str(args.test_sets)!r}, whose folder {folder.name} holds no PNG file.")

    def evaluate(model, size):
        figures = {}
        for name, found in pictures.items():
            figures |= protocols.upscaling_of(model, found[: size.images], name)
        return figures

    seconds = learn(draw=lambda: rows(model, train_set))
    finish(
        args,
        model,
        train=train_set,
        seconds=seconds,
        dataset=dataset,
        draw=lambda model: (rows(model, test_set), None),
        evaluate=evaluate,
        **facts,
    )


def train_with_prior(args, model, train_set, validation, *, batch_size, learning_rate, prior, **facts):
    """The whole recipe of a vector-quantized autoencoder and then the prior of its codes.

    Each is trained with Adam at a rate that falls to nothing by cosine.

    Args:
        train_set, validation: image sets, with labels where the prior has classes.
        prior: arguments of `build_prior`.
    """
    images, labels = validation.images, validation.labels if prior.get("num_classes") else None

    def adam(epochs):
        return falling_adam(learning_rate, total_steps(epochs, train_set, batch_size))

    def pairs():
        return np.stack([images[:32], model.reconstruct(images[:32])], 1).reshape(-1, *model.image_shape)

    model.compile(adam(args.epochs))
    seconds = train(
        args,
        model,
        data.batches(train_set, batch_size),
        metrics=[callbacks.SampleMetric("val_psnr", lambda model: psnr(images, model.reconstruct(images)))],
        stage="autoencoder",
        draw=pairs,
    )

    model.build_prior(**prior)
    model.prior.compile(adam(args.prior_epochs))
    seconds += train(
        args,
        model.prior,
        model.code_dataset(train_set, batch_size=batch_size),
        epochs=args.prior_epochs,
        metrics=[callbacks.SampleMetric("val_bits", lambda _: model.bits_per_image(images, labels).mean())],
        stage="prior",
        draw=lambda: model.generate(64, seed=0),
    )
    # Users fine-tune at the rate that training began with, not at the schedule's end.
    for trained in (model, model.prior):
        trained.compile(keras.optimizers.Adam(learning_rate))
    finish(args, model, train=train_set, seconds=seconds, **facts)


class _Clock(keras.callbacks.Callback):
    """Adds up the time of finished epochs in a file, so that resumed runs report their whole training time."""

    def __init__(self, path, goes_on):
        super().__init__()
        self._path = path
        self.seconds = json.loads(path.read_text()) if goes_on else 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self._begun = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds += time.monotonic() - self._begun
        write_json(self._path, self.seconds)


def supervised(dataset):
    """Maps canonical batches to `(images in [-1, 1], labels)` for a plain Keras classifier."""
    result = dataset.map(lambda batch: (keras.ops.cast(batch["images"], "float32") / 127.5 - 1.0, batch["labels"]))
    result.set_epoch = dataset.set_epoch
    return result


def preset_directory(args):
    """Where the preset goes: into the package, or beside the run for a trial or a smoke run."""
    return args.output / "preset" if args.apart else presets.BUNDLED / args.name


def _draft(args):
    """Where the preset is until it is measured, so that what is shipped always fits its manifest entry."""
    return args.output / "draft"


def write_and_reload(args, model):
    """Writes the preset and loads it again, so that figures are measured on what users get."""
    directory = _draft(args)
    presets.save(model, directory, weights_dtype="float16")
    keras.config.set_dtype_policy("float32")
    if args.precision == "float32":
        return zoo.load(directory)
    # With the weights as they were rounded for the file, which saving again does not change.
    model = zoo.load(directory, dtype="float32")
    presets.save(model, directory, weights_dtype="float16")
    return model


def write_entry(args, model, *, dataset, metrics, seconds, kind="model", **facts):
    """Puts the preset in its place, with its manifest entry; a trial or a smoke run has a manifest of its own."""
    path = args.output / "weights_manifest.json" if args.apart else presets.manifest_path()
    entries = json.loads(path.read_text(encoding="utf-8"))["presets"] if path.exists() else {}
    draft = _draft(args)
    uncounted = [alias for alias, _ in getattr(model, "preset_aliases", ())]
    uncounted += getattr(model, "left_out_of_presets", ())
    parameters = model.count_params() - sum(getattr(model, name).count_params() for name in uncounted)
    before = entries[args.name] if args.further else {"epochs": 0, "training_minutes": 0.0}
    entries[args.name] = {
        "kind": kind,
        "class": type(model).__name__,
        "version": entries.get(args.name, {}).get("version", 0) + 1,
        "repo_id": None,
        "revision": None,
        "files": {name: presets.describe_file(draft / name) for name in presets.HASHED_FILES},
        "parameters": parameters,
        "dataset": dataset,
        "dataset_licence": LICENCES[dataset],
        **facts,
        "weights_licence": "Apache-2.0",
        "recipe": f"recipes/{args.name}.py",
        "commit": args.commit,
        "seed": SEED,
        "precision": args.precision,
        "epochs": before["epochs"] + args.epochs,
        # How often the rate fell to nothing.
        **({"cycles": before.get("cycles", 1) + 1} if args.further else {}),
        **({"prior_epochs": args.prior_epochs} if args.prior_epochs else {}),
        "training_minutes": round(before["training_minutes"] + seconds / 60, 1),
        "machine": f"{os.cpu_count()} cores, {_cpu()}",
        "date": datetime.date.today().isoformat(),
        "metrics": metrics,
    }
    (draft / card.CARD).write_text(card.bundled_card(draft, args.name, entries[args.name]), encoding="utf-8")
    directory = preset_directory(args)
    with replacing_directory(directory) as temporary:
        shutil.copytree(draft, temporary, dirs_exist_ok=True)
    write_json(path, {"presets": dict(sorted(entries.items()))})
    shutil.rmtree(draft)
    remove_backup(args)
    _mark(args).unlink(missing_ok=True)
    print(f"Wrote {directory} and its entry in {path}.")


def warmed_adamw(args, image_set, batch_size, learning_rate, weight_decay):
    """AdamW whose rate rises for a tenth of the run and then falls to nothing by cosine."""
    steps = total_steps(args.epochs, image_set, batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=learning_rate, warmup_steps=steps // 10)
    return keras.optimizers.AdamW(schedule, weight_decay=weight_decay)


def train_classifier(args, model, train_set, test, *, batch_size, learning_rate, weight_decay, **facts):
    """The whole recipe of a classifier of labels: training, figures, manifest entry."""
    model.compile(
        warmed_adamw(args, train_set, batch_size, learning_rate, weight_decay),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    seconds = train(args, model, supervised(data.batches(train_set, batch_size)), shuffle=False)
    finish_classifier(args, model, train=train_set, test=test, seconds=seconds, **facts)


def accuracy(model, test):
    """The figures of a classifier for its manifest entry, given the test images with their labels."""
    batches = supervised(data.batches(test, 1000, shuffle=False, drop_remainder=False))
    value = model.evaluate(batches, verbose=0, return_dict=True)["accuracy"]
    return {"accuracy_test": {"value": round(value, 4), "protocol": f"share of the {len(test.images)} test images"}}


def finish_classifier(args, model, *, train, test, seconds, measure=accuracy, keep_test_set=False, **facts):
    """Ends a classifier's recipe: preset, test figures, what generators are compared with, manifest entry.

    `measure(model, test)` gives the figures; `keep_test_set` bundles the test set too, for likelihoods.
    """
    model = write_and_reload(args, model)
    metrics = measure(model, test)
    for name, figure in metrics.items():
        print(f"{name}: {figure['value']:.4f}")
    _write_reference(args, model, facts["dataset"], train, test, keep_test_set)
    write_entry(args, model, kind="feature_network", metrics=metrics, seconds=seconds, **facts)


def _write_reference(args, model, dataset, train, test, keep_test_set):
    image_shape = test.images.shape[1:]
    identity = presets.describe_file(_draft(args) / presets.WEIGHTS)["sha256"]
    network = features.of_classifier(model, dataset, identity)
    folder = args.output / "references" if args.apart else references.BUNDLED
    arrays = references.describe({"test": test.images, "train": train.images}, network)
    references.write(folder / references.file_name(dataset, image_shape, network), network, arrays)
    if keep_test_set:
        references.write_test_set(folder, dataset, test.images, test.labels)


def finish(args, model, *, train, seconds, draw=None, evaluate=None, pictures=None, **facts):
    """Ends a generative recipe: preset, pictures, evaluation as `zoo evaluate` does it, manifest entry.

    Beside the samples stands a grid of pairs, each sample with its nearest training image, that shows copying.

    Args:
        draw: function of the model that returns the images of the grid and those whose nearest are sought, or None for
            no such; default `generate`.
        evaluate: function of the model and a `protocols.Size` that returns the figures; default `protocols.evaluate`.
        pictures: dict of further pictures for the model card: functions of the model by file name.
    """
    model = write_and_reload(args, model)
    for name, picture in (pictures or {}).items():
        write_png(_draft(args) / name, picture(model), scale=2)
    # Large images need no enlargement, and a card's picture should not be heavier than its weights.
    scale = 2 if max(model.image_shape[:2]) <= 64 else 1
    if draw is None:
        shown = sought = model.generate(64, seed=SEED)
    else:
        shown, sought = draw(model)
    write_png(_draft(args) / "samples.png", grid(shown), scale=scale)
    if sought is not None:
        pairs = grid(nearest_pairs(sought[:32], train.images), columns=8)
        write_png(_draft(args) / "nearest.png", pairs, scale=scale)
    size = protocols.SMOKE if args.smoke else protocols.FULL
    metrics = (
        evaluate(model, size)
        if evaluate
        else protocols.evaluate(model, facts["dataset"], size=size, data_dir=args.data_dir)
    )
    for name, figure in metrics.items():
        print(f"{name}: {figure['value']:.4g}")
    write_entry(args, model, metrics=metrics, seconds=seconds, **facts)


def drawn_of(model, prompts):
    """A grid of five images that a model draws of each prompt, a prompt a row."""
    return grid(model.generate(prompts=np.repeat(prompts, 5), seed=SEED), columns=5)


def nearest_pairs(samples, train_images):
    """Each sample followed by the training image nearest to it in pixels, `(2 * n, h, w, c)`."""
    nearest, _ = nearest_images(samples, train_images)
    return np.stack([samples, train_images[nearest]], 1).reshape(-1, *samples.shape[1:])


def _commit():
    result = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return result.stdout.strip() or None


def _cpu():
    for line in _CPU.read_text().splitlines() if _CPU.exists() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()
