from dataclasses import replace

import pytest

from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.errors import UsageError
from recbench.progress import Progress
from recbench.suite import run_suite

DATA = DataConfig("taobao", size="tiny", limit=500)
GOOD = RunConfig("popularity", DATA, device="cpu")
RAISES = """
    from dataclasses import dataclass
    from recbench import CTRModel, FitResult

    @dataclass(frozen=True)
    class NoConfig:
        pass

    class Raises(CTRModel):
        api = 1
        Config = NoConfig

        def fit(self, train, validate, run):
            return FitResult(1, validate(self), [])

        def forward(self, features):
            raise ZeroDivisionError("in forward")

    class Interrupted(Raises):
        def forward(self, features):
            raise KeyboardInterrupt
"""


class Heard(Progress):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def folders(tiny_folders, tmp_path):
    return replace(tiny_folders, results=tmp_path / "results")


@pytest.fixture
def raising(install):
    install(
        "raising",
        {"raising": RAISES},
        models={"raises": "raising:Raises", "interrupted": "raising:Interrupted"},
    )


def test_a_run_that_fails_is_logged_and_does_not_stop_the_rest(raising, folders):
    configs = [replace(GOOD, model="raises"), GOOD, replace(GOOD, seed=2)]
    bad, *good = run_suite(configs, folders)
    assert bad.record is None
    assert bad.error == "ZeroDivisionError: in forward"
    traceback = bad.log.read_text()
    assert "Traceback" in traceback
    assert 'raise ZeroDivisionError("in forward")' in traceback
    assert bad.log.is_relative_to(folders.results / ".runs")
    assert [cell.record.seed for cell in good] == [1, 2]
    assert [(cell.error, cell.log) for cell in good] == [("", None)] * 2


def test_a_failure_with_a_known_cause_needs_no_log(folders):
    training = {"epochs": 1, "optimizer": "sgd", "learning_rate": 1e30}
    (cell,) = run_suite([replace(GOOD, model="din-base", training=training)], folders)
    assert "try a lower training.learning_rate" in cell.error
    assert cell.log is None


def test_everything_is_checked_before_the_first_run(folders):
    configs = [GOOD, replace(GOOD, model="popularty")]
    with pytest.raises(UsageError, match="did you mean popularity"):
        next(run_suite(configs, folders))
    assert not folders.results.exists()


def test_data_that_runs_share_are_fetched_once_and_are_the_same_for_all(
    install, web, folders, monkeypatch
):
    code = f"""
        from dataclasses import replace
        from recbench.data import Download
        from recbench.datasets.taobao import CARD, Taobao

        class Lost(Taobao):
            card = replace(
                CARD,
                name="lost",
                downloads=(Download("UserBehavior.csv.zip", ("{web.url("/absent")}",)),),
            )
    """
    install("lost", {"lost_data": code}, datasets={"lost": "lost_data:Lost"})
    made = []
    monkeypatch.setattr("recbench.suite.run", lambda config, *_, **__: made.append(config))
    config = replace(GOOD, data=replace(DATA, dataset="lost"))
    asked = [config, replace(config, seed=2)]
    cells = list(run_suite(asked, folders))
    assert [cell.config for cell in cells] == asked
    assert [each.data.source for each in made] == ["simulated"] * 2
    assert len(web.asked) == 1


def test_an_interrupt_ends_the_suite_and_keeps_what_was_finished(raising, folders):
    cells = run_suite([GOOD, replace(GOOD, model="interrupted"), replace(GOOD, seed=2)], folders)
    next(cells)
    with pytest.raises(KeyboardInterrupt):
        next(cells)
    assert [path.stem[-3:] for path in folders.results.rglob("*.json")] == ["-s1"]


def test_progress_counts_the_runs(folders):
    heard = Heard()
    list(run_suite([GOOD, replace(GOOD, seed=2)], folders, heard))
    titles = [note for note in heard.notes if note.startswith("[")]
    assert titles == [f"[{n}/2] popularity on taobao, seed {n}" for n in (1, 2)]
