"""What can go wrong with a case index, as types.

RetrievalError
  IndexUnusable
    IndexMissing         no index was ever finished in this folder
    NotAnIndex           the folder holds something that is not a case index
    IndexCorrupt         a file is changed, cut short, missing, or one too many
    OtherSchema          an index of another schema version
    EncoderMismatch      an index of another encoder's vectors, or of another dimension
    OtherSite            an index keyed with another site's secret
    IndexBusy            another build holds the folder (retryable)
    CardsUnreachable     the database that keeps the cards does not answer (retryable)
    IndexUnreachable     the server that holds the index does not answer (retryable)
  BuildRefused
    NothingToIndex       no case survived: the last good index stays
    StorageFailed        the disk refused a write: the last good index stays (retryable)
    WeakSecret           a site secret too short to hide an identity
    BadArchive           a folder of cases that cannot be read at all
    NotSigned            a folder of cases without the site's signature
    SignatureWrong       a folder of cases that is not what was signed
    ClusterFailed        the machines that embed failed: the last good index stays (retryable)
  EncoderUnusable
    EncoderUnknown       a name in the settings that names no encoder
    EncoderMissing       a file or folder of the encoder is not there
    EncoderDamaged       the encoder's files do not fit together, or hold code where numbers belong
  BadCase                one case that cannot be indexed; counted and skipped by a build
  BadVector              a vector with NaN, infinite or no length
  QueryRefused           a query that cannot be answered
  ExtraMissing           an optional package that was asked for is not installed

Raised in this folder; caught at a door, which turns `code` into problem+json. Messages never carry PHI: positions and reasons only.
"""

from __future__ import annotations

from typing import ClassVar


class RetrievalError(Exception):
    """Base of every error of the case index."""

    code: ClassVar[str] = "retrieval_error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, where: str | None = None) -> None:
        """Keep `message` (no PHI) and `where`: a file name of the index or a position such as `line 7`, never content."""
        super().__init__(message if where is None else f"{message} ({where})")
        self.where = where


class IndexUnusable(RetrievalError):
    """The index cannot be used."""

    code = "index_unusable"


class IndexMissing(IndexUnusable):
    """No index was ever finished in this folder."""

    code = "index_missing"


class NotAnIndex(IndexUnusable):
    """The folder holds something that is not a case index."""

    code = "not_an_index"


class IndexCorrupt(IndexUnusable):
    """A file of the index is changed, cut short, missing, or one too many; or a card does not belong to its vector."""

    code = "index_corrupt"


class OtherSchema(IndexUnusable):
    """An index of a schema version this program does not read."""

    code = "index_other_schema"


class EncoderMismatch(IndexUnusable):
    """The vectors are another encoder's, or of another dimension: distances to them would mean nothing."""

    code = "index_other_encoder"


class OtherSite(IndexUnusable):
    """The keys were made with another secret, so "same person" could not be recognised."""

    code = "index_other_site"


class IndexBusy(IndexUnusable):
    """Another build holds the folder."""

    code = "index_busy"
    retryable = True


class IndexUnreachable(IndexUnusable):
    """The server that holds the index does not answer, or not as it should."""

    code = "index_unreachable"
    retryable = True


class CardsUnreachable(IndexUnusable):
    """The database that keeps the cards does not answer, or refuses this program."""

    code = "index_cards_unreachable"
    retryable = True


class BuildRefused(RetrievalError):
    """The build ended without an index; the last good one stays in place."""

    code = "build_refused"


class NothingToIndex(BuildRefused):
    """No case survived the checks."""

    code = "index_empty"


class StorageFailed(BuildRefused):
    """The disk refused a write (full, read-only, failing)."""

    code = "index_storage"
    retryable = True


class WeakSecret(BuildRefused):
    """A site secret too short to hide an identity behind its hash."""

    code = "site_secret_weak"


class BadArchive(BuildRefused):
    """A folder of cases that cannot be read at all."""

    code = "bad_archive"


class EncoderUnusable(RetrievalError):
    """The encoder cannot be used."""

    code = "encoder_unusable"


class EncoderUnknown(EncoderUnusable):
    """A name in the settings that names no encoder."""

    code = "encoder_unknown"


class EncoderMissing(EncoderUnusable):
    """A file or folder of the encoder is not there, or is not to be had without a network."""

    code = "encoder_missing"


class EncoderDamaged(EncoderUnusable):
    """The encoder's files do not fit together (weights missing or left over), or hold code where numbers belong."""

    code = "encoder_damaged"


class ClusterFailed(BuildRefused):
    """The machines that embed the cases could not be reached, or failed; a build that is started again resumes."""

    code = "index_cluster_failed"
    retryable = True


class NotSigned(BuildRefused):
    """A folder of cases without the site's signature: anybody may have put them there."""

    code = "archive_not_signed"


class SignatureWrong(BuildRefused):
    """A folder of cases that is not what was signed, or was signed with another secret."""

    code = "archive_signature_wrong"


class BadCase(RetrievalError):
    """One case that cannot be indexed. `reason` is a short fixed phrase that a build counts by."""

    code = "case_rejected"

    def __init__(self, reason: str, *, where: str | None = None) -> None:
        """Keep `reason`, a fixed phrase without content of the case."""
        super().__init__(reason, where=where)
        self.reason = reason


class BadVector(RetrievalError):
    """A vector with NaN or infinite values, or whose length is not 1."""

    code = "vector_rejected"


class QueryRefused(RetrievalError):
    """A query that cannot be answered: no vector, a broken vector, k below 1."""

    code = "query_rejected"


class ExtraMissing(RetrievalError):
    """An optional package that was asked for is not installed."""

    code = "extra_missing"
