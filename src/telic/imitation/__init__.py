"""From demonstrations straight to a policy, without a reward in between."""

from .behavioural_cloning import behavioural_cloning

__all__ = ["behavioural_cloning"]
