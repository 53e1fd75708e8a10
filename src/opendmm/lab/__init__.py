"""The laboratory: a constellation on one machine, in network namespaces.

Real kernel forwarding, the real daemons, live traffic, timed moves and faults; at the end
the same report as the simulator's, made from packets and traces.
"""
