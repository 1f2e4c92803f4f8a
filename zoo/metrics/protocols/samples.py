"""Metrics of generated images: distances to test images, precision and recall, and what a classifier sees."""

from zoo.errors import InputError, check_count, check_image_shape
from zoo.latents import sample_labels
from zoo.metrics import features, references
from zoo.metrics.distances import frechet_distance, gaussian_statistics, kernel_distance
from zoo.metrics.precision_recall import precision_recall
from zoo.metrics.protocols.classifiers import CAS_DATASETS, class_metrics, classifier_of, label_metrics
from zoo.metrics.protocols.figures import FULL, NEIGHBORS, figure, short_number
from zoo.metrics.protocols.held_out import held_out_images
from zoo.progress import bar

#: Values of a condition of `generate` at which `curve` measures a model.
CURVES = {
    "guidance": (0.0, 0.5, 1.0, 1.5, 2.0, 4.0),
    "steps": (1, 2, 4, 16, 50),
    "truncation": (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
}


def sample_quality(model, dataset, *, size=FULL, feature_network=None, data_dir=None):
    """Computes Fréchet and kernel distance, precision and recall, and classifier-based metrics of generated images.

    The arguments are those of `evaluate`. For models with classes, the classification accuracy score (Ravuri & Vinyals
    2019) trains networks and seeds Python, NumPy and Keras for that.
    """
    network = features.load(feature_network or features.default_for(dataset))
    features.check_judge(model, network.name)
    reference = references.load(dataset, network, model.image_shape, data_dir)
    # Precision and recall need as many real images as generated ones.
    few = min(size.images, len(reference["test_features"]))
    test_features, train_features = (
        reference[f"{split}_features"][:few].astype("float32") for split in ("test", "train")
    )
    name, classifier = classifier_of(model, dataset)
    test_set = None
    if classifier is not None and model.num_classes and dataset in CAS_DATASETS:
        test_set = held_out_images(dataset, model, size, data_dir)
    drawn, seen = [], []
    for seed in bar(size.seeds, "seeds"):
        images = model.generate(size.images, seed=seed)
        drawn.append(_distances_to_test_images(network(images), reference, test_features))
        if classifier is not None and model.num_classes:
            # `generate` was given no labels, so these are the ones that it drew.
            labels = sample_labels(len(images), model.num_classes, seed)
            seen.append(label_metrics(images, labels, name, classifier, dataset, test_set, seed))
        elif classifier is not None:
            seen.append(class_metrics(images, name, classifier))
    real = {
        "fid": _frechet_distance_of_training_images(reference, size.images),
        **_kernel_distance_precision_recall(train_features, test_features),
    }
    seeds = size.named_seeds
    figures = {}
    for key, number, against, what in (
        ("fid", size.images, int(reference["test_count"]), "Fréchet distance"),
        ("kid", few, len(test_features), "kernel distance (squared MMD of a cubic kernel, unbiased)"),
        ("precision", few, len(test_features), f"improved precision (k={NEIGHBORS})"),
        ("recall", few, len(test_features), f"improved recall (k={NEIGHBORS})"),
    ):
        figures[f"{key}{short_number(number)}_test_{network.name}"] = figure(
            [found[key] for found in drawn],
            f"{what} of {number} generated images to {against} test images of {dataset} on features of "
            f"{network.description}; seeds {seeds}; real: training images in place of generated ones",
            real[key],
        )
    for key, (_, what, against) in (seen[0] if seen else {}).items():
        figures[f"{key}{short_number(size.images)}_{dataset}_classifier"] = figure(
            [found[key][0] for found in seen],
            f"{what.format(f'{size.images} generated images')}; seeds {seeds}",
            against,
        )
    return figures


def own_images(model, images, *, size=FULL, feature_network=None):
    """Compares generated images with images of one's own by kernel distance, precision and recall.

    Args:
        model: any zoo model that draws by itself.
        images: uint8 `(n, height, width, channels)`, at least 8 images that the model was not trained on.
        size: `Size`; as many images are drawn for each seed as are given, but at most `size.images`. Default `FULL`.
        feature_network: name of a feature network, or a directory of one as text; default one that knows photographs
            and drawings of all kinds and that the model was not trained on.

    Returns:
        Dict of metrics, as for `evaluate`. `real` compares one half of the images with the other.

    Raises:
        InputError: the model draws nothing by itself, there are too few images, `size` is too small, or the model was
            trained on the features of the network.
    """
    size.check()
    if not model.draws_alone:
        raise InputError(f"model is a {type(model).__name__}, which draws nothing by itself, expected one that does.")
    if len(images) < 2 * (NEIGHBORS + 1):
        raise InputError(f"images holds {len(images)} images, expected at least {2 * (NEIGHBORS + 1)}.")
    network = features.load(feature_network or features.general_for(model))
    features.check_judge(model, network.name)
    real = network(images[: size.images])
    drawn = [network(model.generate(len(real), seed=seed)) for seed in bar(size.seeds, "seeds")]
    found = [_kernel_distance_precision_recall(each, real) for each in drawn]
    halves = _kernel_distance_precision_recall(real[::2], real[1::2])
    return {
        f"{key}{short_number(len(real))}_{network.name}": figure(
            [each[key] for each in found],
            f"{what} of {len(real)} generated images to as many of yours on features of {network.description}; seeds "
            f"{size.named_seeds}; real: one half of your images against the other",
            halves[key],
        )
        for key, what in (
            ("kid", "kernel distance (squared MMD of a cubic kernel, unbiased)"),
            ("precision", f"improved precision (k={NEIGHBORS})"),
            ("recall", f"improved recall (k={NEIGHBORS})"),
        )
    }


def _frechet_distance_of_training_images(reference, number):
    """Returns the Fréchet distance of training images to the test images, for as many images as are generated.

    The number must be the same because the distance of fewer images is larger. None if the number lies between that of
    the stored features and that of the statistics, because nothing is stored for it.
    """
    if number >= reference["train_count"]:
        statistics = reference["train_mean"], reference["train_covariance"]
    elif number <= len(reference["train_features"]):
        statistics = gaussian_statistics(reference["train_features"][:number].astype("float32"))
    else:
        return None
    return frechet_distance(*statistics, reference["test_mean"], reference["test_covariance"])


def curve(model, dataset, condition, *, size=FULL):
    """Computes distance, precision and recall at each value that `CURVES` has for a condition, with the first seed.

    The curve of truncations or guidances shows how fidelity is traded for diversity, and that of steps how few suffice.

    Args:
        model: model whose `generate` takes the condition.
        dataset: TFDS name.
        condition: one of the names in `CURVES`.
        size: `Size`; default `FULL`.

    Returns:
        Dict of metrics, as for `evaluate`.
    """
    network = features.load(features.default_for(dataset))
    reference = references.load(dataset, network, model.image_shape)
    few, seed = min(size.images, len(reference["test_features"])), size.seeds[0]
    test_features = reference["test_features"][:few].astype("float32")
    figures = {}
    for value in CURVES[condition]:
        generated = network(model.generate(size.images, seed=seed, **{condition: value}))
        found = _distances_to_test_images(generated, reference, test_features)
        for key, number, what in (
            ("fid", size.images, "Fréchet distance"),
            ("precision", few, f"improved precision (k={NEIGHBORS})"),
            ("recall", few, f"improved recall (k={NEIGHBORS})"),
        ):
            protocol = (
                f"{what} of {number} images generated with {condition} {value} to test images of {dataset} on "
                f"features of {network.name}; seed {seed}"
            )
            name = f"{key}{short_number(number)}_{condition}_{value}_test_{network.name}"
            figures[name] = figure([found[key]], protocol)
    return figures


def frechet_to_train(dataset, image_shape, num_samples=2_000):
    """Returns a function of the model for `zoo.callbacks.SampleMetric`: a cheap Fréchet distance to *training* images.

    The distance is to training images, so that monitoring it during `fit` never uses the test split.

    Args:
        dataset: TFDS name.
        image_shape: `(height, width, channels)` of the images.
        num_samples: number of generated images, at least 2; default 2,000.
    """
    image_shape, num_samples = check_image_shape(image_shape), check_count(num_samples, "num_samples", least=2)
    network = features.load(features.default_for(dataset))
    reference = references.load(dataset, network, image_shape)

    def distance(model):
        statistics = gaussian_statistics(network(model.generate(num_samples, seed=0)))
        return frechet_distance(*statistics, reference["train_mean"], reference["train_covariance"])

    return distance


def _distances_to_test_images(generated, reference, test_features):
    statistics = gaussian_statistics(generated)
    return {
        "fid": frechet_distance(*statistics, reference["test_mean"], reference["test_covariance"]),
        **_kernel_distance_precision_recall(generated[: len(test_features)], test_features),
    }


def _kernel_distance_precision_recall(candidates, test_features):
    precision, recall = precision_recall(test_features, candidates, k=NEIGHBORS)
    return {"kid": kernel_distance(candidates, test_features), "precision": precision, "recall": recall}
