"""Trained networks taken along: files that other programs read, compared with the network."""
