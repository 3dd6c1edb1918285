"""Text that is only text, and what stands where there is nothing to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

from calmops_flows.logs import inert


def plain(text: object) -> str:
    r"""Return text without power over a page: control characters become escapes."""
    return inert(str(text))


def when(at: str | None) -> str:
    """Return a stored time to the second."""
    return "" if at is None else at[:19].replace("T", " ")


def nothing(why: str, *commands: str) -> None:
    """Say why there is nothing to show, and the exact commands that change it."""
    st.info(plain(why))
    if commands:
        commands_of(*commands)


def commands_of(*lines: str) -> None:
    """Print commands, one below the other.

    As code within text: a block of code makes the browser load 1.5 MB that colours it.
    """
    st.markdown("  \n".join(f"`{plain(line).replace('`', '?')}`" for line in lines))


def sentences(lines: Iterable[str]) -> None:
    """Write sentences one below the other, as text and never as markup."""
    for line in lines:
        st.text(plain(line))


def figures(values: Mapping[str, object]) -> None:
    """Show a few figures side by side; on a narrow screen they wrap instead of filling it."""
    with st.container(horizontal=True, gap="medium"):
        for label, value in values.items():
            st.metric(label, str(value), width="content")


def number(value: float | str | None) -> str:
    """Return a number with four digits, or text as it is."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, (int, float)) else plain(value)


def note(text: str) -> None:
    """Write a remark as text: captions of Streamlit are markup, and too pale to read for some."""
    st.text(plain(text))
