"""Sources of the documentation, and what draws its pictures. Not part of the wheel."""
