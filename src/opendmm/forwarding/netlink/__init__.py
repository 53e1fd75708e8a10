"""Netlink, packed by hand: routes, next hops, neighbours, policy rules, nftables elements.

General libraries spell lightweight tunnels wrongly or not at all, and cost a hundred times
the kernel's own time per message; a handover cannot wait for that. So the messages that a
driver needs are packed here, each file one family of messages, and one socket sends them in
batches and says which of them the kernel refused, in the kernel's words.

Everything but `socket` is pure: bytes from values, values from bytes.
"""
