"""Constants of simulations: refused where they are outside their range."""

from recbench.errors import UsageError


def require_ranges(constants: object, **right: bool) -> None:
    """Raise `UsageError` naming the first constant that is not right.

    Args:
        constants: What has the constants as attributes.
        right: For each of them whether it is within its range.
    """
    for name, fits in right.items():
        if not fits:
            raise UsageError(f"{name} is {getattr(constants, name)}, outside its range")
