"""Private numerics, hashing and time; no domain words."""
