"""What the page about the constellation file says beside its tables: in words, and by example."""

from opendmm.model.identity import FunctionalEntity

FE = FunctionalEntity

HEAD = """\
# The constellation file

A constellation is one YAML file (or JSON, which is YAML, too): nodes, the links between them,
which functional entities sit where, how packets are forwarded, and, if it is to be run, a
scenario with moves, traffic, faults and what must come of them.

    dmm check FILE           # every mistake with its line and what would be right; then what
                             # follows from the placement
    dmm draw FILE -o x.svg   # a picture of it
    dmm sim run FILE         # its scenario in virtual time
    dmm lab run FILE         # its scenario in network namespaces of this machine

This page is made from the code by `make docs`. An editor that knows YAML schemas completes and
checks a file that begins with this line (the path is relative to the file):

```yaml
# yaml-language-server: $schema=../docs/constellation.schema.json
```
"""

SMALLEST = """\
constellation: smallest
nodes:
  cn: {}                                  # a plain host to talk to
  ingress:
    entities: [FE_R, FE_I, FE_IEC]
  anchor-a:
    entities: [FE_R, FE_MA_C, FE_MA_U, FE_MU_C, FE_MCTX, FE_E]
    pools: ["2001:db8:a::/48"]
  anchor-b:
    entities: [FE_R, FE_MA_C, FE_MA_U, FE_MU_C, FE_MCTX, FE_E]
    pools: ["2001:db8:b::/48"]
links:
  - {between: [cn, ingress]}
  - {between: [ingress, anchor-a]}
  - {between: [ingress, anchor-b]}
mobile_nodes:
  mn1: {home: anchor-a, prefixes: ["2001:db8:a::100/128"]}
scenario:
  duration: 4s
  attachments:
    - {at: 0s, mobile_node: mn1, to: anchor-a}
    - {at: 2s, mobile_node: mn1, to: anchor-b}
  traffic:
    - {kind: udp, correspondent: cn, mobile_node: mn1}
  expect: {lost_at_most: 0}
"""

ALLOCATION = """\
What is not given is allocated, always alike for the same file: to node *n* (counted from 1) the
block `fd00:d:n::/64` with its locator `fd00:d:n::1`, and the IPv4 address `10.255.0.n`; to link
*n* `fd00:c:n::/64` and four addresses of `10.254.0.0/16`; to a mobile node a link-layer address
towards each node of its `access`. Numbers are hexadecimal in IPv6 addresses.

Interfaces are called after the neighbour they lead to. Access links do not stand under `links`:
each mobile node has one to every node of its `access`.
"""

ENTITIES: dict[FunctionalEntity, str] = {
    FE.FE_R: "every router: the kernel's own forwarding by longest prefix",
    FE.FE_MA_C: "an anchor: keeps the bindings of its mobile nodes, gives them prefixes out of "
    "its `pools`",
    FE.FE_MA_U: "an anchor: the kernel's forwarding to its mobile nodes, programmed by FE_MA_C",
    FE.FE_MU_C: "an anchor whose network notices who attaches, or a mobile access gateway with "
    "`anchor: …`, which registers them there; a client on the mobile node itself is "
    "`client: true` there",
    FE.FE_MU_U: "a mobile access gateway: the kernel's forwarding between access links and the "
    "tunnel to the anchor; without gateways no node: the mobile node's own kernel",
    FE.FE_MCTX: "an anchor: exports and imports contexts, grants the moves of prefixes at home "
    "there",
    FE.FE_I: "a router that packets to mobile nodes pass, to redirect them; in condensed "
    "deployments the anchor",
    FE.FE_E: "an anchor, or a router close to it: where redirected packets arrive",
    FE.FE_IEC: "any node: tells FE_I and FE_E what to do; in condensed deployments each anchor",
}
"""Where each entity belongs, and what it does there."""

CONTROL = """\
Who controls whom follows from the placement:

- An FE_I or FE_E hears the FE_IEC of its own node alone if there is one, else every FE_IEC.
- An FE_MCTX tells the FE_IEC of its own node, else the one whose `serves` holds the anchor's
  pools, else the first in the file; one that stands by comes last.
- An FE_IEC on an anchor's node answers for the anchor's pools, any other for everything, unless
  `serves` says otherwise.
- The egress of an anchor is the FE_E of its node, else the nearest one by the `cost` of links.
"""

FLOWS = """\
A policy may name flows as a packet filter does, of packets on their way to the mobile node:

```yaml
policies:
  - ingress: edge
    flows:
      - {mobile_node: mn1, protocol: udp, destination_port: 5000-5099}
      - {group: "2001:db8:a::/48", protocol: tcp, source_port: 443, source: "2001:db8:c::/48"}
```

- Everything given must match; of several flows one is enough.
- Of a mobile node that any of its flows is about, the ingress redirects these flows only. Others
  are redirected whole.
- What is not redirected goes on to the home anchor. Place an FE_I without `flows` there, or on
  the way: it redirects the rest. Without one the rest is lost while the mobile node is away, and
  egresses deliver the named flows only.
- The flows need a tunnel (any means but host-route and translation). They are about the downlink;
  an uplink tunnel carries everything.
- A fragment after the first carries no ports: it is of no flow that is told by them, and goes by
  the home anchor.
"""
