"""Codecs of protocols that we did not invent: octets to typed, immutable values and back.

One package a protocol. Nothing here opens a socket, reads a clock or knows an entity; nothing
here raises anything but `WireError` over octets, whatever they are.
"""
