"""Who may redirect what (design §6): the signed registry, grants, proofs and delegations.

All tokens are CBOR Web Tokens (RFC 8392) in COSE_Sign1 (RFC 9052), signed with Ed25519.
Everything here is pure but `material`, which writes and reads key files.
"""
