"""The model classes; importing this module registers them with Keras."""

from zoo.models.adversarial_model import AdversarialModel
from zoo.models.big_gan import BigGAN
from zoo.models.cycle_gan import CycleGAN
from zoo.models.dcgan import DCGAN, ConditionalGAN
from zoo.models.gan import GAN
from zoo.models.generative_model import GenerativeModel
from zoo.models.image_to_image import Pix2Pix
from zoo.models.latent_flow import LatentFlow
from zoo.models.pixel_cnn import PixelCNN
from zoo.models.progressive_gan import ProgressiveGAN
from zoo.models.projected_gan import ProjectedGAN
from zoo.models.projection_gan import ProjectionGAN
from zoo.models.rectified_flow import RectifiedFlow
from zoo.models.sagan import SAGAN
from zoo.models.style_dcgan import StyleDCGAN
from zoo.models.style_gan import StyleGAN
from zoo.models.super_resolution import SRGAN, SRResNet
from zoo.models.text_to_image import TextToImageGAN
from zoo.models.vae import VAE, BetaVAE
from zoo.models.vq_vae import VQVAE
from zoo.models.vq_vae2 import VQVAE2
from zoo.models.wgan import WGAN, WGANGP

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
    "LatentFlow",
    "Pix2Pix",
    "PixelCNN",
    "ProgressiveGAN",
    "ProjectedGAN",
    "ProjectionGAN",
    "RectifiedFlow",
    "SRResNet",
    "StyleDCGAN",
    "StyleGAN",
    "TextToImageGAN",
]
