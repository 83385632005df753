"""The one exception that users are meant to read."""


class EngramError(Exception):
    """What was found, what was expected, and what to do: shown to users without a traceback."""
