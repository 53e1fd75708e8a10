"""Detection of attachment: link, neighbour and Router Solicitation events (draft §3, R_XU).

A point-to-point access link is named after its mobile node, so its coming up says at once who
came. On a shared link the link-layer address says who, as heard in a Router Solicitation or
seen in the neighbour table. The kernel's own timing of solicitations and duplicate address
detection is a thousand times slower than the link event, so the link event decides where it
can.
"""
