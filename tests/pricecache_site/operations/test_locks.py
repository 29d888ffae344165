"""Lock files that name their holder, and the check whether a port can be used."""

import os
import socket
import threading

import pytest

from pricecache_site.operations.locks import (
    LockHeldError,
    explain_unbindable,
    hold_lock,
    is_locked,
    read_pid,
)


class TestHoldLock:
    def test_writes_the_process_id_into_the_file(self, tmp_path):
        with hold_lock(tmp_path / "run" / "x.lock"):
            assert read_pid(tmp_path / "run" / "x.lock") == os.getpid()

    def test_names_the_holder(self, tmp_path):
        with (
            hold_lock(tmp_path / "x.lock"),
            pytest.raises(LockHeldError, match=f"is locked by process {os.getpid()}"),
        ):
            hold_lock(tmp_path / "x.lock")

    def test_waits_until_the_holder_releases_it(self, tmp_path):
        holder = hold_lock(tmp_path / "x.lock")
        threading.Timer(0.3, holder.close).start()

        hold_lock(tmp_path / "x.lock", wait=30).close()


class TestIsLocked:
    def test_follows_the_holder(self, tmp_path):
        with hold_lock(tmp_path / "x.lock"):
            assert is_locked(tmp_path / "x.lock")

        assert not is_locked(tmp_path / "x.lock")

    def test_is_false_without_a_file(self, tmp_path):
        assert not is_locked(tmp_path / "x.lock")


@pytest.mark.parametrize("content", ["", "no number"])
def test_read_pid_returns_zero_if_there_is_none(tmp_path, content):
    (tmp_path / "x.lock").write_text(content)

    assert read_pid(tmp_path / "x.lock") == 0


class TestExplainUnbindable:
    def test_returns_none_for_a_free_port(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

        assert explain_unbindable("127.0.0.1", port) is None

    def test_recognizes_a_taken_port(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            reason = explain_unbindable("127.0.0.1", server.getsockname()[1])

        assert reason == "is taken by another program"

    @pytest.mark.parametrize("host", ["203.0.113.1", "a" * 80], ids=["foreign", "too long"])
    def test_recognizes_an_address_of_another_machine(self, host):
        assert explain_unbindable(host, 22_999) == "is not an address of this machine"
