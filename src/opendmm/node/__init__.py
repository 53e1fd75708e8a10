"""The daemon of one node: its entities among real sockets, a real clock and the real kernel."""
