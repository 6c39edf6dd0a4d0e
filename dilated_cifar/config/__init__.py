"""What a user may choose: the dataclasses that every YAML is checked against. Imports no torch."""
