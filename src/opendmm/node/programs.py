"""Where the kernel's tools are: Debian keeps some of them where ordinary users do not look."""

import os

ADMINISTRATORS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def look_where_administrators_do() -> None:
    """Find their programs, too, from now on, in this process and those it starts."""
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join(dict.fromkeys([*places, *ADMINISTRATORS]))
