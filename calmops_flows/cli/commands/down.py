"""``calmops down``."""

from __future__ import annotations


def down() -> None:
    """End exactly the services that `calmops up` has started for this home."""
    from calmops_flows.cli.output import say
    from calmops_flows.services import stop_tree
    from calmops_flows.settings import load_settings

    tree = stop_tree(load_settings().home.expanduser().absolute())
    say(f"Ended the services of process {tree.pid}.")
