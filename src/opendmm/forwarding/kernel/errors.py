"""What can go wrong, in two kinds: this node cannot forward so at all; this change cannot be."""


class ForwardingUnavailableError(Exception):
    """The kernel or system lacks something that the means needs; the text names it."""


class RefusedError(Exception):
    """One change cannot be carried out; the text says why and what would help."""
