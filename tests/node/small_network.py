"""The smallest cooperative deployment, in namespaces, with a daemon in each of its nodes.

r (FE_I, FE_IEC, and the correspondent) joins anchor-a, the home of mn1, and anchor-b.
"""

import contextlib
import ipaddress
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from namespaces import inside, namespaces, sh, veth

from opendmm.authority import material
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.reading import load_deployment
from opendmm.constellation.roles import registered_roles
from opendmm.model.identity import NodeId
from opendmm.node.control import ControlError, ask

CONSTELLATION = """\
constellation: small
nodes:
  r:
    entities: [FE_R, FE_I, FE_IEC]
  anchor-a:
    entities: [FE_MA_C, FE_MA_U, FE_MCTX, FE_E, FE_MU_C]
    pools: ["2001:db8:a::/48", "10.10.0.0/16"]
  anchor-b:
    entities: [FE_MA_C, FE_MA_U, FE_MCTX, FE_E, FE_MU_C]
    pools: ["2001:db8:b::/48", "10.20.0.0/16"]
links:
  - between: [r, anchor-a]
  - between: [r, anchor-b]
policies:
  - ingress: r
    mode: MODE
security:
  attachment_proof: PROOF
mobile_nodes:
  mn1:
    home: anchor-a
    prefixes: ["2001:db8:a:1::100/128", "10.10.0.100/32"]
    client: CLIENT
"""
ANCHORS = ("anchor-a", "anchor-b")
NETWORK = ("r", *ANCHORS)
HOME_ADDRESSES = ("2001:db8:a:1::100", "10.10.0.100")


class SmallNetwork:
    """Everything of one run; `spaces` are the namespaces by node."""

    def __init__(self, folder: Path, spaces: dict[str, str], *, client: bool, pull: bool) -> None:
        self.folder = folder
        self.spaces = spaces
        self.client = client
        self.constellation = folder / "small.yaml"
        text = CONSTELLATION.replace("CLIENT", str(client).lower())
        text = text.replace("PROOF", "mobile-node" if client else "network")
        self.constellation.write_text(text.replace("MODE", "pull" if pull else "push"))
        self.deployment: Deployment = load_deployment(self.constellation)
        self.daemons: dict[str, subprocess.Popen[str]] = {}
        clients = [s.mobile_node for s in self.deployment.subscribers.values() if s.client]
        roles = registered_roles(self.deployment)
        material.write(
            material.generate("small", roles, clients, now=time.time()), folder / "material"
        )
        self._wire()

    # Links and addresses

    def _wire(self) -> None:
        for name in NETWORK:
            self.run(name, "sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1")
            plan = self.deployment.nodes[NodeId(name)]
            self.ip(name, f"addr add {plan.locator}/128 dev lo")
            self.ip(name, f"addr add {plan.ipv4}/32 dev lo")
        for link in self.deployment.links:
            one, other = link.ends
            veth(self.spaces[one.node], one.interface, self.spaces[other.node], other.interface)
            for end in link.ends:
                self.ip(end.node, f"link set {end.interface} up mtu 2000")
                self.ip(end.node, f"addr add {end.ipv6} dev {end.interface}")
                self.ip(end.node, f"addr add {end.ipv4} dev {end.interface}")
            hub, anchor = (one, other) if one.node == "r" else (other, one)
            self._route(hub.ipv6, hub.ipv4, anchor.ipv6, anchor.ipv4, anchor.node)
        for anchor_name in ANCHORS:
            self._access(anchor_name)
        for address in HOME_ADDRESSES:
            bits = ipaddress.ip_address(address).max_prefixlen
            self.ip("mn1", f"addr add {address}/{bits} dev lo")

    def _route(self, hub6: str, hub4: str, anchor6: str, anchor4: str, anchor: NodeId) -> None:
        plan = self.deployment.nodes[anchor]
        for prefix in (plan.egress_block, plan.ipv4, *map(str, plan.pools)):
            via = anchor6 if ":" in prefix else anchor4
            family = "-6" if ":" in prefix else "-4"
            self.ip("r", f"{family} route add {prefix} via {via.partition('/')[0]}")
        self.ip(anchor, f"-6 route add default via {hub6.partition('/')[0]}")
        self.ip(anchor, f"-4 route add default via {hub4.partition('/')[0]}")

    def _access(self, anchor: str) -> None:
        profile = next(iter(self.deployment.subscribers.values()))
        veth(self.spaces[anchor], "mn1", self.spaces["mn1"], anchor)
        self.ip(anchor, "addr add fe80::1/64 dev mn1")
        self.ip(anchor, "addr add 169.254.0.1/32 dev mn1")
        self.ip(anchor, "link set mn1 up")
        mac = profile.link_layer_ids[NodeId(anchor)].hex(":")
        self.ip("mn1", f"link set {anchor} address {mac} addrgenmode none")
        self.ip("mn1", f"addr add fe80::2/64 dev {anchor}")

    def attach(self, anchor: str) -> None:
        """The mobile node's link to an anchor comes up."""
        self.ip("mn1", f"link set {anchor} up")
        self.ip("mn1", f"-6 addr replace fe80::2/64 dev {anchor}")
        if not self.client:
            self.ip("mn1", f"-6 route replace default via fe80::1 dev {anchor}")
            self.ip("mn1", f"-4 route replace default via 169.254.0.1 dev {anchor} onlink")

    def detach(self, anchor: str) -> None:
        self.ip("mn1", f"link set {anchor} down")

    # Daemons

    def start_at_home(self) -> None:
        """Every network element's daemon, and the mobile node attached to its home anchor."""
        for name in NETWORK:
            self.start(name)
        self.until("r", "health", "'missing_peers': []")
        self.attach("anchor-a")
        self.until("anchor-a", "show", "delivering", table="bindings")

    def start(self, name: str) -> None:
        """Start a daemon and wait until it is ready."""
        command = [
            *("ip", "netns", "exec", self.spaces[name], sys.executable, "-m", "opendmm", "node"),
            *("--constellation", str(self.constellation), "--node", name),
            *("--material", str(self.folder / "material"), "--state-dir", str(self.folder)),
            *("--control", str(self.control(name)), "--trace", str(self.folder / f"{name}.jsonl")),
            *(["--mobile-node"] if name == "mn1" else []),
        ]
        with (self.folder / f"{name}.log").open("a") as log:
            daemon = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        self.daemons[name] = daemon
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "ready\n", self.log(name)

    def end(self, name: str, number: signal.Signals) -> int:
        """Send a signal that ends a daemon; its exit code."""
        daemon = self.daemons.pop(name)
        daemon.send_signal(number)
        return daemon.wait(timeout=10)

    def control(self, name: str) -> Path:
        return self.folder / "run" / f"{name}.sock"

    def ask(self, name: str, question: str, **particulars: object) -> Any:
        return ask(self.control(name), question, particulars)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def until(self, name: str, question: str, wanted: str, seconds: float = 10, **more: str) -> Any:
        """Ask until the answer, as text, contains what is wanted."""
        answer: Any = None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, ControlError):
                answer = self.ask(name, question, **more)
                if wanted in str(answer):
                    return answer
            time.sleep(0.02)
        raise AssertionError(f"{name}: no {wanted} in {answer}\n{self.log(name)}")

    # Tools

    def ip(self, name: str, command: str) -> str:
        return sh(f"ip -n {self.spaces[name]} {command}")

    def run(self, name: str, command: str) -> str:
        return sh(f"ip netns exec {self.spaces[name]} {command}")

    def pings(self, address: str) -> bool:
        """Whether the correspondent hears from the mobile node, tried for a while."""
        for _ in range(20):
            command = ["ip", "netns", "exec", self.spaces["r"], "ping", "-n", "-c1", "-W1", address]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                return True
        return False


class Flow:
    """Numbered datagrams from r to the mobile node and back, every 2 ms while the block lasts."""

    def __init__(self, network: SmallNetwork, address: str) -> None:
        self.sent = 0
        self._arrived: set[bytes] = set()
        self._ended = threading.Event()
        with inside(network.spaces["mn1"]):
            self._far = self._socket()
            self._far.bind((address, 7))
        with inside(network.spaces["r"]):
            self._near = self._socket()
            self._near.connect((address, 7))
        self._threads = [threading.Thread(target=run) for run in (self._probe, self._echo)]

    @staticmethod
    def _socket() -> socket.socket:
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        made.settimeout(0.002)
        return made

    def __enter__(self) -> "Flow":
        for thread in self._threads:
            thread.start()
        time.sleep(0.1)
        return self

    def __exit__(self, *_error: object) -> None:
        time.sleep(0.1)
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._far.close()
        self._near.close()

    @property
    def lost(self) -> int:
        return self.sent - len(self._arrived)

    def _probe(self) -> None:
        patience = 0
        # In the end a last second for what is still under way.
        while not self._ended.is_set() or (self.lost and patience < 500):
            if self._ended.is_set():
                patience += 1
            else:
                self.sent += 1
                self._near.send(str(self.sent).encode())
            with contextlib.suppress(TimeoutError, ConnectionError):
                while True:
                    self._arrived.add(self._near.recv(16))
        self._ended.set()

    def _echo(self) -> None:
        while not self._ended.is_set() or self._threads[0].is_alive():
            with contextlib.suppress(TimeoutError):
                data, sender = self._far.recvfrom(16)
                self._far.sendto(data, sender)


@contextlib.contextmanager
def small_network(
    folder: Path, *, client: bool = False, pull: bool = False
) -> Iterator[SmallNetwork]:
    """Wired, no daemon running yet; daemons and namespaces are gone afterwards."""
    with namespaces(4) as spaces:
        by_node = dict(zip((*NETWORK, "mn1"), spaces, strict=True))
        network = SmallNetwork(folder, by_node, client=client, pull=pull)
        try:
            yield network
        finally:
            for name in tuple(network.daemons):
                network.end(name, signal.SIGKILL)
