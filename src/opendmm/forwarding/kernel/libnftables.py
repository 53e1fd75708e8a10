"""The nftables language, by the system's own library: no process is started.

Used for the base rules at start only; elements are changed over netlink directly.
"""

import ctypes

from opendmm.forwarding.kernel.errors import ForwardingUnavailableError

LIBRARY = "libnftables.so.1"


class NftablesError(Exception):
    """The library or the kernel refused; the text is theirs."""


class Nftables:
    """Bound to the network namespace of the thread that makes it."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(LIBRARY)
        except OSError as problem:
            raise ForwardingUnavailableError(
                f"{LIBRARY} cannot be loaded ({problem}): install the package nftables"
            ) from problem
        self._library.nft_ctx_new.restype = ctypes.c_void_p
        self._library.nft_ctx_new.argtypes = [ctypes.c_uint32]
        self._library.nft_ctx_free.argtypes = [ctypes.c_void_p]
        self._library.nft_ctx_free.restype = None
        self._library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self._library.nft_ctx_buffer_error.argtypes = [ctypes.c_void_p]
        self._library.nft_ctx_get_error_buffer.argtypes = [ctypes.c_void_p]
        self._library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        self._context = self._library.nft_ctx_new(0)
        self._library.nft_ctx_buffer_error(self._context)

    def run(self, commands: str) -> None:
        """Carry out commands as one transaction. Raises NftablesError."""
        if self._library.nft_run_cmd_from_buffer(self._context, commands.encode()):
            words: bytes = self._library.nft_ctx_get_error_buffer(self._context)
            raise NftablesError(words.decode(errors="replace").strip())

    def close(self) -> None:
        self._library.nft_ctx_free(self._context)
