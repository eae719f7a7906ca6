import numpy as np

from recbench.data.splits import LastSessionShares, LogChunk


def test_the_latest_events_bound_parts_of_whole_sessions():
    user = np.array([0, 0, 1, 1, 1, 2, 2, 3, 3, 3])
    time = np.array([0, 1, 2, 3, 8, 4, 5, 6, 7, 9])
    split = LastSessionShares(valid=0.2, test=0.2)
    chunk = LogChunk(0, user, time, np.ones(10, bool))
    bounds = split.boundaries(chunk)
    assert bounds == (6, 8)
    assert split.parts(chunk, bounds).tolist() == [0, 0, 2, 2, 2, 0, 0, 2, 2, 2]
