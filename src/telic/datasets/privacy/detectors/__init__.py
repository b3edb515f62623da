"""What finds emails, addresses, keys, phones, cards and listed names in free text, each in time linear in it."""

from .table import KINDS, detectors_of, find_all, mask_text

__all__ = ["KINDS", "detectors_of", "find_all", "mask_text"]
