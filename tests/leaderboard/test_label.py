from recbench.leaderboard.label import label_configs


def labels_of(records):
    """Return the labels in the order of the records."""
    labels = label_configs(records)
    return [labels[record.model.name, record.config_hash] for record in records]


def test_the_only_configuration_of_a_model_needs_no_label(make_record):
    assert labels_of([make_record("din"), make_record("din", seed=2), make_record("base")]) == [
        "",
        "",
        "",
    ]


def test_labels_name_only_the_settings_that_differ(make_record):
    records = [
        make_record(model_config={"embedding_dim": 16, "activation": "dice", "dropout": 0.1}),
        make_record(model_config={"embedding_dim": 32, "activation": "dice", "dropout": 0.1}),
        make_record(model_config={"embedding_dim": 32, "activation": "prelu", "dropout": 0.1}),
    ]
    assert labels_of(records) == [
        "activation=dice, embedding_dim=16",
        "activation=dice, embedding_dim=32",
        "activation=prelu, embedding_dim=32",
    ]


def test_settings_outside_the_model_are_named_by_their_path(make_record):
    records = [make_record(limit=limit) for limit in (None, 1000)]
    assert labels_of(records) == ["data.limit=null", "data.limit=1000"]


def test_a_setting_that_one_configuration_lacks_is_not_invented(make_record):
    records = [make_record(model_config={"a": 1}), make_record(model_config={"a": 1, "b": 2})]
    first, second = labels_of(records)
    assert first == ""
    assert second == "b=2"


def test_a_long_list_gives_way_to_the_hash(make_record):
    records = [make_record(model_config={"hidden": [size] * 20}) for size in (64, 128)]
    assert labels_of(records) == [record.config_hash[:8] for record in records]


def test_configurations_that_show_no_difference_are_told_apart_by_hash(make_record):
    records = [make_record(source=source) for source in ("real", "simulated")]
    assert labels_of(records) == [record.config_hash[:8] for record in records]


def test_a_label_is_one_line_whatever_a_setting_holds(make_record):
    records = [make_record(model_config={"separator": text}) for text in ("\n", "\x1b[31m", "| |")]
    assert labels_of(records) == [
        r'separator="\n"',
        r'separator="\u001b[31m"',
        "separator=| |",
    ]
