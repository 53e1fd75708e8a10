"""Protocol constants of the return routability procedure (RFC 6275 §12)."""

from opendmm.model.quantities import Seconds

MAX_NONCE_LIFETIME: Seconds = 240.0
"""After its first use no nonce is accepted for longer."""
MAX_TOKEN_LIFETIME: Seconds = 210.0
"""For as long a mobile node may use a keygen token."""
MAX_RR_BINDING_LIFETIME = 420
"""Seconds; bindings authorised by return routability last no longer (§5.2.6)."""
MAX_RO_FAILURE = 3
"""Retransmissions without an answer before packets go through the home agent again (§5.2.9)."""
MAX_UPDATE_RATE = 3
"""Messages of one type in a second to one correspondent, at most (§11.8)."""
