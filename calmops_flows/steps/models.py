"""Models in the artifact store: one artifact, or one per part under an index."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from calmops_flows.errors import ArtifactError
from calmops_flows.learning.serialise import dump_model, load_model
from calmops_flows.store.encoding import canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from calmops_flows.store.artifacts import ArtifactStore

_INDEX = b'{"calmops_parts":1,'
# Parts that were loaded or kept already: writing out an unchanged one again costs as much as
# its fit. A fitted part is never changed in place.
_kept: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def keep_model(artifacts: ArtifactStore, model: Any) -> str:
    """Write a fitted model, and return the digest to load it by.

    A model per block becomes one artifact for each part, and an index that names their
    digests: a part that did not change keeps its artifact.

    Raises
    ------
    ModelError
        If it cannot be pickled.
    ArtifactError
        If the store cannot be written.
    """
    if not hasattr(model, "split_parts"):
        return artifacts.put(dump_model(model))
    shell, parts = model.split_parts()
    index = {
        "calmops_parts": 1,
        "parts": {name: _keep_part(artifacts, part) for name, part in sorted(parts.items())},
        "shell": artifacts.put(dump_model(shell)),
    }
    return artifacts.put(canonical_json(index).encode())


def read_model(
    artifacts: ArtifactStore, digest: str, *, load: Callable[[bytes], Any] = load_model
) -> Any:
    """Load a model by the digest that `keep_model` returned; every part's bytes are verified.

    Parameters
    ----------
    artifacts : ArtifactStore
        Where it lies.
    digest : str
        What `keep_model` returned.
    load : callable
        From verified bytes to a model.

    Raises
    ------
    DigestMismatchError
        If bytes were changed; nothing is unpickled then.
    ArtifactError
        If a part is not there.
    ModelError
        If the bytes are no model.
    """
    content = artifacts.get(digest)
    if not content.startswith(_INDEX):
        return load(content)
    named = part_digests(content)
    parts = {name: load(artifacts.get(part)) for name, part in named["parts"].items()}
    for name, part in parts.items():
        _kept[part] = named["parts"][name]
    shell = load(artifacts.get(named["shell"]))
    return shell.join_parts(parts)


def named_parts(artifacts: ArtifactStore, digest: str) -> dict[str, str]:
    """Return what a manifest says of a model's parts: digest by part; empty for a whole one."""
    index = part_digests(artifacts.get(digest))
    if not index:
        return {}
    parts = {f"block {name}" if name else "global": at for name, at in index["parts"].items()}
    return {**parts, "shell": index["shell"]}


def part_digests(content: bytes) -> dict[str, Any]:
    """Return what an index names: ``parts`` (digest by name) and ``shell``; empty for others."""
    if not content.startswith(_INDEX):
        return {}
    try:
        index: dict[str, Any] = json.loads(content)
    except ValueError as err:
        raise ArtifactError(f"the artifact is no index of a model's parts: {err}") from err
    return index


def _keep_part(artifacts: ArtifactStore, part: Any) -> str:
    digest = _kept.get(part)
    if digest is None or not artifacts.exists(digest):
        digest = artifacts.put(dump_model(part))
        _kept[part] = digest
    return digest
