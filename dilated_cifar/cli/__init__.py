"""The command lines: arguments in, an exit status out. Nothing is computed here."""
