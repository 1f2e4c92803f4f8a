"""Text to image: a GAN whose two networks read the prompt."""

import keras
from keras import ops

from zoo.errors import InputError, check_amount, check_count, check_image_shape
from zoo.exporting.networks import Network, Values, drawing
from zoo.models.adversarial_model import AdversarialModel
from zoo.models.prompted import Prompted
from zoo.nets import conv, text
from zoo.nets.options import Count
from zoo.nets.shapes import check_layers, check_makes, check_takes
from zoo.objectives import variational
from zoo.progress import predict_batch
from zoo.sampling.conditions import Latents, Prompts
from zoo.text import Tokenizer


@keras.saving.register_keras_serializable(package="zoo")
class TextToImageGAN(Prompted, AdversarialModel):
    """GAN that draws the content of a text (Reed et al. 2016), with normalization conditioned on the text.

    The model has one stage, where StackGAN has two: at these sizes, normalization conditioned on the text draws details
    as well with half the networks. The networks are those of DCGAN, which have the fastest step, and R1 keeps the
    discriminator smooth. Residual networks with spectral normalization took longer and drew scribbles for eyes.

    The discriminator is matching-aware (Reed et al. 2016, algorithm 1): a real image with another image's prompt counts
    as wrong, like a generated image with its own prompt. Each network has its own text encoder, trained with it. The
    generator's encoder returns mean and variance of a Gaussian that the condition is sampled from, and adds

        kl_weight * KL(N(mean, variance) || N(0, 1))

    to the generator loss (conditioning augmentation; Zhang et al. 2017, eq. 2). The authors' code uses twice the mean
    over 128 dimensions, equal to a `kl_weight` of 0.0156 for this sum.

    Prominent features usually suffice to tell that a prompt is wrong, so matching teaches little about small details.
    Both losses therefore include a contrastive loss among the n prompts of the batch (Zhang et al. 2021, section 4.1).
    The discriminator computes it on real images x_i and prompts s_i, and the generator on its own images:

        contrastive_weight * E[-log(exp(match(x_i, s_i)) / sum_j exp(match(x_i, s_j)))].

    The discriminator's `match` replaces the paper's cosine similarity over a temperature.

    Args:
        image_shape: `(height, width, channels)`, height and width divisible by 4.
        latent_dim: int, at least 1. Size of the latent vector z ~ N(0, 1), including the noise of the condition.
            Defaults to 96.
        vocabulary: list of the words that prompts may contain, as `zoo.text.vocabulary_of(prompts)` returns it.
        max_words: int, at least 1. Maximal number of words in a prompt. Defaults to 40.
        example_prompts: list of texts that `generate` draws from if it is given no prompts, or None. Defaults to None.
        generator: functional network that replaces the default one, from a dict of `latents` and `prompts`
            `(n, max_words)` to images in [-1, 1]. Its layer `text_encoder` returns mean and log variance side by side.
        discriminator: functional network that replaces the default one, from a dict of `images` and `prompts`. Its
            layer `image_encoder` returns a dict of `logit` `(n, 1)` and `vector` `(n, d)`, and its layer `text_encoder`
            returns vectors `(n, d)`. Its output is the sum of logit and match, as in `zoo.nets.text`.
        objective, penalties, augmentation, ema_momentum, discriminator_steps: as for `GAN`, where `penalties` defaults
            to `"r1"`.
        kl_weight, contrastive_weight: floats, at least 0. Weights of the terms above. Default to 0.02 and 1.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.
        **network_options: arguments of `default_networks`.

    Raises:
        InputError: If an argument is out of range, or arguments do not fit together.

    Example:

    ```python
    import zoo
    from zoo.text import vocabulary_of

    model = zoo.TextToImageGAN((32, 32, 3), vocabulary=vocabulary_of(prompts), example_prompts=prompts[:8])
    model.compile()
    model.fit({"images": images, "prompts": prompts}, epochs=20)  # uint8 (n, 32, 32, 3), list of n texts
    new_images = model.generate(prompts=["a red square", "a blue circle"], seed=0)
    ```
    """

    loss_terms = ("kl", "contrast")

    def __init__(
        self,
        image_shape,
        latent_dim=96,
        *,
        vocabulary,
        max_words=40,
        example_prompts=None,
        penalties="r1",
        kl_weight=0.02,
        contrastive_weight=1.0,
        **arguments,
    ):
        image_shape, latent_dim = check_image_shape(image_shape), check_count(latent_dim, "latent_dim")
        tokenizer = Tokenizer(vocabulary, max_words)
        check_amount(kl_weight, "kl_weight")
        check_amount(contrastive_weight, "contrastive_weight")
        implied = {"vocabulary_size": tokenizer.size, "max_words": tokenizer.max_words}
        super().__init__(image_shape, latent_dim, implied, penalties=penalties, **arguments)
        self.latent_dim, self.kl_weight, self.contrastive_weight = latent_dim, kl_weight, contrastive_weight
        self.max_words, self.prompts = tokenizer.max_words, Prompts(tokenizer, example_prompts)
        self.conditions, self.trained_conditions = (self.prompts, Latents(latent_dim)), (self.prompts,)
        words = (tokenizer.max_words,)
        check_takes("generator", self.generator, {"latents": (latent_dim,), "prompts": words})
        check_takes("discriminator", self.discriminator, {"images": image_shape, "prompts": words})
        check_makes("generator", self.generator, image_shape, f"image_shape={image_shape}")
        check_layers("generator", self.generator, "text_encoder")
        check_layers("discriminator", self.discriminator, "image_encoder", "text_encoder")
        seen = self.discriminator.get_layer("image_encoder").output
        if not isinstance(seen, dict) or seen.keys() != {"logit", "vector"}:
            raise InputError(f"image_encoder of discriminator gives {seen}, expected a dict of logit and vector.")

    @staticmethod
    def default_networks(
        image_shape,
        latent_dim,
        *,
        vocabulary_size,
        max_words,
        filters: Count = 64,
        stages: Count | None = None,
        text_dim: Count = 32,
        word_dim: Count = 64,
    ):
        """Strided convolutions with `filters` features at half the resolution, and text encoders of width `word_dim`.

        `stages` is the number of times that the image is halved; by default down to 4 pixels or an odd side. `text_dim`
        is the size of the condition, whose noise takes as many latents.
        """
        stages = conv.stages_of(image_shape, stages)
        if text_dim >= latent_dim:
            raise InputError(f"text_dim is {text_dim}, expected less than latent_dim={latent_dim}.")
        words = (vocabulary_size, max_words)
        return (
            text.text_to_image_generator(image_shape, latent_dim, *words, text_dim, filters, stages, word_dim),
            text.text_to_image_discriminator(image_shape, *words, filters, stages, word_dim),
            {"filters": filters, "stages": stages, "text_dim": text_dim, "word_dim": word_dim},
        )

    # === The step ===

    def train_step(self, data):
        """Alternates updates of discriminator and generator (Reed et al. 2016, algorithm 1)."""
        batch = self.prepare(data)
        for part in self.parts(batch):
            logs = self.update_discriminator(part)
        logs |= self.update_generator(part)
        return self.report(logs, batch)

    def generator_inputs(self, batch):
        latents = keras.random.normal((ops.shape(batch["images"])[0], self.latent_dim), seed=self.seed_generator)
        return {"latents": latents, "prompts": batch["prompts"]}

    def discriminator_inputs(self, images, batch):
        return {"images": images, "prompts": batch["prompts"]}

    def discrimination(self, real, fake, batch, training):
        def run(network, inputs):
            return network(inputs, training=training)

        sentences, alike = self._sentences(batch, run)
        real_logits, mismatched, contrast = self._compared(real, sentences, alike, run)
        fake_logits, *_ = self._compared(fake, sentences, alike, run)
        # The prompt of the previous image is not wrong if it has the same words.
        same = ops.diagonal(ops.roll(alike, 1, axis=1))[:, None]
        mismatched = ops.where(same > 0, fake_logits, mismatched)
        loss = self.objective.discriminator_loss
        loss = 0.5 * (loss(real_logits, fake_logits) + loss(real_logits, mismatched))
        return loss + self.contrastive_weight * contrast, real_logits, fake_logits

    def _sentences(self, batch, run):
        """Returns the vectors of the batch's prompts, and a matrix with 1 where two prompts are equal, else 0."""
        prompts = batch["prompts"]
        alike = ops.all(ops.equal(prompts[:, None], prompts[None]), axis=-1)
        return run(self.discriminator.get_layer("text_encoder"), prompts), ops.cast(alike, "float32")

    def _compared(self, images, sentences, alike, run):
        """Returns the logits of images with their own and with the previous image's prompt, and the contrastive loss.

        `sentences` and `alike` are the results of `_sentences`; `run` applies an encoder of the discriminator.
        """
        seen = run(self.discriminator.get_layer("image_encoder"), images)
        matches = text.matches(seen["vector"], sentences)
        own = ops.diagonal(matches)
        others = ops.diagonal(ops.roll(matches, 1, axis=1))
        # The contrastive loss ignores other images' prompts with the same words, because nothing distinguishes them.
        repeated = alike - ops.eye(ops.shape(alike)[0])
        contrast = ops.mean(ops.logsumexp(matches - 1e9 * repeated, axis=-1) - own)
        return seen["logit"] + own[:, None], seen["logit"] + others[:, None], contrast

    def generator_loss(self, batch, training=True):
        def run(network, inputs):
            return self.run_frozen(network, inputs, training)

        def seen(images):
            return self.augmented(images, batch) if training else images

        texts = self._sentences(batch, run)
        fake = self.generated(self.generator_inputs(batch), training)
        logits, _, contrast = self._compared(seen(fake), *texts, run)
        compared = [self._compared(seen(batch["images"]), *texts, run)[0]] if self.objective.compares else []
        encoder = (self.generator if training else self.ema_generator).get_layer("text_encoder")
        mean, log_variance = ops.split(encoder(batch["prompts"], training=training), 2, axis=-1)
        kl = ops.mean(variational.kl_to_standard_normal(mean, log_variance))
        loss = self.objective.generator_loss(logits, *compared)
        loss += self.kl_weight * kl + self.contrastive_weight * contrast
        return loss, {"generator_loss": loss, "kl": kl, "contrast": contrast}

    # === Using ===

    def sample(self, latents, prompts):
        return predict_batch(self.ema_generator, {"latents": latents, "prompts": prompts})

    def exported_networks(self):
        def encode(tokens):
            encoded = self.ema_generator.get_layer("text_encoder")(tokens, training=False)
            mean, log_variance = ops.split(encoded, 2, axis=-1)
            return {"mean": mean, "log_variance": log_variance}

        def draw(latents, tokens):
            return self.ema_generator({"latents": latents, "prompts": tokens}, training=False)

        tokens = self.exported_tokens
        return {
            "text_encoder": Network(encode, {"tokens": tokens}),
            "generator": drawing(draw, latents=Values((self.latent_dim,)), tokens=tokens),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "vocabulary": list(self.vocabulary),
            "max_words": self.max_words,
            "example_prompts": self.example_prompts and list(self.example_prompts),
            "kl_weight": self.kl_weight,
            "contrastive_weight": self.contrastive_weight,
        }
