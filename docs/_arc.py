"""Writes the table of the first page: the models in the order in which a lecture tells them."""

from zoo import presets

# Papers by class: how the zoo cites them, title, and address.
PAPERS = {
    "PixelCNN": (
        "van den Oord et al. 2016",
        "Conditional Image Generation with PixelCNN Decoders",
        "https://arxiv.org/abs/1606.05328",
    ),
    "VAE": ("Kingma & Welling 2014", "Auto-Encoding Variational Bayes", "https://arxiv.org/abs/1312.6114"),
    "BetaVAE": (
        "Higgins et al. 2017",
        "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework",
        "https://openreview.net/forum?id=Sy2fzU9gl",
    ),
    "VQVAE": (
        "van den Oord et al. 2017",
        "Neural Discrete Representation Learning",
        "https://arxiv.org/abs/1711.00937",
    ),
    "VQVAE2": (
        "Razavi et al. 2019",
        "Generating Diverse High-Fidelity Images with VQ-VAE-2",
        "https://arxiv.org/abs/1906.00446",
    ),
    "GAN": ("Goodfellow et al. 2014", "Generative Adversarial Networks", "https://arxiv.org/abs/1406.2661"),
    "DCGAN": (
        "Radford et al. 2016",
        "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
        "https://arxiv.org/abs/1511.06434",
    ),
    "WGAN": ("Arjovsky et al. 2017", "Wasserstein GAN", "https://arxiv.org/abs/1701.07875"),
    "WGANGP": ("Gulrajani et al. 2017", "Improved Training of Wasserstein GANs", "https://arxiv.org/abs/1704.00028"),
    "ConditionalGAN": (
        "Mirza & Osindero 2014",
        "Conditional Generative Adversarial Nets",
        "https://arxiv.org/abs/1411.1784",
    ),
    "ProjectionGAN": (
        "Miyato & Koyama 2018",
        "cGANs with Projection Discriminator",
        "https://arxiv.org/abs/1802.05637",
    ),
    "BigGAN": (
        "Brock et al. 2019",
        "Large Scale GAN Training for High Fidelity Natural Image Synthesis",
        "https://arxiv.org/abs/1809.11096",
    ),
    "SAGAN": (
        "Zhang et al. 2019",
        "Self-Attention Generative Adversarial Networks",
        "https://arxiv.org/abs/1805.08318",
    ),
    "ProgressiveGAN": (
        "Karras et al. 2018",
        "Progressive Growing of GANs for Improved Quality, Stability, and Variation",
        "https://arxiv.org/abs/1710.10196",
    ),
    "StyleGAN": (
        "Karras et al. 2019",
        "A Style-Based Generator Architecture for Generative Adversarial Networks",
        "https://arxiv.org/abs/1812.04948",
    ),
    "StyleDCGAN": (
        "Karras et al. 2019",
        "A Style-Based Generator Architecture for Generative Adversarial Networks",
        "https://arxiv.org/abs/1812.04948",
    ),
    "TextToImageGAN": (
        "Reed et al. 2016",
        "Generative Adversarial Text to Image Synthesis",
        "https://arxiv.org/abs/1605.05396",
    ),
    "SRResNet": (
        "Ledig et al. 2017",
        "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network",
        "https://arxiv.org/abs/1609.04802",
    ),
    "SRGAN": (
        "Ledig et al. 2017",
        "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network",
        "https://arxiv.org/abs/1609.04802",
    ),
    "Pix2Pix": (
        "Isola et al. 2017",
        "Image-to-Image Translation with Conditional Adversarial Networks",
        "https://arxiv.org/abs/1611.07004",
    ),
    "CycleGAN": (
        "Zhu et al. 2017",
        "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
        "https://arxiv.org/abs/1703.10593",
    ),
    "RectifiedFlow": (
        "Liu et al. 2023",
        "Flow Straight and Fast: Learning to Generate and Transfer Data with Rectified Flow",
        "https://arxiv.org/abs/2209.03003",
    ),
    "LatentFlow": (
        "Rombach et al. 2022",
        "High-Resolution Image Synthesis with Latent Diffusion Models",
        "https://arxiv.org/abs/2112.10752",
    ),
    "ProjectedGAN": ("Sauer et al. 2021", "Projected GANs Converge Faster", "https://arxiv.org/abs/2111.01007"),
}
# The arc of the lecture: chapters of cells, each a title, a class and the preset of its picture.
ARC = {
    "Pixel by pixel, and through latents": (
        ("PixelCNN", "PixelCNN", "pixel_cnn_mnist_28"),
        ("VAE", "VAE", "vae_mnist_28"),
        ("beta-VAE", "BetaVAE", "beta_vae_avatars_64"),
        ("VQ-VAE", "VQVAE", "vq_vae_fashion_mnist_28"),
        ("VQ-VAE-2", "VQVAE2", "vq_vae2_avatars_64"),
    ),
    "A game of two networks": (
        ("GAN", "GAN", "gan_mnist_28"),
        ("DCGAN", "DCGAN", "dcgan_avatars_64"),
        ("WGAN-GP", "WGANGP", "wgan_gp_fashion_mnist_28"),
        ("Conditional GAN", "ConditionalGAN", "conditional_gan_mnist_28"),
        ("Projection GAN", "ProjectionGAN", "projection_gan_fashion_mnist_28"),
        ("BigGAN", "BigGAN", "big_gan_fashion_mnist_28"),
        ("Self-attention", "SAGAN", "sagan_avatars_64"),
        ("Styles", "StyleDCGAN", "style_dcgan_avatars_64"),
        ("Projected GAN", "ProjectedGAN", "projected_gan_tf_flowers_64"),
    ),
    "From noise along straight lines": (("Rectified flow", "RectifiedFlow", "flow_fashion_mnist_28"),),
    "From words and pictures": (
        ("Text to image", "TextToImageGAN", "text_to_image_gan_avatars_64"),
        ("Sketch to image", "Pix2Pix", "pix2pix_openmoji_64"),
        ("CycleGAN", "CycleGAN", "cycle_gan_emoji_64"),
        ("Super-resolution", "SRGAN", "srgan_photo_x4"),
    ),
}


def table():
    """Returns the picture table of the arc in reStructuredText, without the presets that are missing."""
    here, parts = presets.list_presets(), []
    for chapter, cells in ARC.items():
        parts.append(f"{chapter}\n{'-' * len(chapter)}\n\n.. rst-class:: arc\n")
        parts += [
            f"* .. image:: /gallery/pictures/{name}.png\n     :alt: Images by {title}\n\n"
            f"  :doc:`{title} </models/{of_class}>`\n\n"
            f"  `{PAPERS[of_class][0]} <{PAPERS[of_class][2]}>`__\n"
            for title, of_class, name in cells
            if name in here
        ]
    return "\n".join(parts)
