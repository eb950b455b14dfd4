"""Classes of errors by what the worker does about them."""

from everlake.catalog.errors import CatalogUnavailable
from everlake.lake import LakeUnavailable
from everlake.landing.errors import LandingDamaged
from everlake.storage import ObjectMissing, StorageUnavailable

TRANSIENT_ERRORS = (CatalogUnavailable, StorageUnavailable, LakeUnavailable)
"""Errors that pass by themselves: the work is postponed, and no attempt is counted."""

PERMANENT_ERRORS = (LandingDamaged, ObjectMissing)
"""Errors that no further attempt can correct."""
