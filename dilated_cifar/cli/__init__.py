"""The command lines: words in, an exit status out. Nothing is computed here."""
