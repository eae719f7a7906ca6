import pytest

from recbench.datasets.adult import COLUMNS, Adult

HEADER = ",".join(COLUMNS) + "\n"
ROWS = (
    "25,Private,226802,11th,7,Never-married,Sales,Own-child,Black,Male,0,0,40,United-States,<=50K\n"
    "44,?,160323,Some-college,10,Divorced,?,Husband,White,Female,7688,0,45,?,>50K\n"
)


def test_it_is_read_with_both_labels_and_without_what_they_are_made_of(read_rows):
    protocol = Adult.card.protocols["shares"]
    columns, rejected = read_rows(Adult(), protocol, people=HEADER + ROWS * 5)
    assert rejected.count == 0
    assert {name: values[:2] for name, values in columns.items()} == {
        "row": [1, 2],
        "age": [25, 44],
        "capital_gain": [0, 7688],
        "capital_loss": [0, 0],
        "hours_per_week": [40, 45],
        "workclass": ["Private", None],
        "occupation": ["Sales", None],
        "race": ["Black", "White"],
        "sex": ["Male", "Female"],
        "native_country": ["United-States", None],
        "income": [0, 1],
        "never_married": [1, 0],
    }


def test_a_row_of_another_file_is_counted(read_rows):
    protocol = Adult.card.protocols["shares"]
    dataset = Adult()
    text = HEADER + ROWS * 1000 + "25,Private,1,11th,7,a,b,c,d,Male,0,0,40,US,50K\n"
    columns, rejected = read_rows(dataset, protocol, people=text)
    assert len(columns["row"]) == 2000
    assert rejected.count == 1
    assert "adult.csv:2002: " in rejected.examples[0]


@pytest.mark.data
def test_the_real_file_has_the_published_rows(prepare_real):
    manifest = prepare_real(Adult()).manifest
    assert manifest.counts["rows"] == 48_842
    assert manifest.reports == []
    labels = manifest.characteristics["parts"]["train"]["labels"]
    assert labels["income"] == pytest.approx(0.2393, abs=0.01)
