"""One rotating log file per pipeline; one line per record, whatever it holds."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

from calmops_flows.errors import SpecError

LOGGER = "calmops_flows"
MAX_BYTES = 5 * 2**20
BACKUPS = 3
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_FILE_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")


def inert(text: str) -> str:
    r"""Return text on one line and without power over a terminal.

    Control characters, line separators, invisible formatting characters and
    undecodable bytes become backslash escapes; letters of all scripts stay.

    Examples
    --------
    >>> inert("a\nb \x1b[31mred")
    'a\\nb \\x1b[31mred'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def no_formula(text: str) -> str:
    """Return text that no spreadsheet takes for a formula.

    Examples
    --------
    >>> no_formula("=1+1"), no_formula("total")
    ("'=1+1", 'total')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


class OneLineFormatter(logging.Formatter):
    """Formats a record, traceback included, as one inert line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        return inert(super().format(record))


@contextmanager
def pipeline_log(folder: Path, pipeline: str) -> Iterator[Path]:
    """Write what the package logs to the pipeline's own file, within the block.

    A block within another one for the same file writes nothing twice.

    Parameters
    ----------
    folder : Path
        Folder of the log files; it is made when the first record comes.
    pipeline : str
        Name of the pipeline, and of its file.

    Yields
    ------
    Path
        The file: at most 5 MiB, with three older ones beside it.

    Raises
    ------
    SpecError
        If the name would lead out of the folder.
    """
    if not _FILE_NAME.match(pipeline):
        raise SpecError(f"expected the name of a pipeline, got {pipeline!r}")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / f"{pipeline}.log"
    logger = logging.getLogger(LOGGER)
    if _is_attached(logger, file):
        yield file
        return
    handler = RotatingFileHandler(
        file, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", delay=True
    )
    handler.setFormatter(OneLineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    if not logger.isEnabledFor(logging.INFO):
        logger.setLevel(logging.INFO)
    try:
        yield file
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        handler.close()


def _is_attached(logger: logging.Logger, file: Path) -> bool:
    wanted = str(file.absolute())
    return any(getattr(handler, "baseFilename", None) == wanted for handler in logger.handlers)
