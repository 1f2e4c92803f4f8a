"""The codebook of a VQ-VAE."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class VectorQuantizer(keras.layers.Layer):
    """Replaces vectors by the nearest of `num_embeddings` learned ones (van den Oord et al. 2017, eq. 1 and 2).

    Called on `(..., embedding_dim)`, returns the nearest embeddings of the same shape with the straight-through
    gradient: that of the output is handed to the input as it is.

    With `ema_decay`, `update` moves each embedding to the running mean of the vectors it replaced (appendix A.1, with
    a correction for the start as in Adam), and sends embeddings that replace next to nothing to random vectors of the
    batch. Without, the embeddings are trained by gradient through `lookup`. Under a distribution strategy the first
    replica's part of a batch decides: a mean over replicas would send embeddings to places between vectors.

    Args:
        num_embeddings: size of the codebook.
        embedding_dim: length of its vectors.
        ema_decay: decay of the running means, or None to train by gradient.
        restart_below: an embedding restarts when the running mean of how many vectors of a batch it replaced falls
            below this share of what it would be if all were used alike.
        name, dtype: as for every Keras layer.
    """

    def __init__(self, num_embeddings, embedding_dim, ema_decay=0.99, restart_below=0.05, **kwargs):
        # Distances in half precision confuse near embeddings.
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
            # The model that looks codes up may compute in half precision.
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
                # Beyond 65504, a preset in half precision could not hold it as a float.
                dtype="int32",
                trainable=False,
                aggregation="only_first_replica",
                name="updates",
            )

    def forget(self):
        """Begins the running means anew, as for a codebook that did."""
        if self.ema_decay is not None:
            for mean in (self.counts, self.sums, self.updates):
                mean.assign(ops.zeros_like(mean))

    def nearest(self, vectors):
        """Index of the nearest embedding, int32 `(...)`, of vectors `(..., embedding_dim)`."""
        flat = ops.reshape(ops.cast(vectors, "float32"), (-1, self.embedding_dim))
        # |v - e|^2 without |v|^2, which is the same for all embeddings.
        distances = ops.sum(ops.square(self.codebook), -1) - 2.0 * ops.matmul(flat, ops.transpose(self.codebook))
        return ops.reshape(ops.cast(ops.argmin(distances, -1), "int32"), ops.shape(vectors)[:-1])

    def lookup(self, codes):
        """Embeddings `(..., embedding_dim)` of codes `(...)`."""
        return ops.take(self.codebook, codes, axis=0)

    @staticmethod
    def straight_through(vectors, embeddings):
        """The embeddings, whose gradient goes to the vectors that they replace."""
        return vectors + ops.stop_gradient(embeddings - vectors)

    def call(self, vectors):
        return self.straight_through(vectors, self.lookup(self.nearest(vectors)))

    def update(self, vectors, codes):
        """Moves the embeddings to the running means of the vectors `(..., embedding_dim)` that they replaced.

        `codes` `(...)` are what `nearest` gave for them. Only for a codebook with `ema_decay`.
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
        # As if it had replaced its share of vectors so far, else it would restart at once.
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
