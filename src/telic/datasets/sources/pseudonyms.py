"""Names of people to pseudonyms, the same in every ingest of one task.

With a secret key (``privacy.key`` of the contract): ``demonstrator-`` and the first 10 hexadecimal digits of
HMAC-SHA256 under the key, of the task's and the person's name. Whoever lacks the key cannot compute a pseudonym,
not even with a list of likely names; whoever has it, can.

Without one, the weak default: the first 6 digits of HMAC-SHA256(key = task, message = name), more where two names of
one dataset would collide. It keeps names out of the dataset, its reports and its digests, and pseudonyms of two tasks
apart. It does not protect from somebody who has a list of likely names and the task's name (both are rarely
secret). Either way it is pseudonymisation, not anonymisation, and the source file keeps the names.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from telic.contract import TaskContract
from telic.datasets.privacy.private_folder import SecretKey, secret_key
from telic.errors import DataError

__all__ = ["people_key", "person_digests", "pseudonyms", "pseudonyms_from", "pseudonyms_of"]

DIGITS = 6
"""Hexadecimal digits of the weak default: short enough to read, 16.7 million values."""

KEYED_DIGITS = 10
"""Digits under a secret key, always: 10,000 people collide with probability 5 in 100,000, and a person's pseudonym
does not depend on who else is in the dataset."""


def pseudonyms(names: Sequence[str], task: str, key: SecretKey | None = None) -> tuple[str, ...]:
    """The pseudonym of each (distinct) name.

    Args:
        names: distinct names.
        task: ``identity.task`` of the contract.
        key: the secret key; None: the weak default.

    Raises:
        DataError: two people have one pseudonym under the secret key.
    """
    return pseudonyms_from(person_digests(names, task, key), key)


def person_digests(names: Sequence[str], task: str, key: SecretKey | None = None) -> tuple[str, ...]:
    """The whole digest of each name, hexadecimal: what stands for people until all of them are known.

    Args:
        names: distinct names.
        task: ``identity.task`` of the contract.
        key: the secret key; None: the weak default.
    """
    if key is not None:
        return tuple(map(key.digests(task, "person"), names))
    return tuple(hmac.new(task.encode(), name.encode(), hashlib.sha256).hexdigest() for name in names)


def pseudonyms_from(digests: Sequence[str], key: SecretKey | None = None) -> tuple[str, ...]:
    """The pseudonym of each person of a dataset.

    Args:
        digests: distinct, of all people (``person_digests``).
        key: the secret key; None: the weak default.

    Raises:
        DataError: two people have one pseudonym under the secret key.
    """
    digits = DIGITS if key is None else KEYED_DIGITS
    while len({d[:digits] for d in digests}) < len(digests):
        if key is not None:
            raise DataError(
                f"Two of {len(digests):,} people have the same pseudonym under this key, by chance.",
                hint="Name another `privacy.key`.",
            )
        digits += 2
    return tuple(f"demonstrator-{d[:digits]}" for d in digests)


def people_key(contract: TaskContract) -> SecretKey | None:
    """The secret key of a contract's pseudonyms; None where it names none.

    Args:
        contract: its ``privacy`` block.

    Raises:
        PermanentError: the key cannot be read, or others may read it.
    """
    stated = contract.privacy
    return None if stated is None or stated.key is None else secret_key(stated.key)


def pseudonyms_of(names: Sequence[str], contract: TaskContract) -> tuple[str, ...]:
    """The pseudonym of each (distinct) name, as an ingest by this contract gives it.

    Args:
        names: distinct names.
        contract: names task and key.
    """
    return pseudonyms(names, contract.identity.task, people_key(contract))
