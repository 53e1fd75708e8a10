"""Values every other room speaks in: identities, prefixes, contexts, policies, rules.

Nothing here has behaviour beyond checking and comparing itself; nothing here knows
a protocol, a clock or a socket.
"""
