"""The kinds of policy that can be files, one module for those that are alike; their table is in ``kinds``."""

from .codec import Codec, Held, Parts
from .kinds import KINDS, REFUSED, codec_named, codec_of

__all__ = ["KINDS", "REFUSED", "Codec", "Held", "Parts", "codec_named", "codec_of"]
