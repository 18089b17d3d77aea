"""Errors that a person can act on: each says what was expected, what came, where, and what to do."""

from __future__ import annotations


class ArrearsError(Exception):
    """Base of all errors of the library.

    The four parts are kept as attributes so that callers (task logs, the page, the command line) can show
    them apart. None of them may carry personal data: name keys, tables, files and lines instead.
    """

    def __init__(self, *, expected: str, found: str, where: str, action: str) -> None:
        self.expected = expected
        self.found = found
        self.where = where
        self.action = action
        super().__init__(f"{where}: expected {expected}; found {found}. {action}")


class SettingsError(ArrearsError):
    """A setting is missing or cannot be used."""


class LedgerError(ArrearsError):
    """The lender's ledger does not keep the ledger contract."""


class QualityError(ArrearsError):
    """The quality gate is shut: the pulled ledger may not be published."""


class RulesError(ArrearsError):
    """A rule file is wrong."""


class ModelError(ArrearsError):
    """A SQL model cannot be read, bound or run."""


class LakeError(ArrearsError):
    """A partition of the lake is missing, locked or damaged."""


class NotPublishedError(LakeError):
    """A reader asked for an area of a day that is not published, or that has changed since."""


class OutOfOrderError(ArrearsError):
    """A step needs the day before, and the day before is not there yet."""


class AllocationError(ArrearsError):
    """Cases cannot be allocated as asked."""


class WarehouseError(ArrearsError):
    """The warehouse is not reachable, not migrated, or refuses what was asked."""


class ChannelError(ArrearsError):
    """A channel cannot be used as it is set up."""
