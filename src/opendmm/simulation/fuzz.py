"""Random schedules by the thousand: `python -m opendmm.simulation.fuzz --schedules 10000`.

Every schedule has a kind and a seed and is the same whenever it is tried; one that violates
an invariant is printed with the command that replays it. Exit code 0 when none did, else 1.
"""

import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import click
import msgspec

from opendmm.simulation.schedules import KINDS, draw
from opendmm.simulation.trial import try_schedule

CHUNK = 25


class Finding(msgspec.Struct, frozen=True):
    """A schedule that violated something."""

    kind: str
    seed: int
    story: str
    violations: tuple[str, ...]

    @property
    def replay(self) -> str:
        """The command that shows it again."""
        command = "python -m opendmm.simulation.fuzz --schedules 1"
        return f"{command} --seed {self.seed} --kind {self.kind}"


def try_one(job: tuple[str, int]) -> Finding | None:
    """One schedule; None when every invariant held."""
    kind, seed = job
    schedule = draw(kind, seed)
    try:
        violations = tuple(str(violation) for violation in try_schedule(schedule).violations)
    except Exception as error:  # noqa: BLE001  a defect that raises is a finding like any other
        violations = (f"{type(error).__name__}: {error}",)
    if not violations:
        return None
    return Finding(kind, seed, schedule.story(), violations)


def jobs(schedules: int, seed: int, kind: str | None) -> Iterator[tuple[str, int]]:
    """Which schedules to try: seeds counted up, kinds taken in turn."""
    names = list(KINDS)
    for number in range(seed, seed + schedules):
        yield kind or names[number % len(names)], number


def tried(work: Iterable[tuple[str, int]], processes: int) -> Iterator[Finding | None]:
    """Every job's result, in order."""
    if processes == 1:
        yield from map(try_one, work)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(try_one, work, CHUNK)


@click.command(help=__doc__)
@click.option("--schedules", default=1000, show_default=True, help="How many to try.")
@click.option("--seed", default=0, show_default=True, help="Of the first one.")
@click.option("--kind", type=click.Choice(list(KINDS)), help="Only this kind.")
@click.option("--processes", default=2, show_default=True, help="To share the work among.")
@click.option("--show", default=5, show_default=True, help="How many violations to print.")
def main(schedules: int, seed: int, kind: str | None, processes: int, show: int) -> None:
    work = list(jobs(schedules, seed, kind))
    began = time.perf_counter()
    processes = min(processes, max(1, schedules // CHUNK))
    results = list(tried(work, processes))
    took = time.perf_counter() - began
    findings = [result for result in results if result is not None]
    failed = Counter(finding.kind for finding in findings)
    for name, count in Counter(name for name, _ in work).items():
        click.echo(f"{name:12} {count:6} tried {failed[name]:6} violated")
    for finding in findings[:show]:
        click.echo(f"\n{finding.story}")
        for violation in finding.violations[:4]:
            click.echo(f"  ! {violation}")
        click.echo(f"  replay: {finding.replay}")
    click.echo(
        f"\n{len(work)} schedules, {len(findings)} with violations, "
        f"{took:.1f} s, {1000 * took / len(work):.2f} ms each"
    )
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
