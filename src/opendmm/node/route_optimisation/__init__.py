"""The data path of route optimisation (RFC 6275 §9.3, §11.3), for kernels without Mobile IPv6.

Payload between a mobile node and a correspondent with a binding is routed into a TUN device, gets
a Home Address option or a type 2 routing header there, and leaves again directly; what comes in
this form is taken from the kernel before it refuses it, and given back by the TUN device as what
transport protocols expect. All of it ends with the process: then packets go through the home agent.
"""
