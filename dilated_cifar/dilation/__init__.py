"""Theory of dilation, no training: output sizes, receptive field, verdicts on rates, coverage. Imports nothing of the project."""
