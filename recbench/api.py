"""The version of the contract between recbench and its plugins."""

API_VERSION = 1
"""What a plugin states as `api`: the version that it was written for."""
