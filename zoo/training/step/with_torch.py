"""What PyTorch does in a step: it runs eagerly, and records for gradients only what a loss computes."""

import keras
import torch

from zoo import keras_private
from zoo.training.step.without_replicas import assign_everywhere, num_replicas, replicated  # noqa: F401


class _Changes(keras.StatelessScope):
    """Keeps what a loss changes in variables apart from their values, which its gradient still needs."""

    def __init__(self):
        super().__init__()
        self._changed = {}

    def add_update(self, update):
        super().add_update(update)
        self._changed[id(update[0])] = update[0]

    def take_effect(self):
        for key, variable in self._changed.items():
            variable.assign(self.state_mapping[key].detach())


def value_and_grad(loss, variables):
    """Differentiates a loss.

    Args:
        loss: function without arguments that returns the scalar to differentiate and anything else.
        variables: list of variables that it reads.

    Returns:
        Tuple of what else the function returned, and the gradients, None for variables that it did not read.
    """
    with torch.enable_grad(), _Changes() as changes:
        scalar, other = loss()
    gradients = torch.autograd.grad(scalar, [variable.value for variable in variables], allow_unused=True)
    changes.take_effect()
    return keras.tree.map_structure(_detached, other), gradients


def _detached(value):
    return value.detach() if torch.is_tensor(value) else value


def input_gradient(fn, inputs):
    """Returns the gradient of `sum(fn(inputs))` with respect to `inputs`."""
    # Where no loss is differentiated, such as in `evaluate`, nobody differentiates this gradient again.
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        if not inputs.requires_grad:
            inputs = inputs.detach().requires_grad_()
        return torch.autograd.grad(fn(inputs).sum(), inputs, create_graph=again)[0]


def global_norm(gradients):
    """Returns the norm of all gradients together."""
    return torch.nn.utils.get_total_norm([gradient for gradient in gradients if gradient is not None])


def apply(optimizer, gradients, variables):
    """Takes a step of an optimizer."""
    with torch.no_grad():
        optimizer.apply(gradients, variables)


def compiled(step, variables):
    """Returns a function that changes variables as it is."""
    return torch.no_grad()(step)


def train_function(model):
    keras_private.seed_layers(model)
    return _loop(model.train_step)


def test_function(model):
    return _loop(model.test_step)


def _loop(step):
    """Returns a function that Keras calls with the batches of `steps_per_execution` steps."""

    @torch.no_grad()
    def steps(batches):
        for batch in batches:
            logs = step(batch)
        return logs

    return steps
