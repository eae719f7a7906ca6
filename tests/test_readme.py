import re
import unicodedata
from pathlib import Path

import pytest

from recbench.config import build, parse_overrides
from recbench.plugins import discover, load_model
from recbench.training import TrainingConfig

ROOT = Path(__file__).parent.parent
WIDTH = 120


@pytest.fixture(params=["README.md", "README.zh-CN.md"])
def text(request):
    return (ROOT / request.param).read_text(encoding="utf-8")


def columns(line):
    """Return how wide a terminal shows a line; Chinese characters take two columns."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)


def options(text):
    return re.findall(r"`--set (\S+?)`", text)


def test_lines_are_no_wider_than_the_limit_but_for_rows_of_tables(text):
    lines = [line for line in text.splitlines() if not line.startswith("|")]
    assert [line for line in lines if columns(line) > WIDTH] == []


def test_options_exist_and_take_the_values_that_are_shown(text):
    models = {plugin.name: load_model(plugin) for plugin in discover("model")}
    overrides = parse_overrides(options(text), models)
    build(TrainingConfig, overrides.training, "training")
    for name, changes in overrides.models.items():
        build(models[name].Config, changes, name)


def test_what_is_said_to_be_released_behaviour_is_so_in_the_models_page(text):
    sentence = re.search(r"(released code|公开代码).*?`[.。]", text, re.DOTALL)
    models = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert sentence
    assert options(sentence[0])
    for option in options(sentence[0]):
        model, field, value = re.fullmatch(r"(.+)\.(.+)=(.+)", option).groups()
        section = re.search(rf"^## {model}\n(.*?)(^## |\Z)", models, re.DOTALL | re.MULTILINE)
        assert section, option
        head = re.search(r"^\| option .*", section[1], re.MULTILINE)[0]
        row = re.search(rf"^\| `{field}` .*", section[1], re.MULTILINE)[0]
        assert f"`{value}`" in row, option
        assert "released code" in head + row, option
