"""What a trained network sees: gradients, lattices and class maps, beside those of fresh weights."""
