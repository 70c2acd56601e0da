"""From a Function to the text of its body: names, order, statements, argument checks, docstrings."""
