"""The generated modules at work on real data, next to references that share nothing with them.

`python -m tests.realdata`, from the top of the checkout, trains everything and prints the table.
"""
