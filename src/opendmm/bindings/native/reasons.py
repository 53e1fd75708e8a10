"""Why a connection came to nothing, in words for a log."""

import os
import ssl


def plainly(problem: BaseException) -> str:
    """What the system or TLS says, without numbers and places in its source."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {problem.verify_message}"
    if isinstance(problem, ssl.SSLError) and problem.reason:
        return f"TLS: {problem.reason.lower().replace('_', ' ')}"
    if isinstance(problem, TimeoutError):
        return "no answer"
    if isinstance(problem, OSError) and problem.errno:
        return os.strerror(problem.errno).lower()
    return str(problem) or type(problem).__name__
