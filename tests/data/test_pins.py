"""What first downloads are held to, beside the raw files."""

import tomllib

import pytest

from recbench.data.pins import FILE, Pins
from recbench.errors import DataError


def test_pins_keep_one_another_and_odd_names(tmp_path):
    pins, found = Pins(tmp_path), {"sha256": "a", "bytes": 1}
    names = ['log "1".zip', "a.b/ü = 3.zip"]
    for name in names:
        assert pins.hold(tmp_path / name, found, "http://x") == ""
    assert list(tomllib.loads((tmp_path / FILE).read_text())) == names
    assert pins.hold(tmp_path / names[0], found | {"bytes": 2}, "http://x") != ""


@pytest.mark.parametrize("text", ["[", "a = 1\n", "\0"])
def test_pins_that_cannot_be_read_are_an_error(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(DataError, match=r"\.downloads\.toml cannot be read .*mend it, or delete"):
        Pins(tmp_path).hold(tmp_path / "log.zip", {"sha256": "a", "bytes": 1}, "http://x")
