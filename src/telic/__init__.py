"""telic: from logs of what experts did to what they value."""

__version__ = "0.1.0"
