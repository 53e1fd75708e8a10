"""Bindings: what carries a reference point between nodes. One folder per protocol.

Each declares, by `contract`, what it carries of every reference point and what it cannot.
"""
