"""Every method that makes policies, one module each: the one place that pages, listings and settings files read."""

from .description import Actions, Group, Method, Needs, Setting
from .registry import METHODS, method_named

__all__ = ["METHODS", "Actions", "Group", "Method", "Needs", "Setting", "method_named"]
