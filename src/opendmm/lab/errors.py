"""What can go wrong in the laboratory."""


class LabError(Exception):
    """The laboratory cannot go on; the message says what to do about it."""


class EnvironmentLacksError(LabError):
    """This machine lacks something the laboratory needs; the message names it."""
