"""Mobile IPv6 (RFC 6275): R_XU in Binding Updates of the mobile node itself.

The mobile node is FE_MU_C and registers its care-of address with the home agent that serves it;
that may be another than the one its home address belongs to (draft A.1).
"""
