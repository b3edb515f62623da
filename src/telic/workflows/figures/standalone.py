"""A drawing on its own: outside a page of ours it needs the colours that the page would give it."""

from __future__ import annotations

from collections.abc import Mapping

from telic.reports.style import DARK, LIGHT

__all__ = ["standalone"]


def standalone(svg: str) -> str:
    """The drawing with the colours of both themes in itself; it follows the reader's system.

    Args:
        svg: of ``to_svg``.
    """
    style = f"<style>{_theme(LIGHT)} @media (prefers-color-scheme: dark) {{{_theme(DARK)}}}</style>"
    return svg.replace(">", ">" + style, 1) + "\n"


def _theme(colours: Mapping[str, str]) -> str:
    return "svg {" + "; ".join(f"{key}: {value}" for key, value in colours.items()) + "}"
