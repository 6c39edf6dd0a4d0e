"""The commands from Python, with results that show themselves in a notebook."""
