"""Run one page of the dashboard without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
PAGES = tuple(sorted(path.stem for path in (APP.parent / "views").glob("*.py")))
# These are about no pipeline of the store.
WITHOUT_STORE = frozenset({"simulator"})
OF_PIPELINES = tuple(name for name in PAGES if name not in WITHOUT_STORE)


def page(name: str, **query: str) -> AppTest:
    """Open a page, and the tables on it, with what its address says; the overview by app.py."""
    from streamlit.testing.v1 import AppTest

    script = APP if name == "overview" else APP.parent / "views" / f"{name}.py"
    app = AppTest.from_file(str(script), default_timeout=60)
    for key, value in {"numbers": "open", **query}.items():
        app.query_params[key] = value
    return app.run()


def said(app: AppTest) -> str:
    """Return all text of a page."""
    parts = (
        app.markdown,
        app.info,
        app.text,
        app.caption,
        app.code,
        app.error,
        app.subheader,
        app.title,
    )
    return "\n".join(str(element.value) for part in parts for element in part)


def commands(app: AppTest) -> list[str]:
    """Return the commands that a page prints, each a line of code."""
    lines = [line for element in app.markdown for line in str(element.value).splitlines()]
    return [line.strip().strip("`") for line in lines if line.startswith("`")]
