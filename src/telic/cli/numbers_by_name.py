"""Options of the form FEATURE=NUMBER."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["numbers_by_name"]


def numbers_by_name(option: str, words: Sequence[str], form: str, example: str) -> dict[str, float]:
    """Feature to number.

    Args:
        option: its name, for the message.
        words: as they were given.
        form: how one looks.
        example: one of them.

    Raises:
        SettingsError: a word has another form.
    """
    found = {}
    for word in words:
        name, _, number = word.rpartition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            name = ""
        if not name.strip():
            from telic.errors import SettingsError

            raise SettingsError(
                f"`{option}` takes {form}, such as {example}, got {word!r}.",
                hint="The number is in reward per unit of the feature.",
            )
    return found
