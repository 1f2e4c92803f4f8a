"""The training pipeline: from a model and its data to a preset, in one run that can be killed and resumed.

A run has a folder. `begin` opens it, `train` trains a model in one or more stages, and `finish` writes the preset. Each
epoch draws a grid of samples, adds a row to `history.csv` and TensorBoard, and is backed up, so that a killed run
continues bit for bit. `finish` draws the pictures of the card, measures the model as `zoo evaluate` does, and writes an
entry with all facts to a manifest. The recipes and `zoo train` use the same functions.

Importing this package turns oneDNN on, unless TensorFlow is imported already or TF_ENABLE_ONEDNN_OPTS is set.

Example:

```python
import zoo
from zoo.training import run

trial = run.begin("my_gan", "runs/my_gan")
images = zoo.data.read("my_images/", (32, 32, 3))
gan = zoo.DCGAN((32, 32, 3), filters=16, discriminator_batch_norm=False, penalties="r1")
run.train(trial, gan, [run.Stage(images, epochs=20, batch_size=32, learning_rate=(2e-3, 5e-4), betas=(0.0, 0.99))])
run.finish(trial, gan, images)
gan = zoo.load("runs/my_gan/preset")
```
"""

import os

# TensorFlow reads this when it is imported. By itself it turns oneDNN on only where there is AVX-512; with AVX2 alone,
# a step of StyleGAN took 1.1 seconds without oneDNN and 0.64 with it.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from zoo.training.image_sets import mirrored
from zoo.training.pictures import (
    enlargements,
    nearest_pairs,
    prompted,
    reconstructions,
    style_mixing,
    swept,
    translations,
)
from zoo.training.run.classifiers import ClassifierStage, attribute_figures, cross_entropy, finish_classifier
from zoo.training.run.conversion import Wheel, convert
from zoo.training.run.history import DISTANCE, agreement_with_captions, correlation, distance_to_train
from zoo.training.run.image_sets import captioned_faces, training_captions, turned
from zoo.training.run.image_to_image import finish_translator, finish_upscaler, read_test_pictures
from zoo.training.run.optimizers import cosine_adam, warmed_adamw
from zoo.training.run.pipeline import fit, train
from zoo.training.run.priors import PriorStage, autoencoder_stage, prior_stage
from zoo.training.run.recipe import Recipe, recipe
from zoo.training.run.settings import Run, affordable, begin
from zoo.training.run.stages import Stage
from zoo.training.run.writing import finish

__all__ = [
    "DISTANCE",
    "ClassifierStage",
    "PriorStage",
    "Recipe",
    "Run",
    "Stage",
    "Wheel",
    "affordable",
    "agreement_with_captions",
    "attribute_figures",
    "autoencoder_stage",
    "begin",
    "captioned_faces",
    "convert",
    "correlation",
    "cosine_adam",
    "cross_entropy",
    "distance_to_train",
    "enlargements",
    "finish",
    "finish_classifier",
    "finish_translator",
    "finish_upscaler",
    "fit",
    "mirrored",
    "nearest_pairs",
    "prior_stage",
    "prompted",
    "read_test_pictures",
    "recipe",
    "reconstructions",
    "style_mixing",
    "swept",
    "train",
    "training_captions",
    "translations",
    "turned",
    "warmed_adamw",
]
