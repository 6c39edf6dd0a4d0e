"""A checkpoint in, figures out."""
