"""Guesses about a foreign file: what its columns are, what they are for, and the contract that says so."""
