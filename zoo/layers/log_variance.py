"""`bounded_log_variance`: log variances of latents whose exponential stays finite."""

import keras
from keras import ops

# Values between these limits stay as they are, and others move at most the margin beyond them.
LOWEST, HIGHEST, _MARGIN = -20.0, 6.0, 2.0


@keras.saving.register_keras_serializable(package="zoo")
def bounded_log_variance(log_variance):
    """Returns log variances of latents bounded to values between -22 and 8; those from -20 to 6 stay as they are.

    The KL term keeps log variances near 0, but a few steps on unfamiliar images can take an encoder's outputs to 20 and
    more, whose exponential overflows a few steps later. Beyond a limit, an excess u becomes 2u / (2 + u). Unlike the
    gradient of clipping, its gradient is never zero, so training brings the outputs back.

    Example:

    ```python
    from keras import ops
    from zoo.layers.log_variance import bounded_log_variance

    bounded_log_variance(ops.array([-1.5, 8.0, 1e6]))  # [-1.5, 7.0, 8.0]
    ```
    """
    above, below = ops.relu(log_variance - HIGHEST), ops.relu(LOWEST - log_variance)
    inside = ops.clip(log_variance, LOWEST, HIGHEST)
    return inside + _MARGIN * above / (_MARGIN + above) - _MARGIN * below / (_MARGIN + below)
