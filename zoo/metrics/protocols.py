"""The protocols of the zoo's metrics: by default three seeds, 10,000 images of `generate`, and named networks."""

import functools
from typing import NamedTuple

import keras
import numpy as np

from zoo import presets
from zoo.bicubic import resize_bicubic
from zoo.datasets import avatars, captions
from zoo.errors import InputError, check_count, check_image_shape, shown
from zoo.files import expanded
from zoo.images import fit_image, to_float
from zoo.latents import check_seed, sample_labels
from zoo.metrics import editing, features, references
from zoo.metrics.disentanglement import mutual_information_gap
from zoo.metrics.distances import frechet_distance, gaussian_statistics, kernel_distance
from zoo.metrics.pixels import psnr, psnr_luma
from zoo.metrics.precision_recall import precision_recall
from zoo.neighbors import nearest_images
from zoo.nets import conv
from zoo.progress import bar
from zoo.text import words

NEIGHBORS = 3
CONFIDENT = 0.9
# Network that compares pictures of 64x64 pixels whose own data set has no classifier.
PICTURE_FEATURES = "classifier_avatars_64"
RETRIEVED_AMONG = 10
# Networks of the perceptual distance between an enlarged picture and its original, trained on faces and flowers.
PERCEPTUAL_FEATURES = ("classifier_avatars_64", "classifier_tf_flowers_64")
# Data sets simple enough for the classification accuracy score, and settings of its classifier.
LEARNED_FROM = ("mnist", "fashion_mnist")
CAS_FILTERS, CAS_EPOCHS, CAS_BATCH, CAS_RATE = 16, 10, 100, 2e-3
EDITED_FACES = PROMPTS = 1_000
TRUNCATIONS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_HELD_OUT_TOGETHER = ("hair_style", "skin", "mouth")


class Size(NamedTuple):
    """The amount of samples and test data in a measurement.

    Attributes:
        images: generated images per seed, at least 4; default 10,000.
        importance_samples: samples of the bound on the likelihood, at least 1; default 5,000.
        test_images: test images for likelihoods, reconstructions, edits and the classification accuracy score, at least
            1; default 10,000. Distances use the features of all test images.
        seeds: seeds of `generate`; default `(0, 1, 2)`.
    """

    images: int = 10_000
    importance_samples: int = 5_000
    test_images: int = 10_000
    seeds: tuple[int, ...] = (0, 1, 2)

    def check(self):
        """Raises `InputError` if a size is too small.

        Precision and recall use the third nearest neighbour, so at least 4 images are needed.
        """
        check_count(self.images, "size.images", least=NEIGHBORS + 1)
        check_count(self.importance_samples, "size.importance_samples")
        check_count(self.test_images, "size.test_images")
        if not isinstance(self.seeds, (tuple, list)) or not self.seeds:
            raise InputError(f"size.seeds is {shown(self.seeds)}, expected at least one seed.")
        for seed in self.seeds:
            check_seed(seed)

    @property
    def named_seeds(self):
        return ", ".join(map(str, self.seeds))


FULL = Size()
SMOKE = Size(images=16, importance_samples=5, test_images=16, seeds=(0,))


def evaluate(model, dataset, *, size=FULL, feature_network=None, data_dir=None):
    """Measures a generative model against the test split of a data set.

    Args:
        model: any zoo model with `generate`.
        dataset: TFDS name of the data set on which it was trained.
        size: `Size`, the amount of samples and test data; default `FULL`.
        feature_network: name of a feature network; default the bundled one of `dataset`.
        data_dir: TFDS folder, used where nothing is bundled; default None.

    Returns:
        Dict of metrics by name. Each is a dict of `value` (the mean over seeds), `std` over the seeds, `real` (the same
        metric of real training images in place of generated ones, where this is meaningful) and `protocol`, a sentence.

    Raises:
        InputError: the data set is a folder, which has no test split, `size` is too small, or a feature network is
            given for a super-resolution model, whose metrics have networks of their own.
    """
    from zoo import data
    from zoo.models import GenerativeModel

    if not isinstance(model, GenerativeModel):
        raise InputError(f"model is {shown(model)}, expected a model of the zoo.")
    if not isinstance(size, Size):
        raise InputError(f"size is {shown(size)}, expected a Size.")
    if not isinstance(feature_network, (str, type(None))):
        raise InputError(f"feature_network is {shown(feature_network)}, expected a name or None.")
    data_dir = None if data_dir is None else str(expanded(data_dir))
    size.check()
    data.check_name(dataset)
    if dataset == "avatars" and (hasattr(model, "reconstruct") or hasattr(model, "log_prob")):
        # Rendering test faces needs an optional package, so its absence is reported before the long measurements.
        avatars.check_renderer()
    if hasattr(model, "upscale"):
        if feature_network is not None:
            raise InputError(
                f"feature_network is {shown(feature_network)}, expected None: enlargement is measured on "
                f"{' and '.join(PERCEPTUAL_FEATURES)}."
            )
        return upscaling(model, dataset, size=size, data_dir=data_dir)
    if hasattr(model, "translate"):
        return translation(model, dataset, size=size, feature_network=feature_network, data_dir=data_dir)
    if "prompts" in model.generate_arguments and dataset != "avatars":
        return retrieval(model, dataset, size=size, feature_network=feature_network, data_dir=data_dir)
    figures = {}
    # A model of prompts without example prompts cannot generate images by itself.
    if model.draws_alone or "prompts" not in model.generate_arguments:
        figures |= sample_quality(model, dataset, size=size, feature_network=feature_network, data_dir=data_dir)
    if hasattr(model, "log_likelihood_bound") and model.likelihood.name == "bernoulli":
        figures |= likelihood(model, dataset, size=size, data_dir=data_dir)
    elif hasattr(model, "log_prob"):
        figures |= exact_likelihood(model, dataset, size=size, data_dir=data_dir)
    elif hasattr(model, "reconstruct"):
        # Gaussian densities of integer grey values are not comparable, so such models get a reconstruction error.
        figures |= reconstruction(model, dataset, size=size, data_dir=data_dir)
    if hasattr(model, "bits_per_image"):
        figures |= compression(model, dataset, size=size, data_dir=data_dir)
    if dataset == "avatars" and getattr(model, "attributes", ()):
        figures |= edits(model, size=size)
        figures |= disentanglement(model, size=size)
    if dataset == "avatars" and "prompts" in model.generate_arguments:
        figures |= prompt_agreement(model, size=size)
    return figures


def sample_quality(model, dataset, *, size=FULL, feature_network=None, data_dir=None):
    """Computes Fréchet and kernel distance, precision and recall, and classifier-based metrics of generated images.

    The arguments are those of `evaluate`. For models with classes, the classification accuracy score (Ravuri & Vinyals
    2019) trains networks and seeds Python, NumPy and Keras for that.
    """
    network = features.load(feature_network or features.default_for(dataset))
    reference = references.load(dataset, network, model.image_shape, data_dir)
    # Precision and recall need as many real images as generated ones.
    few = min(size.images, len(reference["test_features"]))
    test_features, train_features = (
        reference[f"{split}_features"][:few].astype("float32") for split in ("test", "train")
    )
    name, classifier = _classifier(model, dataset)
    test_set = None
    if classifier is not None and model.num_classes and dataset in LEARNED_FROM:
        test_set = _test_images(dataset, model, size, data_dir)
    drawn, seen = [], []
    for seed in bar(size.seeds, "seeds"):
        images = model.generate(size.images, seed=seed)
        drawn.append(_figures(network(images), reference, test_features))
        if classifier is not None and model.num_classes:
            # `generate` was given no labels, so these are the ones that it drew.
            labels = sample_labels(len(images), model.num_classes, seed)
            seen.append(_judge_labels(images, labels, name, classifier, dataset, test_set, seed))
        elif classifier is not None:
            seen.append(_judge_classes(images, name, classifier))
    real = {"fid": _real_distance(reference, size.images), **_neighborly(train_features, test_features)}
    seeds = size.named_seeds
    figures = {}
    for key, number, against, what in (
        ("fid", size.images, int(reference["test_count"]), "Fréchet distance"),
        ("kid", few, len(test_features), "kernel distance (squared MMD of a cubic kernel, unbiased)"),
        ("precision", few, len(test_features), f"improved precision (k={NEIGHBORS})"),
        ("recall", few, len(test_features), f"improved recall (k={NEIGHBORS})"),
    ):
        figures[f"{key}{_short(number)}_test_{network.name}"] = _figure(
            [found[key] for found in drawn],
            f"{what} of {number} generated images to {against} test images of {dataset} on features of "
            f"{network.name}; seeds {seeds}; real: training images in place of generated ones",
            real[key],
        )
    for key, (_, what, against) in (seen[0] if seen else {}).items():
        figures[f"{key}{_short(size.images)}_{dataset}_classifier"] = _figure(
            [found[key][0] for found in seen],
            f"{what.format(f'{size.images} generated images')}; seeds {seeds}",
            against,
        )
    return figures


def _real_distance(reference, number):
    """The Fréchet distance of training images to the test images, for as many images as are generated.

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


def truncation_curve(model, dataset, *, size=FULL):
    """Computes distance, precision and recall at each of `TRUNCATIONS`, for models whose `generate` takes `truncation`.

    The curve shows the trade-off between fidelity and diversity and uses the first seed only. `evaluate` itself
    generates without truncation.
    """
    network = features.load(features.default_for(dataset))
    reference = references.load(dataset, network, model.image_shape)
    few, seed = min(size.images, len(reference["test_features"])), size.seeds[0]
    test_features = reference["test_features"][:few].astype("float32")
    figures = {}
    for truncation in TRUNCATIONS:
        found = _figures(
            network(model.generate(size.images, seed=seed, truncation=truncation)), reference, test_features
        )
        for key, number, what in (
            ("fid", size.images, "Fréchet distance"),
            ("precision", few, f"improved precision (k={NEIGHBORS})"),
            ("recall", few, f"improved recall (k={NEIGHBORS})"),
        ):
            protocol = (
                f"{what} of {number} images generated with truncation {truncation} to test images of {dataset} on "
                f"features of {network.name}; seed {seed}"
            )
            name = f"{key}{_short(number)}_truncation_{truncation}_test_{network.name}"
            figures[name] = _figure([found[key]], protocol)
    return figures


def _classifier(model, dataset):
    """Returns the name and the model of the bundled classifier for the data set's classes; None if none fits."""
    for name in presets.list_presets(dataset=dataset, kind="feature_network"):
        classifier = features.bundled(name)
        # The classifier of the avatars predicts many attributes instead of one class.
        classes = classifier.output_shape[-1] if isinstance(classifier.output_shape, tuple) else None
        if classes is not None and model.num_classes in (None, classes):
            return name, classifier
    return None, None


def _judge_classes(images, name, classifier):
    """Measures whether images are recognizable and cover all classes; returns `(value, what, real)` by name."""
    probabilities = features.class_probabilities(classifier, images)
    rarest = np.bincount(probabilities.argmax(1), minlength=probabilities.shape[1]).min() / len(images)
    confident = np.mean(probabilities.max(1) >= CONFIDENT)
    return {
        "confident": (confident, f"share of {{}} whose class {name} gives a probability of {CONFIDENT} or more", None),
        "rarest_class": (rarest, f"share of {{}} that {name} sees as the class that it sees least often", None),
    }


def _judge_labels(images, labels, name, classifier, dataset, test_set, seed):
    """Measures whether images show their labels in all variety; returns `(value, what, real)` by name."""
    agreement = np.mean(features.class_probabilities(classifier, images).argmax(1) == labels)
    accuracy = presets.entry_of(name)["metrics"]["accuracy_test"]["value"]
    judged = {
        "label_agreement": (
            agreement,
            f"share of {{}}, their labels drawn uniformly, in which {name} sees the label; "
            f"real: its accuracy on the test images of {dataset}",
            accuracy,
        )
    }
    if test_set is not None:
        test_images, test_labels = test_set
        judged["cas"] = (
            _accuracy_of_learning_from(images, labels, test_images, test_labels, seed),
            f"classification accuracy score: accuracy on {len(test_images)} test images of {dataset} of a small "
            f"classifier trained for {CAS_EPOCHS} epochs of batches of {CAS_BATCH} on nothing but {{}}; "
            f"real: that of {name}, which is larger and saw all training images",
            accuracy,
        )
    return judged


def _accuracy_of_learning_from(images, labels, test_images, test_labels, seed):
    keras.utils.set_random_seed(seed)
    classes = 1 + int(max(labels.max(), test_labels.max()))
    classifier = conv.classifier(images.shape[1:], classes, CAS_FILTERS)
    steps = CAS_EPOCHS * -(-len(images) // CAS_BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(CAS_RATE, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.Adam(schedule), loss)
    classifier.fit(to_float(images), labels, batch_size=CAS_BATCH, epochs=CAS_EPOCHS, verbose=0)
    predicted = features.class_probabilities(classifier, test_images).argmax(1)
    return np.mean(predicted == test_labels)


def _figure(values, protocol, real=None):
    """Builds a metric as `evaluate` returns it, from one value per seed or from a single value without a seed."""
    return {
        "value": float(np.mean(values)),
        "std": float(np.std(values)) if len(values) > 1 else None,
        "real": None if real is None else float(real),
        "protocol": protocol,
    }


def _figures(generated, reference, test_features):
    statistics = gaussian_statistics(generated)
    return {
        "fid": frechet_distance(*statistics, reference["test_mean"], reference["test_covariance"]),
        **_neighborly(generated[: len(test_features)], test_features),
    }


def _neighborly(candidates, test_features):
    precision, recall = precision_recall(test_features, candidates, k=NEIGHBORS)
    return {"kid": kernel_distance(candidates, test_features), "precision": precision, "recall": recall}


def _short(number):
    return f"{number // 1000}k" if number % 1000 == 0 else str(number)


def likelihood(model, dataset, *, size=FULL, data_dir=None):
    """Computes the importance-weighted bound on the negative log likelihood of test images, in nats per image."""
    images, _ = _test_images(dataset, model, size, data_dir)
    bounds = [-model.log_likelihood_bound(images, size.importance_samples, seed=seed).mean() for seed in size.seeds]
    protocol = (
        f"importance-weighted bound with {size.importance_samples} samples on -log p(x) in nats, mean over "
        f"{len(images)} test images of {dataset}{_binarized(model)}; seeds {size.named_seeds}"
    )
    return {f"nll_iw{size.importance_samples}_test_{dataset}": _figure(bounds, protocol)}


def exact_likelihood(model, dataset, *, size=FULL, data_dir=None):
    """Computes the exact negative log likelihood of test images, given their labels if the model has classes.

    The unit is nats per image for a Bernoulli likelihood, otherwise bits per dimension.
    """
    images, labels = _test_images(dataset, model, size, data_dir)
    given = "p(x)" if model.num_classes is None else "p(x | label)"
    over = f"exact, mean over {len(images)} test images of {dataset}"
    if model.likelihood.name == "bernoulli":
        found = [-model.log_prob(images, labels, seed=seed).mean() for seed in size.seeds]
        seeds = size.named_seeds
        protocol = f"-log {given} in nats, {over}{_binarized(model)}; seeds {seeds}"
        return {f"nll_test_{dataset}": _figure(found, protocol)}
    levels = model.likelihood.levels
    found = model.bits_per_dim(images, labels).mean()
    return {
        f"bits_per_dim_test_{dataset}": _figure(
            [found], f"-log2 {given} for each value of an image, rounded to {levels} grey values, {over}"
        )
    }


def _test_images(dataset, model, size, data_dir):
    """The first test images, and their labels if the model has classes."""
    if dataset == "avatars":
        # Rendering only these faces takes seconds; reading the data set would render the training faces, too.
        return _test_faces(min(EDITED_FACES, size.test_images), model.image_shape)[1], None
    images, labels = references.test_set(dataset, model.image_shape, data_dir)
    number = size.test_images
    return images[:number], None if model.num_classes is None else labels[:number]


def reconstruction(model, dataset, *, size=FULL, data_dir=None):
    """Computes the PSNR of an autoencoder's reconstructions of test images."""
    images, _ = _test_images(dataset, model, size, data_dir)
    protocol = f"dB, of the mean squared error over {len(images)} test images of {dataset}"
    return {f"psnr_test_{dataset}": _figure([psnr(images, model.reconstruct(images))], protocol)}


def compression(model, dataset, *, size=FULL, data_dir=None):
    """Computes which share of its codebook a vector-quantized autoencoder uses, and its bits per test image."""
    images, labels = _test_images(dataset, model, size, data_dir)
    codes = model.encode(images)
    grids = codes if isinstance(codes, tuple) else (codes,)
    used = min(len(np.unique(grid)) for grid in grids) / model.num_embeddings
    of = f"{len(images)} test images of {dataset}"
    figures = {
        f"used_codes_test_{dataset}": (used, f"share of the codebook that {of} use, of the grid where it is least"),
    }
    bits = model.bits_per_image(images, labels).mean()
    given = "" if labels is None else ", given the labels"
    figures[f"bits_test_{dataset}"] = (bits, f"bits an image, of the codes of {of} under the prior{given}")
    return {name: _figure([value], protocol) for name, (value, protocol) in figures.items()}


def edits(model, *, size=FULL):
    """Computes how often edits of `avatars` faces change the intended attribute and keep the others."""
    number = min(EDITED_FACES, size.test_images)
    faces, images = _test_faces(number, model.image_shape)
    truth = [avatars.encode(face) for face in faces]
    reader, figures = features.AvatarAttributes(), {}
    for attribute in editing.COVERS.keys() & set(model.attributes):
        present = [face[attribute] for face in truth]
        ((flipped, kept),) = editing.edit_shares(model, images, present, attribute, reader)
        least = min(kept, key=kept.get)
        seen = ", where they show before and after" if least in ("eyes", "eyebrows") and attribute == "glasses" else ""
        of = (
            f"share of {number} test faces of avatars in which turning {attribute} on or off, by an amount of 1 or -1 "
            "with details kept,"
        )
        read = "as the attribute classifier reads them"
        figures[f"edit_{attribute}_flipped_test_avatars"] = _figure([flipped], f"{of} does so, {read}")
        figures[f"edit_{attribute}_kept_test_avatars"] = _figure(
            [kept[least]],
            f"{of} leaves {least} as it was{seen}, {read}; it leaves no other attribute less often",
        )
    return dict(sorted(figures.items()))


def disentanglement(model, *, size=FULL):
    """Computes the mutual information gap between a model's latents and the attributes of `avatars` faces."""
    number = min(EDITED_FACES, size.test_images)
    faces, images = _test_faces(number, model.image_shape)
    factors = [avatars.encode(face) for face in faces]
    gap, _ = mutual_information_gap(
        model.encode(images)[0], {name: np.array([face[name] for face in factors]) for name in avatars.CHOSEN}
    )
    names = ", ".join(name.replace("_", " ") for name in avatars.CHOSEN)
    protocol = (
        f"mutual information gap between the posterior's means of {number} test faces of avatars, in 20 bins, and "
        f"{names} (Chen et al. 2018)"
    )
    return {"mig_test_avatars": _figure([gap], protocol)}


@functools.lru_cache(maxsize=1)
def _test_faces(number, image_shape):
    """The first faces of the test split of `avatars`, and their images, resized to the model's shape if necessary."""
    faces = [avatars.draw("test", index) for index in range(number)]
    shown = bar(faces, "drawing faces")
    return faces, np.stack([fit_image(avatars.render(face), image_shape) for face in shown])


def prompt_agreement(model, *, size=FULL):
    """Computes how many of the attributes that captions name are visible in the images generated from them.

    The captions describe faces of the test split of `avatars`. All have the combination of hair style, skin and mouth
    that no face of the training split has.
    """
    number = min(PROMPTS, size.images)
    faces = [avatars.draw("test", index) for index in range(number)]
    described = [captions.caption(face, index, _HELD_OUT_TOGETHER) for index, face in enumerate(faces)]
    reader, shares, whole = features.AvatarAttributes(), [], []
    for seed in size.seeds:
        right = prompts_right(model, described, reader, seed)
        shares.append(np.mean(np.concatenate(right)))
        whole.append(np.mean([all(found) for found in right]))
    seeds = size.named_seeds
    of = f"{number} captions of test faces, of combinations that training lacks, as the attribute classifier reads them"
    return {
        "prompt_agreement_test_avatars": _figure(shares, f"share right of all attributes named by {of}; seeds {seeds}"),
        "whole_prompts_test_avatars": _figure(whole, f"share all of whose attributes are right of {of}; seeds {seeds}"),
    }


def prompts_right(model, described, reader, seed=0):
    """Determines which of the attributes that captions name are visible in the image generated from each.

    Args:
        model: model that generates from prompts.
        described: list of pairs of a text and the dict of attributes that it names, as `captions.caption` makes them.
        reader: `features.AvatarAttributes`.
        seed: seed of `generate`; default 0.

    Returns:
        List with a list of bools per caption, one for each attribute that it names.
    """
    seen = reader(model.generate(prompts=[text for text, _ in described], seed=seed))
    return [[seen[name][index] == value for name, value in named.items()] for index, (_, named) in enumerate(described)]


def retrieval(model, dataset, *, size=FULL, feature_network=None, data_dir=None):
    """Computes how often a generated picture matches its own caption best, for captions of both splits.

    The data set has a `caption` and a `source_image`, another picture of the same subject, for each image.
    """
    from zoo import data

    figures = {}
    for split in ("test", "train"):
        pairs = data.read_pairs(dataset, model.image_shape, model.image_shape, split=split, data_dir=data_dir)
        figures |= retrieval_of(model, pairs, f"{split}_{dataset}", size=size, feature_network=feature_network)
    return figures


def retrieval_of(model, image_set, name, *, size=FULL, feature_network=None):
    """Computes `retrieval` on images with prompts and source images that were read already.

    A picture matches a caption by the distance of its features to those of the caption's true picture. The generator
    was not trained on these features, unlike on the discriminator's.
    """
    if image_set.prompts is None:
        raise InputError(f"{name} has no caption for each image, expected a data set with captions.")
    number = min(len(image_set.images), size.images)
    prompts = image_set.prompts[:number]
    vocabulary = set(model.vocabulary)
    known = np.array([not vocabulary.isdisjoint(words(prompt)) for prompt in prompts])
    network = features.load(feature_network or PICTURE_FEATURES)
    real, other_hand = (network(images[:number]) for images in (image_set.images, image_set.source_images))
    among = min(RETRIEVED_AMONG, number)
    shares, real_shares = [], []
    for seed in size.seeds:
        random = np.random.RandomState(seed)
        # The own picture comes first, then randomly drawn others.
        candidates = np.array(
            [[own, *random.permutation(np.delete(np.arange(number), own))[: among - 1]] for own in range(number)]
        )

        def found(given, candidates=candidates):
            distances = np.linalg.norm(given[:, None] - real[candidates], axis=-1)
            return distances[:, 0] < distances[:, 1:].min(1)

        drawn = np.zeros_like(real)
        if known.any():
            drawn[known] = network(model.generate(prompts=prompts[known].tolist(), seed=seed))
        shares.append(np.mean(found(drawn) & known))
        real_shares.append(np.mean(found(other_hand)))
    return {
        f"retrieval_{name}": _figure(
            shares,
            f"share of {number} captions of {name} whose drawn picture is nearer to their true picture than to those "
            f"of {among - 1} others, drawn at random, on features of {network.name}; chance: {1 / among:.2g}; the "
            f"{number - known.sum()} captions without a word that the model knows count as wrong; real: the source "
            f"images in place of drawn ones; seeds {size.named_seeds}",
            np.mean(real_shares),
        )
    }


def translation(model, dataset, *, size=FULL, feature_network=None, data_dir=None):
    """Computes how close translations of test images come to their true counterparts, and the same for two baselines.

    The baselines are the source image itself, and the counterpart of the training source image that is nearest in
    pixels.
    """
    from zoo import data

    train, test = (
        data.read_pairs(dataset, model.image_shape, model.source_shape, split=split, data_dir=data_dir)
        for split in ("train", "test")
    )
    return translation_of(model, train, test, dataset, size=size, feature_network=feature_network)


def translation_of(model, train, test, dataset, *, size=FULL, feature_network=None):
    """Computes `translation` on training and test pairs that were read already."""
    number = min(len(test.images), size.images)
    ways = {"": ("source_images", "images", {})}
    if model.translates_back:
        ways["_back"] = ("images", "source_images", {"reverse": True})
    network = features.load(feature_network or PICTURE_FEATURES)
    figures = {}
    for way, (given, wanted, options) in ways.items():
        sources, targets = getattr(test, given)[:number], getattr(test, wanted)[:number]
        nearest, _ = nearest_images(sources, getattr(train, given))
        drawn = {
            "": (model.translate(sources, **options), "translations"),
            "_of_source": (_in_channels(sources, targets.shape[-1]), "source images, untranslated,"),
            "_of_nearest": (
                getattr(train, wanted)[nearest],
                "counterparts of the training source images nearest in pixels",
            ),
        }
        reference = gaussian_statistics(network(targets))
        for whose, (images, what) in drawn.items():
            of = f"of {number} {what} to the true counterparts in the test split of {dataset}"
            if way:
                of += ", from images to source images,"
            figures[f"l1{way}{whose}_test_{dataset}"] = _figure(
                [np.abs(images.astype("float64") - targets).mean() / 255], f"mean absolute difference, in 0..1, {of}"
            )
            figures[f"fid{number}{way}{whose}_test_{network.name}"] = _figure(
                [frechet_distance(*gaussian_statistics(network(images)), *reference)],
                f"Fréchet distance {of} on features of {network.name}",
            )
    return figures


def _in_channels(images, channels):
    """Converts images of 1 or 3 channels to `channels` channels, so that they can be compared."""
    if images.shape[-1] == channels:
        return images
    grey = images if images.shape[-1] == 1 else images.mean(-1, keepdims=True).astype("uint8")
    return np.broadcast_to(grey, (*images.shape[:3], channels))


def upscaling(model, dataset, *, size=FULL, data_dir=None):
    """Computes how close downscaled test images come to the originals after upscaling by the model or bicubically."""
    from zoo import data

    images = data.read(dataset, model.image_shape, split="test", data_dir=data_dir).images[: size.images]
    return upscaling_of(model, images, f"test_{dataset}")


def upscaling_of(model, pictures, name):
    """Computes `upscaling`, PSNR and perceptual distance, on uint8 pictures `(h, w, c)` of any size, such as Set5.

    As in papers, the pictures are cropped to sides that `scale` divides, downscaled by MATLAB's bicubic `imresize`, and
    compared without a border of `scale` pixels, with the PSNR on luma.
    """
    scale, figures = model.scale, {}
    looks = {network: features.PerceptualDistance(network) for network in PERCEPTUAL_FEATURES}
    sides = [[side // scale for side in picture.shape[:2]] for picture in pictures]
    large = [
        picture[: height * scale, : width * scale] for picture, (height, width) in zip(pictures, sides, strict=True)
    ]
    small = [resize_bicubic(picture, size) for picture, size in zip(large, sides, strict=True)]

    def bicubic(image):
        return resize_bicubic(image, [scale * side for side in image.shape[:2]])

    def inner(image):
        cut = image[scale:-scale, scale:-scale]
        # The feature networks take three channels.
        return np.broadcast_to(cut, (*cut.shape[:2], 3))

    for way, enlarge, how in (("", model.upscale, "by the model"), ("_bicubic", bicubic, "bicubically")):
        progress = bar(small, f"enlarging {how}", unit="image")
        pairs = [(truth, enlarge(image)) for truth, image in zip(large, progress, strict=True)]
        of = f"over {len(pairs)} images of {name}, shrunk bicubically {scale} times and enlarged {how}"
        figures[f"psnr_luma_x{scale}{way}_{name}"] = _figure(
            [np.mean([psnr_luma(*pair, border=scale) for pair in pairs])], f"dB, mean PSNR of the luma {of}"
        )
        for network, distance in looks.items():
            figures[f"perceptual_x{scale}{way}_{name}_{network}"] = _figure(
                [np.mean([distance(*map(inner, pair)) for pair in pairs])],
                f"mean distance in features of {network}, as LPIPS has it without its weights, {of}",
            )
    return figures


def _binarized(model):
    """The part of a protocol that says how a Bernoulli likelihood treats grey values."""
    if model.likelihood.name != "bernoulli":
        return ""
    return (
        ", each pixel drawn once by each seed with its grey value as probability (not Larochelle's static binarization)"
    )


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
