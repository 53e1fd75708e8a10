"""Live traffic of the laboratory: UDP probes and TCP sessions, one process of each per node."""
