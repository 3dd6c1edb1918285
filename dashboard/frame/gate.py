"""Off loopback nobody sees a page without the token."""

from __future__ import annotations

import hmac
import os
import time

import streamlit as st

from frame.words import commands_of

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PAUSE_SECONDS = 0.5
_ADMITTED = "calmops_admitted"


def is_admitted() -> bool:
    """Say whether this visitor may see pages: on loopback, or with the token."""
    is_local = st.get_option("server.address") in LOOPBACK
    return is_local or bool(st.session_state.get(_ADMITTED))


def admit() -> None:
    """Ask for ``CALMOPS_TOKEN`` unless the server is bound to loopback; end the page without it."""
    if is_admitted():
        return
    st.title("CalmOps")
    token = os.environ.get("CALMOPS_TOKEN", "")
    if not token:
        st.error("This dashboard is bound off loopback, and no token is set.")
        commands_of("CALMOPS_TOKEN=... calmops dashboard --host ADDRESS")
        st.stop()
    given = st.text_input("Token (CALMOPS_TOKEN)", type="password", key="token")
    if given:
        if hmac.compare_digest(given.encode(), token.encode()):
            st.session_state[_ADMITTED] = True
            st.rerun()
        time.sleep(_PAUSE_SECONDS)
        st.error("That is not the token.")
    st.stop()
