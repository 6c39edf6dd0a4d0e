"""How fast is training on this machine, and where does the time go? Measured beside the usual way."""
