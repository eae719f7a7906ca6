import json
import sys

import pytest

from recbench.testing import MODEL_CHECKS

PLUGINS = """
    import sys
    from recbench_models.baselines.popularity import Popularity

    class Good(Popularity):
        def forward(self, features):
            print("noise")
            return super().forward(features)

    class Wide(Popularity):
        def forward(self, features):
            return super().forward(features)[:, None]

    class Quitter(Popularity):
        def forward(self, features):
            sys.exit(0)

    class Patient(Wide):
        expected_failures = {"check_shapes": "one day"}

    nothing = 1
"""


@pytest.fixture
def here(install, tmp_path, monkeypatch):
    """A current directory with the module `plugins_here`, from which nothing is installed."""
    site = install("nothing", {"plugins_here": PLUGINS})
    monkeypatch.chdir(site)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(site)])
    return site


def test_a_model_that_keeps_the_contract_passes(recbench, here):
    done = recbench("plugin", "check", "plugins_here:Good")
    assert done.status == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split() == ["check", "result", "why"]
    assert lines[1].split() == ["check_contract", "passed"]
    assert any("not applicable  it does not adapt" in line for line in lines)
    count = len(MODEL_CHECKS)
    expected = f"{count} checks: {count - 4} passed, 4 not applicable"
    assert lines[-1] == f"model good of unpublished plugins_here:Good: {expected}"
    assert "noise" in done.err


def test_a_failure_has_a_line_of_cause_and_exit_code_1(recbench, here):
    done = recbench("plugin", "check", "plugins_here:Wide", "--json")
    assert done.status == 1
    found = json.loads(done.out)
    assert {name: found[name] for name in ("kind", "name", "distribution", "passed")} == {
        "kind": "model",
        "name": "wide",
        "distribution": "unpublished",
        "passed": False,
    }
    results = {each["name"]: each for each in found["checks"]}
    assert results["check_contract"]["outcome"] == "passed"
    assert results["check_shapes"]["outcome"] == "failed"
    assert results["check_shapes"]["reason"].startswith("forward returned shape (8, 1)")
    table = recbench("plugin", "check", "plugins_here:Patient").out
    assert "check_shapes            expected failure  one day: forward returned shape" in table
    assert "check_batch_of_one      FAILED            forward returned shape" in table


def test_a_model_that_ends_the_process_fails_and_the_checks_go_on(recbench, here):
    done = recbench("plugin", "check", "plugins_here:Quitter", "--json")
    assert done.status == 1
    results = json.loads(done.out)["checks"]
    assert len(results) == len(MODEL_CHECKS)
    assert {each["reason"] for each in results if each["name"] == "check_shapes"} == {
        "it raises SystemExit: 0"
    }


def test_an_installed_dataset_is_checked_by_its_name(recbench, install):
    code = """
        from recbench.datasets.mmoe_synthetic import MMoESynthetic
        from dataclasses import replace

        class Other(MMoESynthetic):
            card = replace(MMoESynthetic.card, name="other", citation="")
    """
    install("others", {"other_data": code}, "0.2", datasets={"other": "other_data:Other"})
    done = recbench("plugin", "check", "other")
    assert done.status == 1
    assert "check_card            FAILED          the card's citation is empty" in done.out
    assert "dataset other of others 0.2: 13 checks: " in done.out
    assert "1 failed" in done.out


@pytest.mark.parametrize(
    ("arguments", "status", "cause"),
    [
        (["dni"], 2, "unknown model or dataset 'dni'; did you mean din"),
        (["din", "--kind", "dataset"], 2, "unknown dataset 'din'"),
        (["din", "--kind", "models"], 2, "unknown value of --kind: 'models'; did you mean model?"),
        (["plugins_here:"], 2, "'plugins_here:': write MODULE:CLASS"),
        (["plugins_here:nothing"], 1, "is no subclass of recbench.Model or recbench.Dataset"),
        (["plugins_here:None"], 1, "cannot be imported from plugins_here:None: AttributeError"),
        (["not_there:Model"], 1, "cannot be imported from not_there:Model: ModuleNotFoundError"),
    ],
)
def test_what_cannot_be_checked_is_a_clear_error(recbench, here, arguments, status, cause):
    done = recbench("plugin", "check", *arguments)
    assert (done.status, done.out) == (status, "")
    assert cause in done.err
    assert "Traceback" not in done.err


def test_a_name_of_both_kinds_needs_the_kind(recbench, install):
    install("both", models={"both": "a:A"}, datasets={"both": "a:A"})
    done = recbench("plugin", "check", "both")
    assert done.status == 2
    assert "'both' is a model and a dataset; say which with --kind" in done.err


def test_a_new_plugin_is_written_and_says_what_is_next(recbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = recbench("plugin", "new", "brand-new", "--kind", "dataset")
    assert done.status == 0, done.err
    *files, last = done.out.splitlines()
    assert all((tmp_path / file).is_file() for file in files)
    assert "recbench-brand-new/recbench_brand_new/__init__.py" in files
    assert last == "next: cd recbench-brand-new && pip install . && recbench plugin check brand-new"
    assert recbench("plugin", "new", "brand-new").status == 2
    assert recbench("plugin", "new", "brand-new", "--directory", "other").status == 0
    assert (tmp_path / "other" / "tests" / "test_brand_new.py").is_file()
