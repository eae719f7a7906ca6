from __future__ import annotations

from dataclasses import replace

import pytest
from heard import Heard

from recbench.claim import Claim
from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.errors import RecbenchError, UsageError
from recbench.folders import Folders
from recbench.pipeline import run, settle
from recbench.plugins import package_hash
from recbench.scored import load_predictions
from recbench.suite.ledger import log_path, read_failure, state_of
from recbench.suite.limits import Limits
from recbench.suite.runs import run_here, run_suite
from recbench.suite.settling import Settled, plain_folders, settle_all
from recbench.suite.worker import work

DATA = DataConfig("taobao", size="tiny", limit=500)
GOOD = RunConfig("popularity", DATA, device="cpu")
BASE = RunConfig(
    "din-base", DATA, {"embedding_dim": 4, "mlp": [8]}, {"epochs": 2}, seed=3, device="cpu"
)
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
    heard = Heard()
    bad, *good = run_here(configs, folders, heard)
    assert bad.record is None
    assert bad.error == "ZeroDivisionError: in forward"
    assert 'raise ZeroDivisionError("in forward")' in bad.log.read_text()
    assert bad.log.is_relative_to(folders.results / ".runs")
    assert [cell.record.seed for cell in good] == [1, 2]
    assert [(cell.error, cell.log) for cell in good] == [("", None)] * 2
    titles = [note for note in heard.notes if note.startswith("[")]
    assert titles[1:] == [f"[{n}/3] popularity on taobao, seed {n - 1}" for n in (2, 3)]


def test_runs_at_a_time_are_dealt_out_among_the_cards(monkeypatch, folders):
    given = []

    class Made:
        """Stands for a process; of those that are at work the first to start ends first."""

        def __init__(self, asked, log, limits, card):
            given.append(card)
            self.place = len(given)

        def running(self):
            return len(given) - self.place < jobs - 1 and len(given) < len(runs)

        def events(self):
            return ()

        def cause(self, told):
            return "made up"

        def close(self):
            pass

    def on(device, order):
        return replace(order, config=replace(order.config, device=device))

    monkeypatch.setattr("recbench.suite.runs.Child", Made)
    monkeypatch.setattr("recbench.suite.runs.visible_cards", lambda: ["4", "7"])
    configs = [replace(GOOD, seed=seed) for seed in range(5)]
    runs = [Settled(each, settle(each, folders)) for each in configs]
    for device, jobs, expected in (
        ("cuda", 3, ["4", "7", "4", "4", "7"]),
        ("cuda", 1, [""] * 5),
        ("cuda:1", 3, [""] * 5),
        ("cpu", 3, [""] * 5),
    ):
        given.clear()
        placed = [replace(each, order=on(device, each.order)) for each in runs]
        assert len(list(run_suite(placed, folders, jobs=jobs))) == 5
        assert given == expected


def test_everything_is_checked_before_the_first_run(folders):
    with pytest.raises(UsageError, match="did you mean popularity"):
        next(run_here([GOOD, replace(GOOD, model="popularty")], folders))
    assert not folders.results.exists()


def test_two_runs_that_come_to_the_same_are_refused(folders):
    spelt_out = replace(GOOD, training=settle(GOOD, folders).config.training)
    with pytest.raises(UsageError, match="the same, popularity on taobao, seed 1, since"):
        settle_all([GOOD, replace(GOOD, seed=2), spelt_out], folders)


def test_data_that_are_gone_fail_their_own_run_alone(folders, tmp_path):
    order = settle(GOOD, folders)
    gone = replace(GOOD, data=replace(DATA, limit=400))
    lost = Settled(gone, replace(order, data=str(tmp_path / "gone"), key="another"))
    first, second = run_suite([lost, Settled(GOOD, order)], folders)
    assert first.error == read_failure(gone, folders.results).error
    assert "gone" in first.error
    assert "DataError" in first.log.read_text()
    assert second.record.seed == 1


def test_an_interrupt_ends_the_suite_and_keeps_what_was_finished(raising, folders):
    cells = run_here([GOOD, replace(GOOD, model="interrupted"), replace(GOOD, seed=2)], folders)
    next(cells)
    with pytest.raises(KeyboardInterrupt):
        next(cells)
    assert [path.stem[-3:] for path in folders.results.rglob("*.json")] == ["-s1"]


def test_data_that_runs_share_are_fetched_once_and_are_the_same_for_all(install, web, folders):
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

    class Told(Heard):
        def tell(self, **event):
            self.notes.append(event)

    told, config = Told(), replace(GOOD, data=replace(DATA, dataset="lost"))
    configs = [each.plain() for each in (config, replace(config, seed=2))]
    work({"configs": configs, "folders": plain_folders(folders), "prepare": True}, told)
    orders = [note["order"] for note in told.notes if "order" in note]
    assert [order["config"]["data"]["source"] for order in orders] == ["simulated"] * 2
    assert len(web.asked) == 1


@pytest.fixture(scope="module")
def suite(tiny_folders, tmp_path_factory):
    """Two runs at a time of three, one of them made before, and one that another process has."""
    folders = replace(tiny_folders, results=tmp_path_factory.mktemp("suite") / "results")
    before = run(GOOD, folders)
    configs = [GOOD, BASE, replace(BASE, seed=4)]
    runs, heard = settle_all(configs, folders, limits=Limits(threads=1)), Heard()
    states = [state_of(each.config, each.order, folders.results) for each in runs]
    busy = Claim(runs[1].order.lock(folders.results))
    assert busy.take()
    cells = []
    for cell in run_suite(runs, folders, heard, jobs=2):
        cells.append(cell)
        if cell.config == configs[2]:
            busy.release()
    return folders, before, runs, states, cells, heard


def test_runs_that_are_done_are_kept_and_all_others_made(suite):
    folders, before, runs, states, cells, heard = suite
    assert states == ["done", "waiting", "waiting"]
    assert [cell.config.seed for cell in cells] == [1, 4, 3]
    assert cells[0].record.created == before.created
    assert heard.notes[0] == "[1/3] popularity on taobao, seed 1: done before, its record is kept"
    assert all(state_of(r.config, r.order, folders.results) == "done" for r in runs)
    assert not list(folders.results.joinpath(".runs").iterdir())


def test_a_run_that_another_process_makes_is_left_to_it_and_waited_for(suite):
    waits = suite[-1].about("another process is making it")
    assert waits == [
        "[2/3] din-base on taobao, seed 3: another process is making it; it is looked at again "
        "at the end"
    ]


def test_a_run_in_a_process_of_its_own_equals_one_in_this_process(suite, folders):
    isolated = next(cell.record for cell in suite[4] if cell.config == BASE)
    here = run(BASE, folders)
    assert here.key == isolated.key
    assert here.scores == isolated.scores
    assert [each["loss"] for each in here.curve] == [each["loss"] for each in isolated.curve]
    mine, theirs = (
        load_predictions(record.path(root))
        for record, root in ((here, folders.results), (isolated, suite[0].results))
    )
    assert all((mine[name] == theirs[name]).all() for name in mine)


def test_progress_of_runs_side_by_side_says_whose_it_is(suite):
    epochs = suite[-1].about("epoch 1/2")
    assert sorted(note[:30] for note in epochs) == [
        f"din-base on taobao, seed {seed}: ep" for seed in (3, 4)
    ]


def test_a_failure_is_kept_until_the_run_is_made(folders):
    wrong = replace(BASE, training={"epochs": 1, "optimizer": "sgd", "learning_rate": 1e30})
    runs = [replace(each, config=wrong) for each in settle_all([wrong], folders)]
    (cell,) = run_suite(runs, folders)
    assert "try a lower training.learning_rate" in cell.error
    failure = read_failure(wrong, folders.results)
    assert (failure.error, failure.log) == (cell.error, str(log_path(wrong, folders.results)))
    assert "TrainingError" in cell.log.read_text()
    assert state_of(wrong, runs[0].order, folders.results) == "failed"


def test_a_folder_of_results_that_cannot_be_written_to_is_an_error_before_training(tiny_folders):
    order = settle(GOOD, tiny_folders)
    folders = Folders(None, tiny_folders.cache, tiny_folders.cache / "file")
    folders.results.touch()
    try:
        with pytest.raises(RecbenchError, match="cannot write to .*--results"):
            next(run_suite([Settled(GOOD, order)], folders))
    finally:
        folders.results.unlink()


def test_a_run_whose_recbench_has_changed_meanwhile_gets_no_record(folders):
    (settled,) = settle_all([GOOD], folders)
    assert settled.order.core == package_hash("recbench")
    earlier = replace(settled, order=replace(settled.order, core="of an earlier recbench"))
    (cell,) = run_suite([earlier], folders)
    assert cell.error == "the code of recbench has changed meanwhile; start again"
    assert not list(folders.results.glob("taobao-v1/**/*.json"))
