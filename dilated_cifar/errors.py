"""The one error a user is meant to read."""


class UserError(ValueError):
    """Bad input: one line with the value, what was expected and what to write instead.

    The entries print it on stderr and exit with status 2; everything else that is raised is a bug.
    """
