"""A page: the store that it reads, the pipeline that it is about, and parts that may fail alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

import streamlit as st

from calmops_flows.errors import CalmopsError, NotFoundError
from calmops_flows.read import PipelineView, list_pipelines
from calmops_flows.read.kept import kept_store
from frame.address import pick, visit
from frame.gate import admit
from frame.words import nothing, plain

if TYPE_CHECKING:
    from calmops_flows.store.store import Store

# Streamlit's own button writes cells as they are, formulas too; each table has one that does not.
STYLE = """<style>
[data-testid="stElementToolbarButton"] button[aria-label="Download as CSV"] { display: none }
</style>"""
FIRST_STEPS = ("calmops demo", "calmops init FOLDER", "calmops apply FILE")


@contextmanager
def page(title: str) -> Iterator[Store]:
    """Open the store for one page; say what to do where there is none.

    Parameters
    ----------
    title : str
        The page's heading.

    Yields
    ------
    Store
        It stays open for other pages.
    """
    _begin(title)
    try:
        store = kept_store()
    except NotFoundError as err:
        nothing(f"There is nothing to show yet: {err}", *FIRST_STEPS)
        st.stop()
    except CalmopsError as err:
        st.error("The store cannot be read.")
        st.text(plain(err))
        st.stop()
    try:
        yield store
    except CalmopsError as err:
        failed(err)


@contextmanager
def free_page(title: str) -> Iterator[None]:
    """Begin a page that is about no store.

    Parameters
    ----------
    title : str
        The page's heading.
    """
    _begin(title)
    yield


def _begin(title: str) -> None:
    admit()  # also here: whatever runs a page past app.py shows nothing
    visit(title)
    st.html(STYLE)
    st.title(title)


@contextmanager
def part() -> Iterator[None]:
    """Let a part of a page fail without taking the others with it."""
    try:
        yield
    except CalmopsError as err:
        failed(err)


def failed(err: CalmopsError) -> None:
    """Say what could not be read."""
    st.error("This part cannot be read.")
    st.text(plain(err))


def pipelines(store: Store) -> list[PipelineView]:
    """Return all pipelines; the page ends with first steps when there are none."""
    found = list_pipelines(store)
    if not found:
        nothing("There are no pipelines yet. Start with one of these commands:", *FIRST_STEPS)
        st.stop()
    return found


def pick_pipeline(store: Store) -> PipelineView:
    """Let the user choose a pipeline; the address keeps it."""
    found = {view.name: view for view in pipelines(store)}
    return found[pick("Pipeline", list(found), "pipeline")]


def prefect_page(*parts: str) -> str | None:
    """Return the address of a page of Prefect's UI; None where Prefect is not configured."""
    base = os.environ.get("PREFECT_UI_URL") or os.environ.get("PREFECT_API_URL", "")
    base = base.rstrip("/").removesuffix("/api")
    if not base.startswith(("http://", "https://")):
        return None
    return "/".join((base, *(quote(part) for part in parts)))
