"""Functions of the user: loaded from verified text, with errors that name file and line."""

from __future__ import annotations

import ast
import importlib
import inspect
import traceback
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from calmops_flows.errors import ModelError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a function is: a file, or an importable module, and the function's name."""

    place: str
    name: str

    @property
    def is_file(self) -> bool:
        """Whether the place is the path of a Python file."""
        return self.place.endswith(".py")


def parse_reference(text: str) -> Reference:
    """Read ``module:function`` or ``path.py:function``.

    Raises
    ------
    SpecError
        If it has another form.

    Examples
    --------
    >>> parse_reference("prep.py:clean")
    Reference(place='prep.py', name='clean')
    """
    place, colon, name = text.rpartition(":")
    if not colon or not place or not name.isidentifier():
        raise SpecError(f"expected module:function or path.py:function, got {text!r}")
    return Reference(place, name)


def check_source(reference: Reference, source: str, n_arguments: frozenset[int]) -> None:
    """Check that a file defines a function, without running it.

    Raises
    ------
    SpecError
        If it is no Python, defines no such function, or the function takes other numbers of
        positional arguments.
    """
    try:
        tree = ast.parse(source, filename=reference.place)
    except (SyntaxError, ValueError) as err:
        raise SpecError(f"{reference.place}: {err}") from err
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == reference.name]
    if not found:
        raise SpecError(f"{reference.place} defines no function {reference.name!r}")
    arguments = found[-1].args
    most = len(arguments.posonlyargs) + len(arguments.args)
    least = most - len(arguments.defaults)
    if not any(least <= n <= most for n in n_arguments) and arguments.vararg is None:
        wanted = " or ".join(map(str, sorted(n_arguments)))
        raise SpecError(
            f"{reference.place}:{found[-1].lineno}: {reference.name}() must take {wanted} "
            f"arguments, it takes {most}"
        )


def load_function(
    reference: Reference, source: str | None, *, trusted: frozenset[str]
) -> Callable[..., Any]:
    """Load a function.

    Parameters
    ----------
    reference : Reference
        Where it is.
    source : str or None
        Text of the file, verified by its digest; None for an importable module.
    trusted : frozenset of str
        Top-level packages that an importable module may come from.

    Returns
    -------
    callable
        The function.

    Raises
    ------
    SpecError
        If the module is not trusted or not there, or has no such function.
    ModelError
        If running the file raised; the message names its line.
    """
    if source is None:
        found = getattr(_imported(reference, trusted), reference.name, None)
    else:
        module = ModuleType("calmops_user_code")
        module.__file__ = reference.place
        code = compile(source, reference.place, "exec")
        call_user(reference, exec, code, module.__dict__)
        found = getattr(module, reference.name, None)
    if not callable(found):
        raise SpecError(f"{reference.place} has no function {reference.name!r}")
    function: Callable[..., Any] = found
    return function


def call_user(reference: Reference, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call user code; whatever it raises becomes an error that names file and line.

    Raises
    ------
    ModelError
        If it raised anything but an exit or an interrupt.
    """
    try:
        return function(*arguments)
    except Exception as err:
        frames = traceback.extract_tb(err.__traceback__)
        own = [frame for frame in frames if frame.filename == reference.place] or frames
        where = f"{own[-1].filename}:{own[-1].lineno}"
        lines = str(err).strip().splitlines()
        said = lines[0][:200] if lines else "no message"
        raise ModelError(f"{where}: {type(err).__name__}: {said}") from err


def n_positional(function: Callable[..., Any]) -> int:
    """Return how many positional arguments a function needs."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return sum(p.kind in kinds and p.default is p.empty for p in parameters)


def _imported(reference: Reference, trusted: frozenset[str]) -> ModuleType:
    package = reference.place.partition(".")[0]
    if package not in trusted:
        raise SpecError(
            f"{reference.place!r} is not trusted: name its package in CALMOPS_TRUSTED_MODULES, or "
            "give the function as path.py:function"
        )
    try:
        return importlib.import_module(reference.place)
    except ImportError as err:
        raise SpecError(f"{reference.place!r} cannot be imported: {err}") from err
