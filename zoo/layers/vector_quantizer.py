"""The codebook of a VQ-VAE."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class VectorQuantizer(keras.layers.Layer):
    """Replaces vectors by the nearest of `num_embeddings` learned vectors (van den Oord et al. 2017, eq. 1 and 2).

    The gradient is straight-through: the layer passes the gradient of its output to its input unchanged.

    With `ema_decay`, `update` moves each embedding to the running mean of the vectors it replaced (appendix A.1), with
    a bias correction as in Adam, and resets embeddings that replace almost no vectors to random vectors of the batch.
    Without `ema_decay`, the embeddings are trained by gradient through `lookup`.

    Under a distribution strategy, the first replica's part of a batch decides the update, because the mean over
    replicas of two resets would lie between vectors of the data.

    Args:
        num_embeddings: int. Size of the codebook.
        embedding_dim: int. Length of each vector.
        ema_decay: float or None. Decay of the running means. None trains the embeddings by gradient. Defaults to 0.99.
        restart_below: float. An embedding is reset when the running mean of the number of vectors it replaces per batch
            falls below this share of the number under uniform use. Defaults to 0.05.
        **kwargs: keyword arguments of `keras.layers.Layer`. The dtype is always float32.

    Call arguments:
        vectors: float tensor of shape `(..., embedding_dim)`.

    Returns:
        A float32 tensor of the same shape, the nearest embeddings.

    Example:

    ```python
    from keras import ops
    from zoo.layers.vector_quantizer import VectorQuantizer

    quantizer = VectorQuantizer(num_embeddings=512, embedding_dim=64)
    vectors = ops.ones((2, 8, 8, 64))
    embeddings = quantizer(vectors)  # (2, 8, 8, 64)
    codes = quantizer.nearest(vectors)  # (2, 8, 8)
    ```
    """

    def __init__(self, num_embeddings, embedding_dim, ema_decay=0.99, restart_below=0.05, **kwargs):
        # Half-precision distances confuse embeddings that are close to each other.
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.ema_decay, self.restart_below = ema_decay, restart_below
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape):
        shape = (self.num_embeddings, self.embedding_dim)
        scale = 1.0 / self.num_embeddings
        averaged = self.ema_decay is not None
        self.codebook = self.add_weight(
            shape=shape,
            initializer=keras.initializers.RandomUniform(-scale, scale),
            trainable=not averaged,
            # A model that looks up codes may compute in half precision.
            autocast=False,
            aggregation="only_first_replica" if averaged else "mean",
            name="codebook",
        )
        if averaged:
            self.counts = self.add_weight(
                shape=shape[:1], initializer="zeros", trainable=False, aggregation="only_first_replica", name="counts"
            )
            self.sums = self.add_weight(
                shape=shape, initializer="zeros", trainable=False, aggregation="only_first_replica", name="sums"
            )
            self.updates = self.add_weight(
                shape=(),
                initializer="zeros",
                # A preset in half precision cannot hold a float above 65504.
                dtype="int32",
                trainable=False,
                aggregation="only_first_replica",
                name="updates",
            )

    def forget(self):
        """Resets the running means to their initial values."""
        if self.ema_decay is not None:
            for mean in (self.counts, self.sums, self.updates):
                mean.assign(ops.zeros_like(mean.value))

    def nearest(self, vectors):
        """Returns the index of the nearest embedding, int32 `(...)`, for vectors `(..., embedding_dim)`."""
        flat = ops.reshape(ops.cast(vectors, "float32"), (-1, self.embedding_dim))
        # The negative distance -|v - e|^2 omits |v|^2, which is the same for all embeddings.
        closeness = 2.0 * ops.matmul(flat, ops.transpose(self.codebook)) - ops.sum(ops.square(self.codebook), -1)
        # Keras' `argmax` tells 0 from -0 by operations that ONNX lacks.
        _, indices = ops.top_k(closeness, 1)
        return ops.reshape(ops.cast(indices, "int32"), ops.shape(vectors)[:-1])

    def lookup(self, codes):
        """Returns the embeddings `(..., embedding_dim)` of codes `(...)`."""
        return ops.take(self.codebook, codes, axis=0)

    @staticmethod
    def straight_through(vectors, embeddings):
        """Returns the embeddings with their gradient passed to the vectors that they replace."""
        return vectors + ops.stop_gradient(embeddings - vectors)

    def call(self, vectors):
        return self.straight_through(vectors, self.lookup(self.nearest(vectors)))

    def update(self, vectors, codes):
        """Moves the embeddings to the running means of the vectors that they replaced.

        This applies only to a codebook with `ema_decay`.

        Args:
            vectors: float tensor of shape `(..., embedding_dim)`.
            codes: int32 tensor of shape `(...)`. The result of `nearest` for `vectors`.
        """
        flat = ops.stop_gradient(ops.reshape(ops.cast(vectors, "float32"), (-1, self.embedding_dim)))
        one_hot = ops.one_hot(ops.reshape(codes, (-1,)), self.num_embeddings, dtype="float32")
        decay = self.ema_decay
        counts = decay * self.counts + (1.0 - decay) * ops.sum(one_hot, 0)
        sums = decay * self.sums + (1.0 - decay) * ops.matmul(ops.transpose(one_hot), flat)
        updates = self.updates + 1
        correction = 1.0 - ops.power(decay, ops.cast(updates, "float32"))

        means = sums / ops.maximum(counts, 1e-5)[:, None]
        number = ops.cast(ops.shape(flat)[0], "float32")
        used = counts / correction >= self.restart_below * number / self.num_embeddings
        picked = keras.random.randint((self.num_embeddings,), 0, ops.shape(flat)[0], seed=self.seed_generator)
        restarted = ops.take(flat, picked, axis=0)
        fair = correction * number / self.num_embeddings
        self.codebook.assign(ops.where(used[:, None], means, restarted))
        # A reset embedding starts with the counts of uniform use, because otherwise it would be reset again at once.
        self.counts.assign(ops.where(used, counts, fair))
        self.sums.assign(ops.where(used[:, None], sums, fair * restarted))
        self.updates.assign(updates)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_embeddings": self.num_embeddings,
            "embedding_dim": self.embedding_dim,
            "ema_decay": self.ema_decay,
            "restart_below": self.restart_below,
        }
