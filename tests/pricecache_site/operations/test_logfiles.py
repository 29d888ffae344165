"""Log files of bounded size."""

import io
import logging
import re
from contextlib import closing
from typing import Any

import pytest
from django.conf import settings

from pricecache_site.operations.logfiles import LineFormatter, LineLog, rotate


class TestRotate:
    def test_leaves_a_small_file_and_a_missing_one(self, tmp_path):
        (tmp_path / "log").write_text("12345")

        assert not rotate(tmp_path / "log", max_bytes=5, keep=2)
        assert not rotate(tmp_path / "none", max_bytes=5, keep=2)

    def test_keeps_the_newest_files(self, tmp_path):
        for number in range(4):
            (tmp_path / "log").write_text(f"file {number}")
            assert rotate(tmp_path / "log", max_bytes=5, keep=2)

        found = {path.name: path.read_text() for path in tmp_path.iterdir()}
        assert found == {"log.1": "file 3", "log.2": "file 2"}


class TestLineFormatter:
    """As the settings use it for everything that is logged."""

    @pytest.fixture
    def written(self):
        """Logs to a text with the settings' formatter, and returns the text."""
        used: Any = settings.LOGGING["formatters"]
        assert used["line"]["()"].endswith(".LineFormatter")
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(LineFormatter("%(levelname)s %(name)s: %(message)s"))
        logger = logging.Logger("prices.test")
        logger.addHandler(handler)
        return lambda act: (act(logger), stream.getvalue())[1]

    def test_writes_one_event_as_one_line(self, written):
        text = written(
            lambda logger: logger.warning("path %s", "/a\r\nERROR forged\x1b[2J\u202e\x85é")
        )

        assert text == "WARNING prices.test: path /a\\r\\nERROR forged\\x1b[2J\\u202e\\x85é\n"

    def test_indents_a_traceback(self, written):
        def fail(logger):
            try:
                raise ValueError("bad\nERROR forged\x1b[2J")
            except ValueError:
                logger.exception("It failed.")

        first, *others = written(fail).splitlines()

        assert first == "ERROR prices.test: It failed."
        assert all(line.startswith("    ") for line in others)
        assert others[-2:] == ["    ValueError: bad", "    ERROR forged\\x1b[2J"]


class TestLineLog:
    def test_stamps_each_line(self, tmp_path):
        with closing(LineLog(tmp_path / "log")) as log:
            log.write(["one", "100 %s"])

        one, two = (tmp_path / "log").read_text().splitlines()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} one", one)
        assert two.endswith(" 100 %s")

    def test_never_outgrows_three_files(self, tmp_path):
        with closing(LineLog(tmp_path / "log")) as log:
            log.maxBytes = 100
            log.write(f"line {number}" for number in range(50))

        assert {path.name for path in tmp_path.iterdir()} == {"log", "log.1", "log.2"}
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 300
        assert "line 49" in (tmp_path / "log").read_text()

    def test_ignores_a_folder_that_cannot_be_written(self, tmp_path, capsys):
        LineLog(tmp_path / "none" / "log").write(["lost"])

        assert capsys.readouterr().err == ""
