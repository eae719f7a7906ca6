import pytest

from recbench.ops import backend


@pytest.fixture(autouse=True)
def choose_freely():
    """Let each test choose its implementation, whatever RECBENCH_OPS says."""
    with backend("auto"):
        yield
