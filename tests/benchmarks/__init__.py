"""Speed of generated modules beside other tools: `python -m tests.benchmarks`.

Every contender gets the same formula and the same data, and its results are compared before anything is
timed. Tools that are not installed are left out and named; `pip install symgrad[bench]` brings them.
"""
