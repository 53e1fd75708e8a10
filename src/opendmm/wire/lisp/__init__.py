"""LISP (RFC 9300, RFC 9301): its control messages and data header as values, and their codec.

`codec` has `encode` and `decode`, and `receive` for who is to check a signature; `messages`,
`registrations`, `referrals` and `encapsulated` have the messages, `records` what is in them,
`addresses` and `lcaf` EIDs and locators; `numbers` has what IANA assigned. `authentication` is for
registrations, `protection` for answers (LISP-SEC). `data_header` stands alone. Formats are checked
here, procedures are not: that a nonce must increase is for the Map-Server to say.

>>> from ipaddress import IPv6Address
>>> from opendmm.wire.lisp.authentication import holds, sign
>>> from opendmm.wire.lisp.codec import receive
>>> from opendmm.wire.lisp.records import EidRecord, Locator
>>> from opendmm.wire.lisp.registrations import MapRegister

>>> here = Locator(address=IPv6Address("2001:db8:9::2"))
>>> eid = IPv6Address("2001:db8:f000::5")
>>> record = EidRecord(eid=eid, mask_length=128, ttl=3, locators=(here,))
>>> octets = sign(MapRegister(nonce=7, records=(record,)), b"secret")
>>> received = receive(octets)
>>> len(octets), received.message.records == (record,), holds(received, b"secret")
(84, True, True)
"""
