"""This file derives every seed of a run from the one the user gave."""

import hashlib


def seed_for(seed: int, purpose: str, epoch: int, step: int) -> int:
    """A 63-bit seed for one generator; equal arguments give an equal seed on every machine."""
    text = f"{seed}/{purpose}/{epoch}/{step}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1
