"""What all parts of a spec share."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict

# User and password of `scheme://user:password@host`.
PASSWORD = re.compile(r"://([^:/@\s]*):(\S*)@")


class Part(BaseModel):
    """Base of all parts: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
