"""R_XC, R_IC and R_EC over LISP (RFC 9301): Map-Server and tunnel routers (draft A.3).

`node` is what one node does, pure; `transport` its socket; `declaration` says what LISP carries and
what its own messages have no field for.
"""
