"""Signatures of members: Ed25519's own, or of a batch (docs/formats.md)."""

from hashlib import sha256
import ed25519

MOST = 16


def sides(index, count):
    """On which side the sibling is, from the leaf up."""
    if count == 1:
        return []
    left = 1 << (count - 1).bit_length() - 1
    return sides(index, left) + ["right"] if index < left else sides(index - left, count - left) + ["left"]


def length(start):
    """How long the signature is that begins with these (up to 66) bytes; None where none begins so."""
    if len(start) < 64 or start[63] < 128:
        return 64 if len(start) >= 64 else None
    if len(start) < 66 or not (2 <= start[64] <= MOST and start[65] < start[64]):
        return None
    return 66 + 32 * len(sides(start[65], start[64]))


def verifies(key, message, signature):
    if len(signature) != length(signature[:66]):
        return False
    if len(signature) == 64:
        return ed25519.verifies(key, message, signature)
    root, at = sha256(b"\0" + message).digest(), 66
    for side in sides(signature[65], signature[64]):
        sibling, at = signature[at:at + 32], at + 32
        root = sha256(b"\1" + (sibling + root if side == "left" else root + sibling)).digest()
    plain = signature[:63] + bytes([signature[63] & 127])
    return ed25519.verifies(key, b"concordat/1\xff" + signature[64:65] + root, plain)
