"""What other projects' tests may use too: random problems, and the protocol of a method.

``strategies`` (random worlds, rewards, policies and demonstrations) needs the ``hypothesis`` library, which
comes with the ``dev`` extra; ``check_method`` needs nothing more.
"""

from .methods import MethodCase, check_method

__all__ = ["MethodCase", "check_method", "strategies"]
