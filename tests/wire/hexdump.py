"""Octets written out for people: hexadecimal, a line a field, `#` before what the field is."""


def octets(text: str) -> bytes:
    return bytes.fromhex("".join(line.partition("#")[0] for line in text.splitlines()))
