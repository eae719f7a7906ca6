"""The files of KuaiRand-1K, which both datasets read."""

from rawfiles.kuairand_1k import write

__all__ = ["write"]
