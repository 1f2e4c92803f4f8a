"""Training on two replicas of `tf.distribute`, which are the same processor twice, in one process for all tests."""

import json

import numpy as np
import pytest
from helpers import SHAPE, run_script

pytestmark = pytest.mark.slow

ON_TWO_REPLICAS = """
import json
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
import zoo
from zoo import data
from zoo.objectives.penalties import R1
from contract.families import FAMILIES
from helpers import LATENT_DIM, SHAPE, images, run_graphs_as_traced, tiny_gan, values
run_graphs_as_traced()
result = {}

def plain(arrays):
    return [array.tolist() for array in arrays]

def locals_of(variable):
    return [value.numpy() for value in strategy.experimental_local_results(variable.value)]

def deaf_gan():
    # A generator that ignores its latents, so that the replicas' noise cannot matter.
    generator = keras.Sequential([
        keras.Input((LATENT_DIM,)),
        keras.layers.Rescaling(0.0),
        keras.layers.Dense(64, activation="tanh", bias_initializer=keras.initializers.RandomNormal(seed=1)),
        keras.layers.Reshape(SHAPE),
    ])
    model = zoo.GAN(SHAPE, LATENT_DIM, generator=generator, hidden_units=(6,), dropout=0.0, ema_momentum=0.25,
                    penalties=R1(2.0, interval=2))
    model.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05))
    return model

with strategy.scope():
    mirrored = deaf_gan()
single = deaf_gan()
single.run_eagerly = True
single.set_weights([np.array(value) for value in mirrored.get_weights()])
draw = tf.function(lambda: keras.random.normal((3,), seed=mirrored.seed_generator))
drawn = [strategy.experimental_local_results(strategy.run(draw)) for _ in range(4)]
result["noise"] = [plain(noise.numpy() for noise in step) for step in drawn]
result["before"] = plain(values(mirrored.generator.trainable_variables))

class Record(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.generators = []
    def on_epoch_end(self, epoch, logs=None):
        self.generators.append(plain(values(self.model.generator.trainable_variables)))

record = Record()
batch = tf.data.Dataset.from_tensors(images(8))
result["mirrored_logs"] = mirrored.fit(batch, epochs=3, verbose=0, callbacks=[record]).history
result["single_logs"] = single.fit(batch, epochs=3, verbose=0).history
result["generators"] = record.generators
result["mirrored"] = plain(values(mirrored.weights))
result["single"] = plain(values(single.weights))
result["average"] = plain(values(mirrored.ema_generator.weights))
result["replicas_agree"] = all(
    (one == other).all() for variable in mirrored.weights for one, other in [locals_of(variable)]
)

# Each has a state of its own: the learned variance, clipped weights, power iterations beside an adaptive strength, and
# the mean of W.
models, sagan = {}, {"residual": False, "augmentation": "adaptive", "penalties": R1(1.0, interval=2)}
for name, arguments in {"VAE": {}, "WGAN": {}, "SAGAN": sagan, "StyleGAN": {}}.items():
    with strategy.scope():
        model = models[name] = FAMILIES[name].build(name, **arguments)
        # Adam, which is traced for every weight on either replica, moves the dense one below.
        model.compile(*["sgd"] * len(model.optimizer_names))
    history = model.fit(data.dataset(images(24), SHAPE, 8), epochs=2, verbose=0).history
    result[name] = {
        "finite": all(np.isfinite(figures).all() for figures in history.values()),
        "iterations": int(model.optimizer.iterations.numpy()),
        "drawn": list(model.generate(5, seed=0).shape),
    }
# Of the last batch one replica has an image and the other none, which TensorFlow's convolutions do not take.
nine = tf.data.Dataset.from_tensor_slices(images(9)).batch(8)
with strategy.scope():
    dense = tiny_gan()
    dense.compile()
result["nine"] = []
for model in (models["VAE"], dense):
    history = model.fit(nine, verbose=0).history
    result["nine"] += [*map(np.mean, history.values()), *(float(weights.sum()) for weights in values(model.weights))]

with strategy.scope():
    quantized = zoo.VQVAE2((16, 16, 1), 6, 3, filters=4, residual_blocks=1)
    quantized.compile("sgd")
few = np.random.RandomState(0).randint(0, 256, (8, 16, 16, 1)).astype("uint8")
quantized.fit(few, batch_size=4, verbose=0)
quantized.build_prior(filters=4, num_blocks=1)
quantized.fit_prior(few, batch_size=4, verbose=0)
codes = quantized.encode(few[:3])
result["codes"] = [list(grid.shape) for grid in codes]
result["decoded"] = [quantized.decode(codes).tolist(), quantized.reconstruct(few[:3]).tolist()]
result["quantized"] = list(quantized.generate(2, seed=0).shape)
print(json.dumps(result))
"""


@pytest.fixture(scope="module")
def two_replicas():
    return json.loads(run_script(ON_TWO_REPLICAS, warm=True).stdout.splitlines()[-1])


def test_replicas_draw_different_noise(two_replicas):
    drawn = [tuple(noise) for step in two_replicas["noise"] for noise in step]
    assert len(drawn) == 8 and len(set(drawn)) == 8


def test_two_replicas_step_like_one_device(two_replicas):
    for one, other in zip(two_replicas["mirrored"], two_replicas["single"], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    for name, figures in two_replicas["single_logs"].items():
        # That of the discriminator is the mean of two, each on images of its own.
        if name != "discriminator_gradient_norm":
            np.testing.assert_allclose(two_replicas["mirrored_logs"][name], figures, rtol=1e-4, err_msg=name)
    before, after = two_replicas["before"][1], two_replicas["generators"][-1][1]
    assert np.abs(np.subtract(before, after)).max() > 1e-4


def test_replicas_average_alike(two_replicas):
    assert two_replicas["replicas_agree"]
    average = [np.array(value) for value in two_replicas["before"]]
    for step, weights in enumerate(two_replicas["generators"], 1):
        momentum = min(0.25, (1 + step) / (10 + step))
        average = [momentum * a + (1 - momentum) * np.array(w) for a, w in zip(average, weights, strict=True)]
    for one, other in zip(average, two_replicas["average"], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["VAE", "WGAN", "SAGAN", "StyleGAN"])
def test_fit_runs_on_two_replicas(two_replicas, name):
    assert two_replicas[name] == {"finite": True, "iterations": 6, "drawn": [5, *SHAPE]}


def test_a_replica_without_images_changes_no_figure_to_nan(two_replicas):
    assert np.isfinite(two_replicas["nine"]).all()


def test_codes_on_two_replicas_are_those_of_the_images(two_replicas):
    assert [grid[0] for grid in two_replicas["codes"]] == [3, 3]
    decoded, reconstructed = map(np.array, two_replicas["decoded"])
    assert decoded.shape == (3, 16, 16, 1)
    np.testing.assert_array_equal(decoded, reconstructed)
    assert two_replicas["quantized"] == [2, 16, 16, 1]
