"""A version of a dataset for others: one readable table with a Hugging Face card and Croissant metadata."""

from .card import Card, write_card

__all__ = ["Card", "write_card"]
