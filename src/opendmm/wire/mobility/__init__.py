"""The Mobility Header (RFC 6275 §6.1): its messages and options as values, and their codec.

`codec` has `encode` and `decode`; a module a family has the messages, `options` the options;
`numbers` has what IANA assigned. Formats are checked here, procedures are not: that a PBU must
carry an MN-Identifier is for the anchor to say, with the status its RFC prescribes.

>>> from ipaddress import IPv6Address
>>> from opendmm.wire.mobility.binding import BindingUpdate
>>> from opendmm.wire.mobility.codec import decode, encode
>>> from opendmm.wire.mobility.numbers import BindingUpdateFlags
>>> from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption

>>> mag, lma = IPv6Address("2001:db8::2"), IPv6Address("2001:db8::1")
>>> flags = BindingUpdateFlags.A | BindingUpdateFlags.P
>>> name = MobileNodeIdentifierOption.from_nai("mn1@example.org")
>>> update = BindingUpdate(sequence=1, flags=flags, lifetime=75, options=(name,))
>>> octets = encode(update, source=mag, destination=lma)
>>> len(octets), decode(octets, mag, lma) == update
(32, True)
"""
