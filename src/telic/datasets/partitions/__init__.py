"""Logs that are larger than memory: rows sorted in runs on the disk, made into decisions part by part, and one version.

A part holds whole source trajectories, in the order of the dataset; the digest of the version and all that is noticed
are those of the same log made at once (``telic.datasets.sources.assemble``).
"""
