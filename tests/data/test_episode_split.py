import numpy as np

from recbench.data.episode_split import queries, ranges


def test_ranges_end_the_support_where_the_queries_begin():
    found = ranges([(2, 0, 3, 5), (0, 5, 5, 6)])
    assert {name: each.tolist() for name, each in found.items()} == {
        "state": [2, 0],
        "support_start": [0, 5],
        "support_stop": [3, 5],
        "query_start": [3, 5],
        "query_stop": [5, 6],
    }
    assert [len(each) for each in ranges([]).values()] == [0] * 5


def test_queries_of_several_episodes_count_once():
    episodes = {"query_start": np.array([4, 1, 4]), "query_stop": np.array([6, 3, 7])}
    assert queries(episodes).tolist() == [1, 2, 4, 5, 6]
