"""`dmm trace`: the story of a mobile node's last moves, from the memories of all daemons."""

import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from rich.text import Text

from opendmm.cli.daemons import NoDaemonError, ask_all, run_dir_option
from opendmm.cli.errors import BadInputError
from opendmm.cli.output import Output, console, output_option
from opendmm.model.identity import MobileNodeId
from opendmm.report.trace import TraceKind, TraceRecord, merge, read_trace

TOLD = frozenset(TraceKind) - {TraceKind.MESSAGE_RECEIVED}
"""A message is told once, where it was sent or handed over."""


@click.command()
@click.argument("mobile_node")
@click.option("--moves", type=click.IntRange(1), default=3, show_default=True, help="How many.")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read this trace file (repeatable) instead of asking daemons.",
)
@output_option
@run_dir_option
def trace(
    mobile_node: str, moves: int, files: tuple[Path, ...], output: Output, run_dir: Path
) -> None:
    """Tell the story of MOBILE_NODE's last moves, step by step, across nodes.

    MOBILE_NODE is its identifier (NAI), or the part before the @.
    """
    told = _from_files(files) if files else _from_daemons(run_dir)
    name = _full_name(mobile_node, told)
    chapters = _chapters([r for r in told if r.kind in TOLD and r.concerns(name)])
    if not chapters:
        raise NoDaemonError(f"nothing is remembered of {name}")
    if output is Output.JSON:
        click.echo(msgspec.json.encode(chapters[-moves:]))
        return
    out = console()
    for chapter in chapters[-moves:]:
        out.print(_story(chapter), soft_wrap=True)


def _from_files(files: Sequence[Path]) -> list[TraceRecord]:
    try:
        return merge([list(read_trace(path)) for path in files])
    except msgspec.DecodeError as error:
        raise BadInputError(f"a trace file is not one: {error}") from error


def _from_daemons(run_dir: Path) -> list[TraceRecord]:
    answers = ask_all(run_dir, "trace")
    answers.complain()
    return merge([msgspec.convert(told, list[TraceRecord]) for told in answers.given.values()])


def _full_name(given: str, told: Sequence[TraceRecord]) -> MobileNodeId:
    known = {name for record in told for name in (record.mobile_node, *record.others) if name}
    matching = sorted(n for n in known if n == given or n.partition("@")[0] == given)
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise BadInputError(f"{given} may be {', '.join(matching)}: give it in full")
    seen = ", ".join(sorted(known)) or "none"
    raise BadInputError(f"no daemon remembers {given}; mobile nodes seen: {seen}")


def _chapters(story: Sequence[TraceRecord]) -> list[list[TraceRecord]]:
    """One chapter an attachment, with what follows it; what precedes the first is left out."""
    chapters: list[list[TraceRecord]] = []
    for record in story:
        if record.kind is TraceKind.LINK and record.text == "attached":
            chapters.append([])
        if chapters:
            chapters[-1].append(record)
    return chapters


def _story(chapter: Sequence[TraceRecord]) -> Text:
    start = chapter[0]
    clock = time.strftime("%H:%M:%S", time.localtime(start.at))
    text = Text(f"{start.mobile_node} at {start.node}, {clock}", style="bold")
    text.append(f".{int(start.at % 1 * 1000):03d}\n")
    for record in chapter:
        text.append(f"{(record.at - start.at) * 1000:+11.2f} ms  ", style="not bold dim")
        text.append(f"{record.node:<16}", style="not bold")
        text.append_text(_sentence(record)).append("\n")
    return text


def _sentence(record: TraceRecord) -> Text:
    match record.kind:
        case TraceKind.MESSAGE_SENT | TraceKind.MESSAGE_LOCAL:
            number = f" #{record.sequence}" if record.sequence else ""
            line = f"{record.reference_point} {record.title}{number} → {record.receiver}"
            return Text(line, style="not bold cyan")
        case TraceKind.RULE_APPLIED:
            failed = record.fields.get("error", "")
            line = f"{record.fields['owner']}: {record.text}" + (f": {failed}" if failed else "")
            return Text(line, style="not bold red" if failed else "not bold green")
        case TraceKind.LINK:
            return Text(f"link {record.fields.get('interface', '')} {record.text}", style="bold")
        case _:
            fields = ", ".join(f"{key} {value}" for key, value in record.fields.items() if value)
            return Text(f"{record.text} {fields}".rstrip(), style="not bold yellow")
