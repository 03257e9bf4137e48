# SPDX-License-Identifier: Apache-2.0
"""Partition-key policy and validation."""
from collections import namedtuple

from . import _aep


class Family(namedtuple("Family", "name key_field reason cardinality keys_per_day_min keys_per_day_max")):
    """A row of the partition-key policy."""

    __slots__ = ()


class Finding(namedtuple("Finding", "severity code pointer field text")):
    """A fault of an envelope: severity "error" or "warning", a stable code, a JSON Pointer
    (RFC 6901), the member's name, a sentence."""

    __slots__ = ()


def families():
    """All rows of the policy."""
    return [Family(*row) for row in _aep.families()]


def family_of(name):
    """The family of an event type or topic; None if it has none."""
    row = _aep.family_of(name)
    return None if row is None else Family(*row)


def validate(envelope, strict=False):
    """Checks an envelope, whoever made it: a mapping, or JSON as text or bytes.

    Returns the findings. strict: warnings count as errors.
    """
    return [Finding(*row) for row in _aep.validate(envelope, strict)]
