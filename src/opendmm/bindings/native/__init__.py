"""The native binding: every reference point as framed messages over mutual TLS 1.3.

`codec` (octets and values), `session` (hello, liveness, goodbye) and `admission` (who may say
what) are pure; `tls`, `access_link`, `connection` and `transport` touch sockets. `schema`
publishes the messages, so that another language can take part: see docs/native-binding.md.
"""
