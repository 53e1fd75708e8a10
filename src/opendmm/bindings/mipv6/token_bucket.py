"""How often a node answers to those who have proved nothing (RFC 4443 §2.4, item f)."""

import math

import msgspec


class TokenBucket(msgspec.Struct):
    """`rate` in a second on average, `burst` at once; the values are those of RFC 4443."""

    rate: float = 10.0
    burst: float = 10.0
    _left: float = math.inf
    _counted: float = -math.inf

    def take(self, now: float) -> bool:
        """Whether one more answer may be sent; it counts as sent."""
        passed = max(0.0, now - self._counted)
        self._left = min(self.burst, self._left + passed * self.rate)
        self._counted = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
