"""The model classes; importing this module registers them with Keras."""

from zoo.models.adversarial_model import AdversarialModel
from zoo.models.cycle_gan import CycleGAN
from zoo.models.gan import DCGAN, GAN, SAGAN, WGAN, WGANGP, BigGAN, ConditionalGAN, ProjectionGAN
from zoo.models.generative_model import GenerativeModel
from zoo.models.image_to_image import Pix2Pix
from zoo.models.pixel_cnn import PixelCNN
from zoo.models.progressive_gan import ProgressiveGAN
from zoo.models.style_gan import StyleGAN
from zoo.models.super_resolution import SRGAN, SRResNet
from zoo.models.text_to_image import TextToImageGAN
from zoo.models.vae import VAE, BetaVAE
from zoo.models.vq_vae import VQVAE, VQVAE2

__all__ = [
    "DCGAN",
    "GAN",
    "SAGAN",
    "SRGAN",
    "VAE",
    "VQVAE",
    "VQVAE2",
    "WGAN",
    "WGANGP",
    "AdversarialModel",
    "BetaVAE",
    "BigGAN",
    "ConditionalGAN",
    "CycleGAN",
    "GenerativeModel",
    "Pix2Pix",
    "PixelCNN",
    "ProgressiveGAN",
    "ProjectionGAN",
    "SRResNet",
    "StyleGAN",
    "TextToImageGAN",
]
