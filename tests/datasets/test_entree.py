from __future__ import annotations

import pytest

from recbench.datasets.entree import Entree
from recbench.errors import DataError

SESSIONS = """timestamp,visitor,entry,steps,end
1996-09-07 11:02:23,94,0,6Q 6L 8s,9
1996-09-07 12:17:05,0,0,8M,-1
"""
RESTAURANTS = """item,name,features
6,"Joe's, on the Lake",12 40 214 35 149 75 204 52 164
8,Village,249 99 75 205 54 163
9,Café Nordé,149 74 203 51 166
"""
FEATURES = """feature,text
12,Fast Food
35,No Reservations
40,Good Out of Town Business
51,Fair Decor
52,Good Decor
54,Extraordinary Decor
74,Good Food
75,Excellent Food
99,Soul Food
149,Italian
163,below $15
164,$15-$30
166,$30-$50
203,Fair Service
204,Good Service
205,Excellent Service
214,Short Drive
249,Weekend Dining
"""


def test_a_session_is_its_restaurants_and_the_one_it_ended_at(read):
    log = read(Entree(), sessions=SESSIONS, restaurants=RESTAURANTS, features=FEATURES)
    columns = {name: values.tolist() for name, values in log.spool.columns.items()}
    assert log.users.to_pylist() == [1, 2]
    assert [log.items[item].as_py() for item in columns["item"]] == [6, 6, 8, 9, 8]
    assert columns["user"] == [0, 0, 0, 0, 1]
    asked = [log.behaviours[code] for code in columns["behaviour"]]
    assert asked == ["more creative", "browse", "quieter", "end", "cheaper"]
    assert columns["time"][3:] == [842_094_143, 842_098_625]


def test_restaurants_have_the_fields_that_their_features_tell(read):
    log = read(Entree(), sessions=SESSIONS, restaurants=RESTAURANTS, features=FEATURES)
    assert log.items.to_pylist() == [6, 8, 9]
    fields = {name: values.to_pylist() for name, values in log.item_fields.items()}
    assert fields == {
        "cuisine": ["Italian", "Soul Food", "Italian"],
        "food": ["Excellent Food", "Excellent Food", "Good Food"],
        "service": ["Good Service", "Excellent Service", "Fair Service"],
        "decor": ["Good Decor", "Extraordinary Decor", "Fair Decor"],
        "price": ["$15-$30", "below $15", "$30-$50"],
    }


def test_a_step_that_is_no_restaurant_is_an_error(read):
    broken = SESSIONS + "1996-09-07 12:17:05,0,0,L6 L8,-1\n"
    with pytest.raises(DataError, match=r"entree: .*sessions\.csv.*not in the expected format"):
        read(Entree(), sessions=broken, restaurants=RESTAURANTS, features=FEATURES)


@pytest.mark.data
def test_real_sessions(prepare_real):
    dataset = prepare_real(Entree())
    counts = dataset.manifest.counts
    assert (counts["users"], counts["interactions"], counts["items"]) == (50_672, 233_871, 645)
    fields = {field.name: field.size for field in dataset.schema.fields}
    assert set(fields) == {"item", "cuisine", "food", "service", "decor", "price"}
    assert dataset.manifest.reports == ["1 targets left out: the training part has no such item"]
