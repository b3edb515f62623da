"""Formats of foreign logs, one a module; ``data.format`` of the contract names one."""

from .registry import MODULES, event_format, is_folder_format

__all__ = ["MODULES", "event_format", "is_folder_format"]
