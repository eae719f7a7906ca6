import dataclasses
import json
import math

import pytest

from recbench.config import (
    RunConfig,
    build,
    check_config,
    load_config,
    parse_overrides,
    values,
)
from recbench.data import DataConfig
from recbench.errors import UsageError

CONFIG = RunConfig("din", DataConfig("taobao"))


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    width: int = 16
    layers: tuple[int, ...] = (80, 40)
    rate: float = 0.5
    kind: str = "mean"


def test_the_hash_knows_everything_but_the_seed():
    changes = [
        {"model": "dien"},
        {"data": DataConfig("taobao", limit=5)},
        {"data": DataConfig("taobao", protocol="time")},
        {"model_config": {"width": 3}},
        {"training": {"epochs": 9}},
        {"device": "cpu"},
    ]
    changed = {dataclasses.replace(CONFIG, **change).hash for change in changes}
    assert len(changed | {CONFIG.hash}) == len(changes) + 1
    assert dataclasses.replace(CONFIG, seed=7).hash == CONFIG.hash


def test_the_hash_does_not_know_the_order_of_keys_or_the_kind_of_sequence():
    one = dataclasses.replace(CONFIG, model_config={"width": 3, "layers": (4, 5)})
    other = dataclasses.replace(CONFIG, model_config={"layers": [4, 5], "width": 3})
    assert one.hash == other.hash
    assert one.plain() == other.plain()
    assert json.loads(json.dumps(one.plain())) == one.plain()


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_cannot_be_is_refused(seed):
    with pytest.raises(UsageError, match=f"the seed is {seed}; it must be from 0 to 4294967295"):
        RunConfig("din", DataConfig("taobao"), seed=seed)


def test_overrides_reach_the_training_and_their_own_model():
    settings = ["training.epochs=2", "din.width=32", 'din.kind="sum"', "dien.layers=[1, 2]"]
    overrides = parse_overrides([*settings, "din.kind=max"], ["din", "dien"])
    changed = overrides.apply(CONFIG)
    assert changed.training == {"epochs": 2}
    assert changed.model_config == {"width": 32, "kind": "max"}
    other = overrides.apply(dataclasses.replace(CONFIG, model="dien"))
    assert other.model_config == {"layers": [1, 2]}
    assert build(ModelConfig, other.model_config, "dien").layers == (1, 2)


def test_overrides_keep_what_the_configuration_had():
    config = dataclasses.replace(
        CONFIG, model_config={"width": 3, "rate": 0.1}, training={"batch_size": 8}
    )
    changed = parse_overrides(["din.width=4", "training.epochs=2"], ["din"]).apply(config)
    assert changed.model_config == {"width": 4, "rate": 0.1}
    assert changed.training == {"batch_size": 8, "epochs": 2}


@pytest.mark.parametrize("setting", ["epochs=2", "training.epochs", "training.=3", ".=", ""])
def test_a_setting_of_another_form_is_shown_the_right_one(setting):
    with pytest.raises(UsageError, match=r"write MODEL\.FIELD=VALUE or training\.FIELD=VALUE"):
        parse_overrides([setting], ["din"])


def test_a_setting_for_a_model_that_is_not_run_gets_the_right_name():
    with pytest.raises(UsageError, match="unknown target of --set 'dein'; did you mean din"):
        parse_overrides(["dein.width=3"], ["din", "popularity"])


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("training.epoch=3", "unknown field of training: 'epoch'; did you mean epochs"),
        ("training.epochs=many", "training: field 'epochs' must be int, got \"many\""),
        ("training.epochs=2.5", "training: field 'epochs' must be int, got 2.5"),
        ("training.epochs=true", "training: field 'epochs' must be int, got true"),
        ("training.optimizer=adma", "field 'optimizer' must be adam or adamw or sgd or adagrad"),
        ("training.weight_decay=null", "training: field 'weight_decay' must be finite"),
        ("training.gradient_clip=Infinity", "training: field 'gradient_clip' must be finite"),
        ("training.epochs=0", "training.epochs is 0; at least 1"),
        ("training.learning_rate=NaN", "training: field 'learning_rate' must be finite"),
        ("training.learning_rate=null", "training: field 'learning_rate' must be finite"),
    ],
)
def test_a_wrong_setting_of_the_training_is_refused(setting, expected):
    with pytest.raises(UsageError, match=expected):
        parse_overrides([setting], ["din"]).apply(CONFIG)


def test_build_checks_every_change_and_keeps_the_defaults():
    assert build(ModelConfig, {}, "din") == ModelConfig()
    made = build(ModelConfig, {"rate": 1, "layers": [3]}, "din")
    assert made == ModelConfig(rate=1.0, layers=(3,))
    with pytest.raises(UsageError, match="unknown field of din: 'wdth'; did you mean width"):
        build(ModelConfig, {"wdth": 3}, "din")
    with pytest.raises(UsageError, match=r"din: field 'layers\[1\]' must be int"):
        build(ModelConfig, {"layers": [3, "x"]}, "din")
    for value in (math.nan, math.inf, None):
        with pytest.raises(UsageError, match="din: field 'rate' must be finite, got "):
            build(ModelConfig, {"rate": value}, "din")


def write(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_text(text)
    return path


def test_a_configuration_file_is_read_whole(tmp_path):
    text = """
        model = "din"
        seed = 3
        [data]
        dataset = "taobao"
        size = "tiny"
        [model_config]
        layers = [8, 4]
        [training]
        epochs = 2
        learning_rate = 1
    """
    assert load_config(write(tmp_path, text)) == RunConfig(
        "din",
        DataConfig("taobao", size="tiny"),
        {"layers": [8, 4]},
        {"epochs": 2, "learning_rate": 1},
        seed=3,
    )


def test_what_a_record_holds_is_a_configuration_file_too(tmp_path):
    lines = [
        f"{name} = {json.dumps(value)}"
        for name, value in CONFIG.plain().items()
        if not isinstance(value, dict)
    ]
    for table in ("data", "model_config", "training"):
        lines.append(f"[{table}]")
        lines += [f"{name} = {json.dumps(v)}" for name, v in CONFIG.plain()[table].items()]
    assert load_config(write(tmp_path, "\n".join(lines))) == CONFIG


DATA = '[data]\ndataset = "taobao"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model = ", "is not TOML"),
        ('model = "din"', "data: field 'dataset' is missing"),
        (DATA, "the run: field 'model' is missing"),
        (f"model = 3\n{DATA}", "the run: field 'model' must be str, got 3"),
        (f'model = "din"\nseed = "one"\n{DATA}', "field 'seed' must be int"),
        (f'model = "din"\nsede = 1\n{DATA}', "unknown field of the run: 'sede'; did you mean seed"),
        (f'model = "din"\n{DATA}sice = "tiny"', "unknown field of data: 'sice'; did you mean si"),
        (f'model = "din"\n{DATA}source = "fake"', "field 'source' must be auto or real or sim"),
        (f'model = "din"\n{DATA}limit = "5"', "field 'limit' must be int"),
        (f'model = "din"\n{DATA}[training]\nepoch = 1', "unknown field of training: 'epoch'"),
        (f'model = "din"\n{DATA}[model_config]\nx = [[nan]]', "'model_config' must be finite"),
        ('model = "din"\ndata = "taobao"', "data must be a table of fields, got 'taobao'"),
        (f'model = "din"\nmodel_config = 3\n{DATA}', "field 'model_config' must be dict"),
        (f'model = "din"\nseed = -1\n{DATA}', "the seed is -1"),
    ],
)
def test_a_wrong_configuration_file_is_an_error_that_names_file_and_field(tmp_path, text, expected):
    with pytest.raises(UsageError, match=expected) as caught:
        load_config(write(tmp_path, text))
    assert "run.toml" in str(caught.value)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read the configuration .*No such file"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"bad\.toml is not TOML"):
        load_config(tmp_path / "bad.toml")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Slotted:
    width: int = 16
    names: dict[str, int] = dataclasses.field(default_factory=dict)
    sizes: list = dataclasses.field(default_factory=lambda: [1, 2])


def test_a_configuration_with_slots_keywords_and_factories_is_one_like_others():
    check_config(type("FM", (), {"Config": Slotted}))
    assert values(build(Slotted, {"width": 4}, "fm")) == {"width": 4, "names": {}, "sizes": [1, 2]}


def one_field(hint, *default, **options):
    """Return a model's class whose `Config` has one field."""
    given = (dataclasses.field(default=default[0], **options),) if default else ()
    config = dataclasses.make_dataclass("Config", [("dim", hint, *given)], frozen=True)
    return type("FM", (), {"Config": config})


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (one_field(int), "field 'dim' has no default; give it one"),
        (one_field(int, 8, init=False), "field 'dim' has init=False; make it a property"),
        (one_field(int, 0.5), "field 'dim' must be int, got 0.5"),
        (one_field(int, None), "field 'dim' must be int, got null"),
        (one_field(float, math.nan), "field 'dim' must be finite, got nan"),
        (one_field("Unknown", 8), "cannot be made: NameError: name 'Unknown' is not defined"),
        (one_field(dataclasses.InitVar[int]), "cannot be made: TypeError: .* missing 1 required"),
        (one_field(frozenset, frozenset([1])), r"field 'dim' is frozenset.*, which no record"),
        (one_field(type, int), "field 'dim' is <class 'int'>, which no record can hold"),
    ],
)
def test_a_configuration_that_cannot_be_is_one_message_that_names_the_field(kind, said):
    with pytest.raises(UsageError, match=f"^FM.Config:? {said}"):
        check_config(kind)
