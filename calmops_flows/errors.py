"""Every error of the package: one root, and the builtin that each specialises."""

from __future__ import annotations


class CalmopsError(Exception):
    """Root of all errors that this package raises on purpose."""


class SpecError(CalmopsError, ValueError):
    """A pipeline spec, policy or setting does not say something valid."""


class NameConflictError(CalmopsError, ValueError):
    """Something of that name is already there and may not be replaced."""


class NotFoundError(CalmopsError, LookupError):
    """A pipeline, snapshot or version of that name does not exist."""


class MissingExtraError(CalmopsError, ImportError):
    """An optional dependency is not installed; the message names the extra."""


class SnapshotError(CalmopsError, ValueError):
    """A file cannot become a snapshot; it is quarantined with this reason.

    Parameters
    ----------
    reason : str
        Short stable code, for example ``"parquet_footer"``.
    detail : str
        What was expected, what was found, and where (line, byte, column).
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[SnapshotError], tuple[str, str]]:
        """Rebuild from both parts, so that the error crosses processes."""
        return type(self), (self.reason, self.detail)


class NotReadyError(SnapshotError):
    """A file is not whole yet or changed while it was read: wait, do not judge."""


class TooFewRowsError(CalmopsError, ValueError):
    """A statistic needs more rows than it was given."""


class ProfileError(CalmopsError, ValueError):
    """A profile cannot be read, or two profiles cannot be merged or compared."""


class ModelError(CalmopsError, ValueError):
    """An estimator cannot be built, fitted or used."""


class UntestableError(CalmopsError, ValueError):
    """A metric or test is undefined on these data; the message says why."""


class StoreError(CalmopsError, RuntimeError):
    """The store cannot be reached, read or written."""


class SchemaVersionError(StoreError):
    """The database has a schema that this version does not know."""


class LeaseLostError(StoreError):
    """Another worker holds the pipeline now; nothing of this run was committed."""


class StaleRunError(StoreError):
    """Spec, champion or breaker changed under the run; nothing was committed."""


class ArtifactError(CalmopsError, OSError):
    """An artifact cannot be read or written."""


class DigestMismatchError(ArtifactError):
    """The bytes of an artifact do not hash to the digest in the database."""


class RemoteError(CalmopsError, OSError):
    """An object store or other remote file system cannot be reached, or refuses.

    Nothing is wrong with the files there: the run ends, and the next one tries again.
    """


class UnreachableArtifactsError(ArtifactError, RemoteError):
    """The object store of the artifacts cannot be reached, or refuses."""
