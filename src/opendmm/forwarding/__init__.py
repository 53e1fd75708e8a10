"""Forwarding: what a node does with packets, as its entities ask for it.

`contract` is what every driver offers, `plan` decides between entities that ask for the same
slot, `plane` joins the two. Drivers: `memory` for the simulator, `kernel` for Linux; `netlink`
is the kernel's language. The kernel forwards; this code only programs it.
"""
