"""Exit codes of `dmm` and the errors that stand for them.

A command raises one of these; `opendmm.cli.main` prints its one line and ends with its code.
"""

from enum import IntEnum

import click


class ExitCode(IntEnum):
    """What a caller (a script, CI) may rely on."""

    AS_EXPECTED = 0
    EXPECTATION_FAILED = 1
    NOTHING_TO_CHECK = 2
    BAD_INPUT = 3
    ENVIRONMENT_LACKS = 4
    DEFECT = 70
    """A defect of ours (EX_SOFTWARE of sysexits.h): none of the above can be claimed."""


class BadInputError(click.ClickException):
    """What the person gave cannot be used; the message says what would be right."""

    exit_code = ExitCode.BAD_INPUT


class EnvironmentLacksError(click.ClickException):
    """The machine lacks something; the message names it and what to do."""

    exit_code = ExitCode.ENVIRONMENT_LACKS
