"""The packet programs of tunnels in the kernel (eBPF), how they are built, loaded and told.

Their source is `tunnels.bpf.c`. What routes, devices and rules lead packets to them is
`opendmm.forwarding.kernel.means.ebpf`'s.
"""
