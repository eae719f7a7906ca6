"""How a log is split, by the kind of its protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from recbench.data import examples
from recbench.data.cold_start import split_episodes
from recbench.data.examples import SplitLog
from recbench.data.ingest import RawLog
from recbench.data.phases_protocol import PhasesProtocol
from recbench.data.protocol import Protocol
from recbench.data.states_protocol import StatesProtocol

SPLITS: Mapping[type, Callable[[RawLog, Any], SplitLog]] = {
    Protocol: examples.split_log,
    StatesProtocol: split_episodes,
    PhasesProtocol: split_episodes,
}


def split_log(log: RawLog, protocol: Protocol | StatesProtocol | PhasesProtocol) -> SplitLog:
    """Return the parts of `log` under a protocol of any kind."""
    return SPLITS[type(protocol)](log, protocol)
