"""Theory of dilation: output sizes, receptive field, verdicts on rates, coverage.

Imports nothing of the project's and trains nothing.
"""
