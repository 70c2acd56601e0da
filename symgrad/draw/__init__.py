"""Functions as pictures and formulas: DOT, SVG, PNG, LaTeX. Imported where something is drawn."""
