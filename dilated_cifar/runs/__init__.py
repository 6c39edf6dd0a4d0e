"""What is on disk: run folders and checkpoints, written once and read by everyone."""
