"""Network namespaces of one laboratory: made, entered, and taken away with all that is in them.

Every laboratory owns `/run/opendmm/lab-<name>`; a namespace is only ever removed when that
folder lists it, so nothing foreign is touched. What a crashed run left is found there too.
While its program runs it holds a lock on the folder, so that two runs of one constellation
get two laboratories.
"""

import ctypes
import fcntl
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from opendmm.lab.errors import LabError
from opendmm.lab.privileges import in_user_namespace

RUN = Path("/run/opendmm")
NETNS = Path("/run/netns")
"""Where ip-netns(8) keeps names of namespaces."""
CLONE_NEWNET = 0x40000000
LONGEST_WAIT = 2.0
"""Seconds a process of the laboratory gets to end before it is killed."""

_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Run a block with this thread in a namespace; sockets opened there stay there."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(NETNS / namespace, os.O_RDONLY)
        try:
            _setns(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _setns(before)
    finally:
        os.close(before)


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "cannot enter the network namespace")


class Namespaces:
    """The namespaces of one laboratory, by node name."""

    def __init__(self, lab: str) -> None:
        self.lab = lab
        self.folder = RUN / f"lab-{lab}"
        self.in_memory = _in_memory(self.folder)
        self._marks = self.folder / "namespaces"
        self._kept = self.folder / "kept"
        self._lock: int | None = None

    def name(self, node: str) -> str:
        return f"dmm-{self.lab}-{node}"

    def acquire(self) -> bool:
        """Take hold of the laboratory's name; False when a living program has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last owner may have taken it away meanwhile.
            if os.path.samestat(os.fstat(folder), self.folder.stat()):
                self._lock = folder
        except (BlockingIOError, FileNotFoundError):
            pass
        if self._lock is None:
            os.close(folder)
        return self._lock is not None

    def keep(self) -> None:
        """Leave everything up for later; no other run takes the name."""
        self._kept.touch()
        self.let_go()

    @property
    def exists(self) -> bool:
        """Whether something of the laboratory is there."""
        return self.folder.exists()

    @property
    def kept(self) -> bool:
        """Whether a program that has ended left it up on purpose."""
        return self._kept.exists()

    def in_use(self) -> bool:
        """Whether a living program has it."""
        if self._lock is not None:
            return True
        if not self.acquire():
            return True
        self.let_go()
        return False

    @property
    def constellation(self) -> Path:
        """The constellation file that it was made from."""
        return Path((self.folder / "constellation").read_text())

    def nodes(self) -> tuple[str, ...]:
        """The nodes whose namespaces it has."""
        marked = self._marks.read_text().split() if self._marks.exists() else []
        return tuple(name.removeprefix(self.name("")) for name in marked)

    def create(self, nodes: Sequence[str], constellation: Path) -> None:
        """Make them all. Raises LabError when a foreign one has such a name."""
        self._sweep()
        names = [self.name(node) for node in nodes]
        taken = [name for name in names if (NETNS / name).exists()]
        if taken:
            raise LabError(f"network namespace {taken[0]} exists and is not ours: remove it first")
        self._marks.write_text("\n".join(names))
        (self.folder / "constellation").write_text(str(constellation))
        _ip([f"netns add {name}" for name in names])

    def remove(self) -> None:
        """Take away what this laboratory (or a crashed earlier run of it) made.

        Raises LabError when a living program has it.
        """
        if self._lock is None and not self.acquire():
            raise LabError(f"laboratory {self.lab} is running: end its program first")
        self._sweep()
        shutil.rmtree(self.folder)
        self.let_go()

    def let_go(self) -> None:
        """Give up the hold on the name."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _sweep(self) -> None:
        """Namespaces first: as long as the folder lists them they can be found again."""
        marked = [self.name(node) for node in self.nodes()]
        existing = [namespace for namespace in marked if (NETNS / namespace).exists()]
        for namespace in existing:
            _kill_inhabitants(namespace)
        _ip([f"netns delete {namespace}" for namespace in existing])
        shutil.rmtree(self.in_memory, ignore_errors=True)
        for entry in self.folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _in_memory(folder: Path) -> Path:
    """Where the daemons keep their facts: the disk of this machine, which they would all
    share, must not be what is measured. In a user namespace /run is in memory itself."""
    memory = Path("/dev/shm")
    if in_user_namespace() or not os.access(memory, os.W_OK):
        return folder / "state"
    return memory / f"opendmm-{folder.name}"


def _kill_inhabitants(namespace: str) -> None:
    found = subprocess.run(
        ["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False
    )
    for pid in found.stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue


def claim(constellation: str) -> Namespaces:
    """A laboratory nobody uses: the constellation's name, or that with a number."""
    for number in itertools.count(1):
        found = Namespaces(constellation if number == 1 else f"{constellation}-{number}")
        if not found.kept and found.acquire():
            return found
    raise AssertionError("numbers do not end")


def laboratories() -> list[str]:
    """The names of laboratories that are up, or were left behind."""
    return sorted(
        folder.name.removeprefix("lab-")
        for folder in RUN.glob("lab-*")
        if (folder / "namespaces").exists()
    )


def execute(namespace: str, *command: str) -> str:
    """Run a program in a namespace. Raises LabError with what it said."""
    done = subprocess.run(
        ["ip", "netns", "exec", namespace, *command], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)} failed in {namespace}: {done.stderr.strip()}")
    return done.stdout


def configure(namespace: str, lines: Sequence[str]) -> None:
    """Run lines of `ip` commands in a namespace. Raises LabError with the line that failed."""
    _ip(lines, "-netns", namespace)


def _ip(lines: Sequence[str], *options: str) -> None:
    done = subprocess.run(
        ["ip", *options, "-batch", "-"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"ip {' '.join(options)} failed: {done.stderr.strip()}")


def set_kernel_parameters(namespace: str, values: dict[str, int]) -> None:
    """Sysctls of a namespace, by path below /proc/sys."""
    with inside(namespace):
        for path, value in values.items():
            Path("/proc/sys", path).write_text(str(value))
