"""The Typer app ``calmops``: its commands, exit codes and signals."""

from __future__ import annotations

import errno
import logging
import signal
import sys
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

import calmops_flows
from calmops_flows.cli.commands.apply import apply
from calmops_flows.cli.commands.audit import audit
from calmops_flows.cli.commands.backtest import backtest
from calmops_flows.cli.commands.backup import backup
from calmops_flows.cli.commands.calibrate import calibrate
from calmops_flows.cli.commands.card import card
from calmops_flows.cli.commands.contract import contract
from calmops_flows.cli.commands.dashboard import dashboard
from calmops_flows.cli.commands.delete import delete
from calmops_flows.cli.commands.demo import demo
from calmops_flows.cli.commands.deploy import deploy
from calmops_flows.cli.commands.down import down
from calmops_flows.cli.commands.drift import drift
from calmops_flows.cli.commands.explain import explain
from calmops_flows.cli.commands.export import export
from calmops_flows.cli.commands.fsck import fsck
from calmops_flows.cli.commands.generate import generate
from calmops_flows.cli.commands.history import history
from calmops_flows.cli.commands.import_ import import_
from calmops_flows.cli.commands.init import init
from calmops_flows.cli.commands.listing import listing
from calmops_flows.cli.commands.modes import modes
from calmops_flows.cli.commands.promote import promote
from calmops_flows.cli.commands.quarantine import quarantine
from calmops_flows.cli.commands.relaunch import relaunch
from calmops_flows.cli.commands.report import report
from calmops_flows.cli.commands.retain import retain
from calmops_flows.cli.commands.rollback import rollback
from calmops_flows.cli.commands.run import run
from calmops_flows.cli.commands.schema import schema
from calmops_flows.cli.commands.serve import serve
from calmops_flows.cli.commands.show import show
from calmops_flows.cli.commands.status import status
from calmops_flows.cli.commands.tutorials import tutorials
from calmops_flows.cli.commands.up import up
from calmops_flows.cli.commands.update import update
from calmops_flows.cli.commands.watch import watch
from calmops_flows.cli.examples import EXAMPLES
from calmops_flows.cli.output import is_debugging, tell
from calmops_flows.errors import CalmopsError, NotFoundError, SpecError
from calmops_flows.logs import LOGGER, OneLineFormatter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

FAILED, WRONG_USE = 1, 2
FREE = {"allow_extra_args": True, "ignore_unknown_options": True}
COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo,
    "init": init,
    "apply": apply,
    "deploy": deploy,
    "run": run,
    "watch": watch,
    "up": up,
    "down": down,
    "list": listing,
    "status": status,
    "show": show,
    "history": history,
    "explain": explain,
    "drift": drift,
    "report": report,
    "calibrate": calibrate,
    "backtest": backtest,
    "contract": contract,
    "quarantine": quarantine,
    "update": update,
    "relaunch": relaunch,
    "rollback": rollback,
    "promote": promote,
    "delete": delete,
    "retain": retain,
    "audit": audit,
    "card": card,
    "fsck": fsck,
    "backup": backup,
    "export": export,
    "import": import_,
    "serve": serve,
    "dashboard": dashboard,
    "modes": modes,
    "tutorials": tutorials,
    "schema": schema,
}

app = typer.Typer(
    name="calmops",
    help="Watch arriving data, tell drift from noise, retrain, and explain every decision.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for _name, _command in COMMANDS.items():
    app.command(
        _name,
        epilog=f"Example: {EXAMPLES.get(_name, '')}",
        # `update` takes key=value and historical flags, which only it understands.
        context_settings=FREE if _name == "update" else None,
    )(_command)

app.add_typer(generate, name="generate")


def _print_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"calmops {calmops_flows.__version__}")
        raise typer.Exit


@app.callback()
def top(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log every decision to stderr.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda value: _print_version(wanted=value),
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """Watch arriving data, tell drift from noise, retrain, and explain every decision."""
    if verbose:
        logger = logging.getLogger(LOGGER)
        logger.setLevel(logging.INFO)
        for handler in logger.handlers:
            handler.setLevel(logging.INFO)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the process's exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        0 done, 1 failed, 2 wrong use, 130 after Ctrl-C, 143 after SIGTERM.
    """
    with _signals(), _log_to_stderr():
        try:
            app(args=None if arguments is None else list(arguments), prog_name="calmops")
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        except (SpecError, NotFoundError) as err:
            return _report(err, WRONG_USE)
        except CalmopsError as err:
            return _report(err, FAILED)
        except OSError as err:
            return _report(_named(err), FAILED)
        except MemoryError as err:
            said = f"out of memory: {err}" if str(err) else "out of memory"
            return _report(MemoryError(f"{said}; smaller files need less"), FAILED)
    return 0


def _named(err: OSError) -> OSError:
    """Say in words which file it was, where the system tells."""
    if err.filename is None or err.strerror is None:
        return err
    advice = {
        errno.ENOENT: "; is its folder there?",
        errno.EACCES: "; who may read and write there?",
        errno.ENOSPC: "; make room, and run it again",
    }
    return OSError(f"{err.filename!r}: {err.strerror}{advice.get(err.errno or 0, '')}")


def _report(err: BaseException, code: int) -> int:
    """Say what went wrong in one line; the traceback is for those who ask."""
    if is_debugging():
        traceback.print_exception(err, file=sys.stderr)
    tell(f"calmops: {' '.join(str(err).split()) or type(err).__name__}")
    return code


@contextmanager
def _signals() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into an exit that unwinds, so that a drain gives its lease back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextmanager
def _log_to_stderr() -> Iterator[None]:
    logger = logging.getLogger(LOGGER)
    level = logger.level
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(OneLineFormatter("%(levelname)s: %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


if __name__ == "__main__":
    sys.exit(main())
