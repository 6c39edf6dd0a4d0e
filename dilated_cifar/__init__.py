"""Train, compare and look inside plain, dilated and DRN-style convolutional networks on CIFAR-10."""

__version__ = "0.1.0"
