"""The numbers of a comparison shown: on the terminal, in files, as a page."""
