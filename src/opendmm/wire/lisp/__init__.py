"""LISP on the wire: control messages, their authentication, the data header (RFC 9300, 9301)."""

from opendmm.wire.lisp.authentication import Filling, is_authentic, signed
from opendmm.wire.lisp.codec import Message, decode

__all__ = ["Filling", "Message", "decode", "is_authentic", "signed"]
