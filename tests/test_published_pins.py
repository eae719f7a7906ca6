import sys

from recbench.published_pins import FILE, pins_of

PIN = '[[pin]]\ndataset = "{}"\nversion = 3\n'


def test_pins_are_found_beside_a_reader_without_importing_it(install):
    targets = {"one": "readers.deep.one:One", "two": "alone:Two", "gone": "nowhere:Gone"}
    site = install("readers", {"alone": "raise SystemExit"}, datasets=targets)
    folder = site / "readers" / "deep"
    folder.mkdir(parents=True)
    (site / "readers" / "__init__.py").write_text("raise SystemExit")
    (folder / "one.py").write_text("raise SystemExit")
    (folder / FILE).write_text(PIN.format("one") + PIN.format("other"))
    assert [pin["version"] for pin in pins_of("one")] == [3]
    assert pins_of("two") == pins_of("gone") == pins_of("not registered") == ()
    assert "readers" not in sys.modules
