"""The version of the generator, which every generated module records."""

__version__ = "0.1.0"
