"""The vector-quantized autoencoder with two grids of codes."""

import keras

from zoo.errors import InputError
from zoo.models.vq_vae import VQVAE
from zoo.nets import conv, vq
from zoo.nets.options import Count


@keras.saving.register_keras_serializable(package="zoo")
class VQVAE2(VQVAE):
    """VQ-VAE with a coarse grid of codes for the layout and a fine grid for details (Razavi et al. 2019).

    The fine vectors are encoded from the image and the coarse embeddings (algorithm 1), and the decoder sees both. The
    loss is that of `VQVAE` with the codebook and commitment terms summed over both grids:

        -log p(x|e_coarse, e_fine) + sum_grids |sg(z) - e|^2 + commitment_cost * |z - sg(e)|^2.

    The prior draws the coarse codes and then the fine codes given the coarse ones.

    Args:
        **arguments: those of `VQVAE`, with three networks: `encoder` (images to features of the fine grid and coarse
            vectors), `fine_encoder` (these features and coarse embeddings to fine vectors) and `decoder` (coarse and
            fine embeddings to images). Network options are those of `VQVAE2.default_networks`.

    Raises:
        InputError: As for `VQVAE`.

    Example:

    ```python
    import zoo

    model = zoo.VQVAE2((32, 32, 3), num_embeddings=128, embedding_dim=16, filters=32)
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 32, 32, 3)
    model.fit_prior(images, epochs=20)
    new_images = model.generate(16, seed=0)
    coarse, fine = model.encode(images[:16])  # int32 (16, 4, 4), (16, 8, 8)
    ```
    """

    network_arguments = ("encoder", "fine_encoder", "decoder")

    @staticmethod
    def default_networks(
        image_shape, embedding_dim, filters: Count = 128, stages: Count = 2, residual_blocks: Count = 2
    ):
        """Networks like those of `VQVAE`, with two grids of codes.

        The image is halved `stages` times for the fine grid and once more for the coarse one.
        """
        conv.check_sides(image_shape, stages + 1)
        return (
            vq.two_level_encoder(image_shape, embedding_dim, filters, stages, residual_blocks),
            vq.fine_encoder(image_shape, embedding_dim, filters, stages, residual_blocks),
            vq.two_level_decoder(image_shape, embedding_dim, filters, stages, residual_blocks),
            {"filters": filters, "stages": stages, "residual_blocks": residual_blocks},
        )

    def find_code_shapes(self):
        return tuple(self.encoder.outputs[-1].shape[1:3]), tuple(self.fine_encoder.outputs[0].shape[1:3])

    def check_networks(self):
        coarse, fine = ((*shape, self.embedding_dim) for shape in self.code_shapes)
        features = tuple(self.encoder.outputs[0].shape[1:])
        self.check_ends("encoder", [self.image_shape], [features, coarse])
        self.check_ends("fine_encoder", [features, coarse], [fine])
        self.check_ends("decoder", [coarse, fine], [self.image_shape])
        if any(side % least for side, least in zip(fine[:2], coarse[:2], strict=True)):
            raise InputError(
                f"fine_encoder makes a grid of {fine[:2]}, expected multiples of the coarse grid {coarse[:2]}."
            )

    def vectors_and_codes(self, images, training=False):
        features, coarse = self.encoder(images, training=training)
        codes = self.quantizers[0].nearest(coarse)
        embeddings = self.quantizers[0].straight_through(coarse, self.quantizers[0].lookup(codes))
        fine = self.fine_encoder([features, embeddings], training=training)
        return [(coarse, codes), (fine, self.quantizers[1].nearest(fine))]

    def reconstruct_from(self, embeddings, training=False):
        return self.decoder(embeddings, training=training)

    def encode(self, images):
        """Returns coarse and fine codes, int32 `(n, *code_shapes[i])` each, for uint8 or [-1, 1] images."""
        return tuple(self.encode_grids(images))

    def decode(self, codes):
        """Returns uint8 images for a pair of coarse and fine codes from `encode`; errors as for `VQVAE.decode`."""
        if not isinstance(codes, (tuple, list)) or len(codes) != 2:
            raise InputError("codes is no pair of coarse and fine codes, expected what encode returns.")
        return self.decode_grids(codes)
