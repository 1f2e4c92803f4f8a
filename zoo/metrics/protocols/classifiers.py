"""What classifiers see in generated images, and what they learn from them."""

import keras
import numpy as np

from zoo import presets
from zoo.backend import set_random_seed
from zoo.images import to_float
from zoo.metrics import features
from zoo.nets import conv

CONFIDENT = 0.9
# Data sets simple enough for the classification accuracy score, and settings of its classifier.
CAS_DATASETS = ("mnist", "fashion_mnist")
CAS_FILTERS, CAS_EPOCHS, CAS_BATCH, CAS_RATE = 16, 10, 100, 2e-3


def classifier_of(model, dataset):
    """Returns the name and the model of the bundled classifier for the data set's classes; None if none fits."""
    for name in presets.list_presets(dataset=dataset, kind="feature_network"):
        classifier = features.bundled(name)
        # The classifier of the avatars predicts many attributes instead of one class.
        classes = classifier.output_shape[-1] if isinstance(classifier.output_shape, tuple) else None
        if classes is not None and model.num_classes in (None, classes):
            return name, classifier
    return None, None


def class_metrics(images, name, classifier):
    """Measures whether images are recognizable and cover all classes; returns `(value, what, real)` by name."""
    probabilities = features.class_probabilities(classifier, images)
    rarest = np.bincount(probabilities.argmax(1), minlength=probabilities.shape[1]).min() / len(images)
    confident = np.mean(probabilities.max(1) >= CONFIDENT)
    return {
        "confident": (confident, f"share of {{}} whose class {name} gives a probability of {CONFIDENT} or more", None),
        "rarest_class": (rarest, f"share of {{}} that {name} sees as the class that it sees least often", None),
    }


def label_metrics(images, labels, name, classifier, dataset, test_set, seed):
    """Measures whether images show their labels in all variety; returns `(value, what, real)` by name."""
    agreement = np.mean(features.class_probabilities(classifier, images).argmax(1) == labels)
    accuracy = presets.entry_of(name)["metrics"]["accuracy_test"]["value"]
    metrics = {
        "label_agreement": (
            agreement,
            f"share of {{}}, their labels drawn uniformly, in which {name} sees the label; "
            f"real: its accuracy on the test images of {dataset}",
            accuracy,
        )
    }
    if test_set is not None:
        test_images, test_labels = test_set
        metrics["cas"] = (
            _classification_accuracy_score(images, labels, test_images, test_labels, seed),
            f"classification accuracy score: accuracy on {len(test_images)} test images of {dataset} of a small "
            f"classifier trained for {CAS_EPOCHS} epochs of batches of {CAS_BATCH} on nothing but {{}}; "
            f"real: that of {name}, which is larger and saw all training images",
            accuracy,
        )
    return metrics


def _classification_accuracy_score(images, labels, test_images, test_labels, seed):
    set_random_seed(seed)
    classes = 1 + int(max(labels.max(), test_labels.max()))
    classifier = conv.classifier(images.shape[1:], classes, CAS_FILTERS)
    steps = CAS_EPOCHS * -(-len(images) // CAS_BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(CAS_RATE, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.Adam(schedule), loss)
    classifier.fit(to_float(images), labels, batch_size=CAS_BATCH, epochs=CAS_EPOCHS, verbose=0)
    predicted = features.class_probabilities(classifier, test_images).argmax(1)
    return np.mean(predicted == test_labels)
