"""Addresses in the LISP Canonical Address Format (RFC 8060, RFC 9306)."""
