"""Specs that ship with symgrad: `symgrad build` without arguments builds what it finds in this folder."""
