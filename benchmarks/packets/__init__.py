"""Packets by the kernel itself, for benchmarks of forwarding."""
