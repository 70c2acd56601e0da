"""Generation as a part of building a package: with hatchling, with setuptools."""
