"""Images in: find, verify, read, split, batch, augment."""
