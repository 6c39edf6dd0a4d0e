"""What a network can see, known before training, and what a trained one does see."""
