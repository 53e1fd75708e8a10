"""Configuration for routers that are not ours, made from a constellation.

One file a daemon (`frr`, `bird`, `gobgp`), all from the same view of a speaker (`speaker`):
whom it speaks with and what each neighbour may announce. Pure text; `dmm export` writes it,
the laboratory starts the real daemons on it.

Moved prefixes carry two large communities (RFC 8092): `AS:2:1` marks them for filters, and
`AS:1:n` tells the n of the move, which is their LOCAL_PREF, too.
"""
