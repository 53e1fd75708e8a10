"""`dmm check`: is a constellation file right, and what follows from what it says?"""

from pathlib import Path

import click
import msgspec
from rich.table import Table
from rich.text import Text

from opendmm.cli.errors import ExitCode
from opendmm.cli.output import Output, console, output_option
from opendmm.constellation.findings import Finding, Severity
from opendmm.constellation.problems import ConstellationError
from opendmm.constellation.reading import read
from opendmm.constellation.reasoning import reason
from opendmm.constellation.resolve import deployment
from opendmm.constellation.source import Source

_MARKS = {
    Severity.ERROR: ("✗ error", "bold red"),
    Severity.WARNING: ("! warning", "yellow"),
    Severity.NOTE: ("· note", "cyan"),
}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@output_option
def check(file: Path, output: Output) -> int:
    """Validate FILE, and reason about the constellation it describes.

    Mistakes are named as file:line:column with what would be right, and end with 3. Findings
    about a correct file end with 1 when something in it cannot work, else with 0.
    """
    try:
        source, constellation = read(file)
    except ConstellationError as error:
        _mistakes(error, output)
        return ExitCode.BAD_INPUT
    findings = reason(deployment(constellation))
    if output is Output.JSON:
        click.echo(msgspec.json.encode({"mistakes": [], "findings": _records(source, findings)}))
    else:
        _print(source, constellation.constellation, findings)
    broken = any(finding.severity is Severity.ERROR for finding in findings)
    return ExitCode.EXPECTATION_FAILED if broken else ExitCode.AS_EXPECTED


def _mistakes(error: ConstellationError, output: Output) -> None:
    if output is Output.JSON:
        click.echo(msgspec.json.encode({"mistakes": error.problems, "findings": []}))
        return
    out = console(stderr=True)
    for problem in error.problems:
        place = Text(f"{error.file}:{problem.line}:{problem.column}: ", style="bold")
        hint = Text(f" ({problem.hint})" if problem.hint else "", style="green")
        out.print(place + Text(problem.message) + hint, soft_wrap=True)


def _records(source: Source, findings: list[Finding]) -> list[dict[str, object]]:
    records: list[dict[str, object]] = []
    for finding in findings:
        line, column = source.place(finding.where)
        record = msgspec.structs.asdict(finding)
        records.append({"line": line, "column": column} | record)
    return records


def _print(source: Source, name: str, findings: list[Finding]) -> None:
    out = console()
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True, style="dim", justify="right")
    table.add_column()
    for finding in findings:
        mark, style = _MARKS[finding.severity]
        text = Text(finding.message)
        if finding.hint:
            text.append(f"\n→ {finding.hint}", style="green")
        table.add_row(Text(mark, style=style), finding.section, _line(source, finding), text)
    if findings:
        out.print(table)
    out.print(Text(f"{name}: {_verdict(findings)}", style="bold"))


def _line(source: Source, finding: Finding) -> str:
    """Where it stands; nothing for a section that is left to its defaults."""
    if finding.where[:1] not in source.places:
        return ""
    return f"line {source.place(finding.where)[0]}"


def _verdict(findings: list[Finding]) -> str:
    counts = {s: sum(f.severity is s for f in findings) for s in Severity}
    if not any(counts.values()):
        return "nothing to remark"
    parts = [f"{n} {s}{'s' if n > 1 else ''}" for s, n in counts.items() if n]
    ending = "cannot work as it stands" if counts[Severity.ERROR] else "works"
    return f"{ending} ({', '.join(parts)})"
