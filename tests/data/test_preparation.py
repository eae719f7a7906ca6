import errno
import importlib
import pkgutil
import shutil
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace

import pytest
from filelock import FileLock
from heard import Heard

from recbench import data
from recbench.data import DataConfig, is_prepared, preparation, prepare, resolve
from recbench.data.protocol import GlobalTime, LeaveLastTwoOut, Negatives, Protocol
from recbench.datasets.taobao import Taobao
from recbench.errors import DataError, UsageError
from recbench.folders import Folders

PROTOCOL = Protocol(LeaveLastTwoOut(), Negatives("uniform"))
PATIENCE = 120.0
ROWS = [(u, u + n, 0, n) for u in range(20) for n in range(6)]


def left_behind(folders):
    """Return what lies in the cache, locks aside."""
    return [path for path in folders.cache.rglob("*") if path.is_file() and path.suffix != ".lock"]


def write(folders, rows=ROWS):
    text = "".join(",".join(map(str, row)) + "\n" for row in rows)
    (folders.data / "log.csv").write_text(text)


def test_every_module_is_found_under_its_own_name():
    for module in pkgutil.iter_modules(data.__path__):
        found = importlib.import_module(f"recbench.data.{module.name}")
        assert getattr(data, module.name) is found


def test_a_second_preparation_reuses_the_first(make_log, folders):
    write(folders)
    heard = Heard()
    first = prepare(make_log(PROTOCOL), DataConfig("log"), folders, heard)
    written = (first.folder / "manifest.json").stat().st_mtime_ns
    second = prepare(make_log(PROTOCOL), DataConfig("log"), folders, heard)
    assert second.folder == first.folder
    assert (second.folder / "manifest.json").stat().st_mtime_ns == written
    assert len(heard.notes) == 1


def test_what_is_prepared_already_is_known_without_preparing_it(make_log, folders):
    log, config = make_log(PROTOCOL), DataConfig("log")
    assert not is_prepared(log, config, folders)  # nor are its files here
    write(folders)
    assert not is_prepared(log, config, folders)
    assert not folders.cache.exists()
    prepare(log, config, folders)
    assert is_prepared(log, config, folders)
    assert not is_prepared(make_log(PROTOCOL, version=2), config, folders)
    with pytest.raises(UsageError, match="unknown protocol of log 'onli'"):
        is_prepared(log, replace(config, protocol="onli"), folders)


def test_what_changes_the_result_changes_the_folder(make_log, folders):
    write(folders)

    def folder(dataset):
        return resolve(dataset, DataConfig("log"), folders).folder(folders.cache)

    first = folder(make_log(PROTOCOL))
    assert folder(make_log(PROTOCOL)) == first
    assert folder(make_log(PROTOCOL, version=2)) != first
    assert folder(make_log(replace(PROTOCOL, min_history=1))) != first
    write(folders, ROWS[1:])
    assert folder(make_log(PROTOCOL)) != first


def test_missing_files_are_an_error_unless_there_is_a_simulator(make_log, folders):
    with pytest.raises(DataError, match=r"log: the raw files \(log\.csv\) are needed"):
        prepare(make_log(PROTOCOL), DataConfig("log"), folders)
    with pytest.raises(UsageError, match="log has no simulator; use --source real"):
        prepare(make_log(PROTOCOL), DataConfig("log", source="simulated"), folders)
    assert resolve(Taobao(), DataConfig("taobao"), folders).source == "simulated"
    with pytest.raises(DataError, match="UserBehavior.csv"):
        resolve(Taobao(), DataConfig("taobao", source="real"), folders)


def test_wrong_names_get_the_right_ones(make_log, folders):
    write(folders)
    with pytest.raises(UsageError, match="unknown protocol of log 'onli'; did you mean only"):
        prepare(make_log(PROTOCOL), DataConfig("log", protocol="onli"), folders)
    with pytest.raises(UsageError, match="unknown size of the simulated taobao 'smal1'; .* small"):
        prepare(Taobao(), DataConfig("taobao", size="smal1"), folders)
    with pytest.raises(UsageError, match="the limit is -1"):
        DataConfig("log", limit=-1)


def test_simulated_data_are_announced(tiny_folders):
    heard = Heard()
    prepare(Taobao(), DataConfig("taobao", size="tiny"), tiny_folders, heard)
    assert len(heard.warnings) == 1
    assert "taobao: SIMULATED data (size tiny), not the real dataset" in heard.warnings[0]
    assert "tianchi" in heard.warnings[0]


def test_other_counts_than_published_are_an_error_that_compares_them(make_log, folders):
    write(folders)
    good = {"interactions": 120, "users": 20, "items": 25}
    other = {"interactions": 7, "users": 20, "items": 25}
    prepare(make_log(PROTOCOL, counts=(other, good)), DataConfig("log"), folders)
    expected = r"120 interactions \(published: 125\), 25 items \(published: 26\)"
    with pytest.raises(DataError, match=expected) as caught:
        counts = (other, good | {"interactions": 125, "items": 26})
        prepare(make_log(PROTOCOL, counts=counts, version=2), DataConfig("log"), folders)
    assert "Get them again from example.org/log.csv" in str(caught.value)


def test_a_log_too_short_for_its_split_is_an_error(make_log, folders):
    write(folders)
    days = Protocol(GlobalTime(1, 1, "days"), Negatives("uniform"))
    with pytest.raises(DataError, match="log: the train and valid part has no examples"):
        prepare(make_log(days), DataConfig("log"), folders)
    assert left_behind(folders) == []


def test_what_was_left_out_is_reported(make_log, folders):
    write(folders, [*ROWS * 20, (1, 2, 3), (1, 2, 3, 99), *((50, n, 0, n) for n in range(25))])
    dataset = make_log(PROTOCOL, time_range=(0, 50))
    reports = prepare(dataset, DataConfig("log"), folders).manifest.reports
    malformed, out_of_range, given_up = reports
    assert malformed.startswith("1 malformed rows left out: ")
    assert "log.csv:2401: " in malformed
    assert out_of_range == "1 rows left out: their time is out of range"
    assert given_up == "25 targets left out: no item is left that their user never met"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
@pytest.mark.parametrize("step", ["ingest", "split_log", "write_prepared"])
def test_a_full_disk_is_an_error_and_leaves_nothing(make_log, folders, monkeypatch, step, error):
    write(folders)

    def fail(*_):
        raise error

    monkeypatch.setattr(preparation, step, fail)
    with pytest.raises(DataError, match="is full; free some space or set RECBENCH_CACHE"):
        prepare(make_log(PROTOCOL), DataConfig("log"), folders)
    assert left_behind(folders) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, PermissionError])
@pytest.mark.parametrize("step", ["ingest", "split_log", "write_prepared"])
def test_whatever_stops_a_preparation_it_leaves_nothing(
    make_log, folders, monkeypatch, step, error
):
    write(folders)
    real = getattr(preparation, step)

    def stop(*arguments):
        real(*arguments)
        raise error

    monkeypatch.setattr(preparation, step, stop)
    with pytest.raises(error):
        prepare(make_log(PROTOCOL), DataConfig("log"), folders)
    assert left_behind(folders) == []
    monkeypatch.undo()
    assert prepare(make_log(PROTOCOL), DataConfig("log"), folders).manifest.counts["users"] == 20


def test_the_rest_of_a_killed_preparation_is_cleared_away(make_log, folders):
    write(folders)
    target = resolve(make_log(PROTOCOL), DataConfig("log"), folders).folder(folders.cache)
    for leftover in (target, target.with_name(f".{target.name}.partial")):
        leftover.mkdir(parents=True)
        (leftover / "half.arrow").write_text("half")
    prepare(make_log(PROTOCOL), DataConfig("log"), folders)
    assert [path for path in left_behind(folders) if path.name == "half.arrow"] == []


FILL_DISKS = """
    import sys
    from pathlib import Path
    from recbench.data import DataConfig, prepare
    from recbench.datasets.taobao import Taobao
    from recbench.errors import DataError
    from recbench.folders import Folders

    for disk in map(Path, sys.argv[1:]):
        try:
            prepare(Taobao(), DataConfig("taobao", size="tiny"), Folders(None, disk, disk))
        except DataError as error:
            files = [path.name for path in disk.rglob("*") if path.is_file()]
            left = [name for name in files if not name.endswith(".lock")]
            print("full" if "is full" in str(error) and not left else f"{error} {left}")
        else:
            print("enough")
"""


@pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode != 0,
    reason="mounting small disks needs user namespaces",
)
def test_a_disk_that_really_fills_up_is_an_error_and_never_a_crash(tmp_path):
    commands, disks = [], []
    for kilobytes in (1000, 3000, 3500, 4000, 4500, 5000, 64_000):
        disk = tmp_path / str(kilobytes)
        disk.mkdir()
        disks.append(str(disk))
        commands.append(f"mount -t tmpfs -o size={kilobytes}k none {disk}")
    script = tmp_path / "fill.py"
    script.write_text(textwrap.dedent(FILL_DISKS))
    commands.append(f"{sys.executable} {script} {' '.join(disks)}")
    shell = ["unshare", "-rm", "sh", "-c", " && ".join(commands)]
    done = subprocess.run(shell, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = done.stdout.split("\n")[:-1]
    assert (said[0], said[-1], len(said)) == ("full", "enough", len(disks))
    assert set(said) == {"full", "enough"}


def test_a_second_process_waits_for_the_first_and_takes_its_result(tiny_folders, tmp_path):
    folders = Folders(None, tmp_path / "cache", tmp_path / "results")
    config = DataConfig("taobao", size="tiny")
    target = resolve(Taobao(), config, folders).folder(folders.cache)
    target.parent.mkdir(parents=True)
    heard, found = Heard(), []
    waiting = threading.Event()
    heard.note = lambda text: (heard.notes.append(text), waiting.set())
    with FileLock(target.with_name(f".{target.name}.lock")):
        thread = threading.Thread(
            target=lambda: found.append(prepare(Taobao(), config, folders, heard))
        )
        thread.start()
        assert waiting.wait(PATIENCE)
        shutil.copytree(prepare(Taobao(), config, tiny_folders).folder, target)
    thread.join(PATIENCE)
    assert found[0].folder == target
    assert len(heard.notes) == 1
    assert "another process is preparing" in heard.notes[0]


def test_processes_that_start_together_prepare_once(tmp_path):
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from recbench.data import DataConfig, prepare
        from recbench.datasets.taobao import Taobao
        from recbench.folders import Folders
        from recbench.progress import Progress

        class Said(Progress):
            def note(self, text):
                print(text)

        cache = Path(sys.argv[1])
        prepare(Taobao(), DataConfig("taobao", size="tiny"), Folders(None, cache, cache), Said())
    """)
    command = [sys.executable, "-c", code, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(text.count("preparing taobao (time) in") for text in said) == 1
    assert len(list(tmp_path.rglob("manifest.json"))) == 1
