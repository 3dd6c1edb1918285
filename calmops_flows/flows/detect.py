"""Find out whether a Prefect API is configured, without importing Prefect."""

from __future__ import annotations

import http.client
import os
import ssl
import tomllib
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calmops_flows.errors import CalmopsError, SpecError

if TYPE_CHECKING:
    from calmops_flows.settings import Settings

HEALTH_TIMEOUT_SECONDS = 5.0


class PrefectUnreachableError(CalmopsError, ConnectionError):
    """The Prefect API that a run demands does not answer."""


def prefect_is_configured(settings: Settings) -> bool:
    """Tell whether runs belong under Prefect.

    ``CALMOPS_PREFECT`` decides with ``on`` and ``off``; ``auto`` asks whether an API
    is configured, in the environment or in Prefect's active profile.

    Raises
    ------
    SpecError
        If the file of profiles cannot be read.
    """
    if settings.prefect == "auto":
        return api_url() is not None
    return settings.prefect == "on"


def api_url() -> str | None:
    """Return the URL of the configured Prefect API, None when there is none.

    Raises
    ------
    SpecError
        If the file of profiles cannot be read.
    """
    return os.environ.get("PREFECT_API_URL") or _profile().get("PREFECT_API_URL") or None


def run_link(run_id: str | None) -> str | None:
    """Return where Prefect's UI shows a flow run, None without a server or a run.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, PREFECT_API_URL="http://127.0.0.1:4200/api"):
    ...     run_link("0f")
    'http://127.0.0.1:4200/runs/flow-run/0f'
    """
    api = api_url()
    if api is None or run_id is None:
        return None
    ui = os.environ.get("PREFECT_UI_URL") or _profile().get("PREFECT_UI_URL")
    return f"{(ui or api.removesuffix('/api')).rstrip('/')}/runs/flow-run/{run_id}"


def is_reachable(url: str) -> bool:
    """Tell whether anything answers at the API, whatever it answers."""
    parts = urllib.parse.urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=HEALTH_TIMEOUT_SECONDS)
    try:
        connection.request("GET", f"{parts.path}/health")
        connection.getresponse()
    except ssl.SSLCertVerificationError:
        return True  # somebody answers; Prefect has certificate settings of its own
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _profile() -> dict[str, Any]:
    """Return the settings of Prefect's active profile."""
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    file = Path(os.environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml").expanduser()
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as err:
        raise SpecError(f"cannot read Prefect's profiles from {str(file)!r}: {err}") from err
    name = os.environ.get("PREFECT_PROFILE") or values.get("active")
    profile = values.get("profiles", {}).get(name, {})
    return profile if isinstance(profile, dict) else {}
