"""The deterministic runtime: the real entities in virtual time, with faults on demand.

The same `EntityHost`s that a daemon runs are driven here by a heap of events and one seed;
packets are forwarded hop by hop through the rules the entities installed. A seed replays a
run exactly, so a failing seed is a bug report.
"""
