"""What the bindings over the Mobility Header share (RFC 6275 §6.1): Mobile IPv6 and Proxy
Mobile IPv6 alike authenticate, retransmit and travel in the same way."""
