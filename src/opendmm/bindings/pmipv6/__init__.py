"""Reference points over Proxy Mobile IPv6 (draft A.2): R_XU as PBU and PBA (RFC 5213), R_XX as
HI and HAck (RFC 5949), notifications (RFC 7077) and revocations (RFC 5846).

`mag` and `lma` are the two roles of RFC 5213, `transfer` the contexts from anchor to anchor;
all three are pure. `node` joins them behind the security associations, `transport` gives them
a socket and a clock. The entities on either side speak the framework's messages and do not
know that they travel like this; `declaration` says what cannot.
"""
