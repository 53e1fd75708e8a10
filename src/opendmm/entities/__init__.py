"""The functional entities: pure state machines, one room each (draft §3).

An entity takes an input and the time and returns effects; it never waits, never reads a
clock, never opens a socket. `effects` is that vocabulary; `host` joins the entities of one
node and is what the daemon and the simulator run.
"""
