"""OpenDMM: Distributed Mobility Management, for real.

The functional entities and reference points of the DMM framework draft as pure
state machines, run by daemons on Linux routers, in a lab of network namespaces,
or in a deterministic simulator.
"""

__version__ = "0.1.0"
