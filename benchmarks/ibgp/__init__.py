"""What the benchmarks of iBGP share: the network, its anchors, and a watch on routers' kernels."""
