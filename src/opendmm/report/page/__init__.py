"""The report as one self-contained HTML page: what moved, and why traffic stopped when it did.

Every move has its chapter: who heard nothing and for how long, the steps that the silence
waited for, the rules of each node before and after, and every message. The template and the
style are beside this file; nothing is loaded from elsewhere and nothing is a script.
"""

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from opendmm.report.evidence import Evidence
from opendmm.report.page.chapter import Chapter, chapters
from opendmm.report.page.lanes import overview


def page(evidence: Evidence) -> str:
    """The whole document."""
    environment = Environment(
        loader=PackageLoader("opendmm.report.page", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    told = chapters(evidence)
    return environment.get_template("page.html").render(
        report=evidence.report,
        overview=overview(evidence),
        chapters=told,
        opened=_worst(told),
    )


def _worst(told: Sequence[Chapter]) -> int:
    """The move that a reader wants to see first: the one with the longest silence."""
    return max(told, key=lambda chapter: chapter.move.downlink.gap_ms).number if told else 0
