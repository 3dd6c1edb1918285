"""Each command's help ends with an example, whose options the command has."""

from __future__ import annotations

import re

import pytest

from calmops_flows.cli.examples import EXAMPLES
from calmops_flows.cli.main import COMMANDS
from tests.cli.conftest import Calmops


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_ends_with_an_example_of_the_command(calmops: Calmops, name: str) -> None:
    example = EXAMPLES[name]

    text = " ".join(calmops(name, "--help").out.split())

    assert text.endswith(f"Example: {example}")
    assert text.count("Example") == 1
    assert example.startswith(f"calmops {name}")
    assert [option for option in re.findall(r"--[a-z-]+", example) if option not in text] == []
