"""Derivatives as sums of blocks: Einstein sums with the places their entries go to."""
