"""Where a node keeps the facts its entities must not forget."""
