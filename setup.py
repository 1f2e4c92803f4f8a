"""Packages `zoo` together with the manifest, which lives at the top of the checkout."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py


class BuildWithManifest(build_py):
    """Copies `weights_manifest.json` beside the code, where an installed `zoo` looks for it."""

    def run(self):
        super().run()
        if not self.editable_mode:
            shutil.copy("weights_manifest.json", Path(self.build_lib) / "zoo" / "weights_manifest.json")


# What draws the data set `avatars`. Its pixels are those of these versions.
AVATARS = ["dicebear-core==10.7.0", "dicebear-styles==10.6.0", "resvg-py==0.5.0"]
# What writes ONNX and LiteRT files, and what runs them. Keras 3.15 knows this version of tf2onnx.
EXPORT = ["onnx>=1.18", "tf2onnx>=1.17", "onnxruntime>=1.20", "ai-edge-litert>=2"]
# Backends of Keras beside TensorFlow.
JAX = ["jax"]
TORCH = ["torch>=2.6"]
# What builds the site in `docs`, and draws in its guides.
DOCS = ["sphinx>=9", "myst-parser>=5", "sphinx-gallery>=0.20", "pydata-sphinx-theme>=0.17", "matplotlib"]

setup(
    name="generative-zoo",
    version="0.1.0",
    description="A Keras model zoo of generative models with pretrained weights",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The generative-zoo authors",
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords=[
        "keras",
        "generative models",
        "gan",
        "vae",
        "vq-vae",
        "pixelcnn",
        "super-resolution",
        "pretrained weights",
    ],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Processing",
    ],
    python_requires=">=3.11",
    packages=find_packages(include=["zoo", "zoo.*"]),
    package_data={
        "zoo": ["py.typed", "weights/*/*.json", "weights/*/*.h5", "weights/*/*.md"],
        "zoo.metrics": ["references/*.npz"],
        "zoo.playground": ["page/*.*", "page/tabs/*.js"],
    },
    # TFDS reads the test images where they are not bundled.
    exclude_package_data={"zoo.metrics": ["references/*-test-*.npz"]},
    install_requires=[
        "tensorflow>=2.18",
        "keras>=3.15",
        "tensorflow-datasets>=4.9.7",
        # TFDS 4.9.10 imports it whenever it prepares a data set, and does not say so.
        "importlib-resources",
        "huggingface-hub>=2.4",
        "numpy",
        "h5py",
        "pillow",
        "click>=8.2",
        "tqdm",
    ],
    extras_require={
        "avatars": AVATARS,
        # What draws the plots in `benchmarks/results`.
        "benchmarks": ["matplotlib"],
        "export": EXPORT,
        "jax": JAX,
        "tensorboard": ["tensorboard"],
        "torch": TORCH,
        "docs": DOCS,
        # The build backend too, so that the test of the wheel builds without a network.
        "dev": [
            "pytest",
            "pytest-xdist",
            "ruff",
            "import-linter>=2.17",
            "mypy",
            "scipy",
            "scikit-learn",
            "build",
            "setuptools>=77",
            "hypothesis",
            # What drives the browser of the playground's tests.
            "selenium",
            *AVATARS,
            *DOCS,
            *EXPORT,
            *JAX,
            *TORCH,
        ],
    },
    entry_points={"console_scripts": ["zoo=zoo.__main__:main"]},
    cmdclass={"build_py": BuildWithManifest},
)
