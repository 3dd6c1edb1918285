"""Free ports on the loopback interface, each given once."""

from __future__ import annotations

import random
import socket
from pathlib import Path

MOST_PORTS = 10_000
_LOWEST, _HIGHEST = 10_000, 65_535


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on, and that nobody else is given.

    It lies outside the range from which the kernel takes ports for outgoing connections: one of
    those could be taken before a server of the test listens. A socket in Linux's abstract
    namespace keeps it for this process, until it ends, whatever other test processes ask.
    """
    candidates = _quiet_ports()
    for port in random.SystemRandom().sample(candidates, len(candidates)):
        if _is_free(port) and _claim(port):
            return port
    raise RuntimeError("no TCP port of 127.0.0.1 is free; end the servers that are left over")


def _quiet_ports() -> range:
    """Return the longer range beside that of outgoing connections, all when there is none."""
    setting = Path("/proc/sys/net/ipv4/ip_local_port_range")
    low, high = (int(word) for word in setting.read_text().split())
    below = range(max(_LOWEST, low - MOST_PORTS), low)
    above = range(high + 1, _HIGHEST + 1)
    return max(below, above, key=len) or range(_LOWEST, _HIGHEST + 1)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _claim(port: int) -> bool:
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0calmops-test-port-{port}")
    except OSError:
        claim.close()
        return False
    claim.detach()  # open until the process ends
    return True
