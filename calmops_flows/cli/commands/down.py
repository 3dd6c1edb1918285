"""``calmops down``."""

from __future__ import annotations


def down() -> None:
    """End exactly the services that `calmops up` has started for this home."""
    from calmops_flows.cli.output import say
    from calmops_flows.services import pm2, stop_tree
    from calmops_flows.settings import load_settings

    home = load_settings().home.expanduser().absolute()
    kept = pm2.find(home)
    if kept is not None:
        pm2.stop(home, kept)
        say(f"Ended {len(kept.names)} services that PM2 kept.")
        return
    say(f"Ended the services of process {stop_tree(home).pid}.")
