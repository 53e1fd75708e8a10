"""Reference points over distributed Proxy Mobile IPv6 (RFC 8885; draft A.2).

A MAAR is an anchor of the framework with everything but the FE_IEC; the CMD hosts the FE_IEC and
has no data plane. R_XX, R_XC, R_IC and R_EC travel as PBUs and PBAs with the D flag.

When a mobile node attaches, what the FE_MCTX asks becomes one PBU to the CMD. The CMD knows the
previous MAARs from the FE_IEC's records and has them answer, by its mode: as *relay* it collects
their PBAs into one (4 messages one after the other until the serving MAAR knows), as *locator*
it leaves the answer to them (3), as *proxy* it answers in their place (2), under their
delegation. Reports of the FE_MCTX (R_XC) and the policies of the FE_IEC (R_IC, R_EC) are PBUs, too:
the PBU with the Serving MAAR option that makes a previous MAAR forward is a PolicyUpdate.

One thing differs from the RFC's figures: a previous MAAR does not forward as soon as it is
asked, but when the serving MAAR says that it delivers. So nothing is lost on the way of a
mobile node that is still on both links, at the price of one more round by the CMD.

`maar` and `cmd` are the two roles; `registrations` and `relays` are their parts in an
attachment, `carrier` everything else, `updates` the PBUs that await an answer. All are pure;
`node` puts them behind security associations. The entities do not know that they travel so;
`declaration` says what cannot.
"""
