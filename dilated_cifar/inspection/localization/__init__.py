"""Localization without training: where a network sees the class it names, measured on scenes."""
