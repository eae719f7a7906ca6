import errno
import os

import pytest

from recbench.claim import Claim, require_room, sole
from recbench.errors import RecbenchError


def test_one_process_holds_a_claim_and_its_file_goes_with_it(tmp_path):
    path, other = tmp_path / ".runs/key.lock", Claim(tmp_path / ".runs/key.lock")
    busy = []
    with sole(path, lambda: busy.append(True)):
        assert not other.take()
    assert not path.exists()
    assert other.take()
    other.release()
    assert not busy


def test_the_lock_of_a_process_that_was_killed_blocks_nobody(tmp_path):
    path = tmp_path / "key.lock"
    if (child := os.fork()) == 0:
        Claim(path).take()
        os._exit(0)
    os.waitpid(child, 0)
    assert path.exists()
    assert Claim(path).take()


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_anew(tmp_path):
    path = tmp_path / "key.lock"
    first, second = Claim(path), Claim(path)
    assert first.take()
    path.unlink()
    assert second.take()
    assert path.exists()


def test_room_is_made_sure_of_and_given_back(tmp_path, monkeypatch):
    require_room(tmp_path / "results", 1 << 20)
    assert not list((tmp_path / "results").iterdir())

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(RecbenchError, match="No space left on device; free some space"):
        require_room(tmp_path / "results", 1 << 20)
    assert not list((tmp_path / "results").iterdir())


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").touch()
    for take in (Claim(tmp_path / "file/x.lock").take, lambda: require_room(tmp_path / "file", 1)):
        with pytest.raises(RecbenchError, match="cannot write to .*file: .*--results"):
            take()
