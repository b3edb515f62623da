"""What other projects' tests may use too: hypothesis strategies for worlds, rewards, policies and
demonstrations.

``strategies`` needs the ``hypothesis`` library (the ``dev`` extra).
"""

__all__ = ["strategies"]
