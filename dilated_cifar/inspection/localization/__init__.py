"""Where is the object? Localization without further training, measured on scenes."""
