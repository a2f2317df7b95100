"""Seals the personal facts of an event into one value, and opens it."""

import os
from binascii import a2b_base64, b2a_base64
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SEALED: Final = "\x00p"
"""The field of a stored event that holds them: no fact's name, and no key that a message can have.

Its value is ``names|sealed``: the facts' names, comma-separated, and nonce and ciphertext in Base64. The
second part is empty if the facts were erased, or dropped because they belong to an erased customer.
"""
MARK: Final = b'"\\u0000p":"'
"""What a stored event contains if it may hold something sealed."""
_NONCE = 12


def sealed(names: list[str], data: bytes, cipher: AESGCM, about: bytes) -> str:
    """The value of SEALED. ``about`` comes from :func:`about`."""
    nonce = os.urandom(_NONCE)
    text = b2a_base64(nonce + cipher.encrypt(nonce, data, about), newline=False).decode()
    return f"{','.join(names)}|{text}"


def emptied(names: list[str]) -> str:
    """The value of SEALED once nobody can read the facts any more."""
    return f"{','.join(names)}|"


def split(value: str) -> tuple[list[str], bytes]:
    """The names, and the sealed bytes, empty if erased. Raises ValueError for anything else."""
    names, bar, text = value.partition("|")
    if not bar:
        raise ValueError("no sealed value")
    return names.split(","), a2b_base64(text, strict_mode=True)


def opened(data: bytes, cipher: AESGCM, about: bytes) -> bytes:
    """Raises cryptography's InvalidTag for what was not sealed with this key for this event."""
    return cipher.decrypt(data[:_NONCE], data[_NONCE:], about)


def about(originator_id: UUID, version: int, topic: str) -> bytes:
    """Binds a sealed value to its event, so that it cannot be moved to another one."""
    return originator_id.bytes + version.to_bytes(8) + topic.encode()
