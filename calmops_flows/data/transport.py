"""The way to object stores and other remote file systems: its errors, patience and secrets."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from calmops_flows.errors import CalmopsError, MissingExtraError, RemoteError, SpecError
from calmops_flows.spec.base import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calmops_flows.settings import Settings

# What the clients of fsspec's file systems raise besides OSError, and where it is defined.
# Looked up when something is raised: who raised it has been imported by then.
_ROOTS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("aiohttp", "ClientError"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("azure.core.exceptions", "AzureError"),
    ("paramiko.ssh_exception", "SSHException"),
)
_S3 = frozenset({"s3", "s3a"})
_QUERY = re.compile(r"\?\S*")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request may be silent, and how often it is made.

    Attributes
    ----------
    timeout_seconds : float
        A connection, or a read, that is silent for so long has failed.
    attempts : int
        Tries of a request in all, and once more as many where an answer broke off.
    """

    timeout_seconds: float = 20.0
    attempts: int = 3

    @classmethod
    def of(cls, settings: Settings) -> Patience:
        """Take the patience from the settings of the process."""
        return cls(settings.remote_timeout_seconds, settings.remote_attempts)


def open_system(url: str, patience: Patience, *, named: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the root inside it.

    Parameters
    ----------
    url : str
        For example ``s3://bucket/folder``.
    patience : Patience
        Bounds each request; as yet for S3 only, other clients keep their own bounds.
    named : str
        Who named the URL, for example ``source.path``.

    Returns
    -------
    system : fsspec.AbstractFileSystem
        The file system; it answers from no cached listing.
    root : str
        Path of the URL in it.

    Raises
    ------
    MissingExtraError
        If the package for this kind of URL is not installed.
    SpecError
        If no such kind of URL is known.
    """
    from fsspec.core import url_to_fs

    kind = url.split(":", 1)[0]
    try:
        system, root = url_to_fs(url, **_options(kind, patience))
    except ImportError as err:
        raise MissingExtraError(
            f"{named} {kind}://… needs another package ({err}): pip install 'calmops-flows[{kind}]'"
        ) from err
    except ValueError as err:
        raise SpecError(f"{named} has an unknown kind of URL, {kind!r}") from err
    if kind in _S3:
        system.retries = min(patience.attempts, 2)  # each of them makes ``attempts`` requests
    system.invalidate_cache()
    return system, str(root).rstrip("/")


@contextmanager
def reaching(url: str, doing: str, *, error: type[CalmopsError] = RemoteError) -> Iterator[None]:
    """Turn whatever the way to a URL raises into one error.

    FileNotFoundError passes: what is not there is the caller's to judge.

    Parameters
    ----------
    url : str
        Its secrets are left out of the message.
    doing : str
        What is done, for example ``"list"``.
    error : type
        What is raised.

    Raises
    ------
    RemoteError
        Or the ``error`` that was asked for.
    """
    try:
        yield
    except (CalmopsError, FileNotFoundError):
        raise
    except _trouble() as err:
        raise error(f"cannot {doing} {without_secrets(url)}: {_cause(err, url)}") from err


def _trouble() -> tuple[type[Exception], ...]:
    """Return the roots of what the imported clients raise."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in _ROOTS)
    return (OSError, EOFError, *(root for root in found if root is not None))


def without_secrets(url: str) -> str:
    """Return a URL without its password and its query, which may hold a signature.

    Examples
    --------
    >>> without_secrets("ftp://ann:s3/cr@t@host/in?sig=abc")
    'ftp://ann:***@host/in?***'
    >>> without_secrets("s3://bucket/in")
    's3://bucket/in'
    """
    return _QUERY.sub("?***", PASSWORD.sub(r"://\1:***@", url))


def _cause(err: Exception, url: str) -> str:
    """Say in one line what went wrong; no secret of the URL is in it."""
    text = " ".join(str(err).split()) or type(err).__name__
    text = text.replace(url, without_secrets(url))
    password = PASSWORD.search(url)
    if password is not None and password[2]:
        text = text.replace(password[2], "***")
    return text


def _options(kind: str, patience: Patience) -> dict[str, Any]:
    """Return what bounds a client's requests; what the user configured for fsspec stands."""
    if kind not in _S3:
        return {}
    from fsspec.config import conf

    # s3fs repeats what broke on the way, botocore what the server refused as busy or broken.
    bounds = {
        "connect_timeout": patience.timeout_seconds,
        "read_timeout": patience.timeout_seconds,
        "retries": {"mode": "standard", "total_max_attempts": patience.attempts},
    }
    configured = conf.get(kind, {}).get("config_kwargs", {})
    return {"config_kwargs": {**bounds, **configured}, "use_listings_cache": False}
