"""The version of the package, which its front door and its requests to the Hub name."""

__version__ = "0.1.0"
