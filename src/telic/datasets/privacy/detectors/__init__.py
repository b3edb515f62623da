"""What finds emails, addresses, keys, phones, cards and listed names in free text, each in time linear in it."""

from .quick_look import Look, quick_look
from .table import KINDS, detectors_of, find_all, mask_text

__all__ = ["KINDS", "Look", "detectors_of", "find_all", "mask_text", "quick_look"]
