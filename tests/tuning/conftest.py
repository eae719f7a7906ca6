from __future__ import annotations

import pytest
from tuning.known import CLASSES, TUNED


@pytest.fixture
def site(install):
    """Where the models of known score are installed."""
    targets = {name: f"tuned:{kind}" for name, kind in CLASSES.items()}
    return install("tuned", {"tuned": TUNED}, models=targets)
