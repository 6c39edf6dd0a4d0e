"""What every page of the project has in common: one file that opens offline, in light and dark."""
