# SPDX-License-Identifier: Apache-2.0
"""Checks of event envelopes. The rules are aep's; each function looks at its part of them."""
from dataclasses import dataclass, field

import aep


@dataclass
class ValidationResult:
    """is_valid: no errors; errors, warnings: a line each."""

    is_valid: bool = True
    errors: list = field(default_factory=list)
    warnings: list = field(default_factory=list)

    def add_error(self, message):
        """One more error: not valid any more."""
        self.errors.append(message)
        self.is_valid = False

    def add_warning(self, message):
        """One more warning."""
        self.warnings.append(message)

    def merge(self, other):
        """Takes over another result's lines."""
        self.is_valid = self.is_valid and other.is_valid
        self.errors.extend(other.errors)
        self.warnings.extend(other.warnings)


def _check(envelope, fields=None):
    """The findings about an envelope or, of them, those about some fields."""
    result = ValidationResult()
    for finding in aep.validate(envelope):
        if fields is None or finding.field in fields:
            add = result.add_error if finding.severity == "error" else result.add_warning
            add(f"{finding.pointer or '/'}: {finding.text}")
    return result


def _sample(**members):
    """An envelope in which only the given members can be wrong."""
    event_id = aep.new_id()
    return dict({"event_type": "omninode.sample.event.made.v1", "event_id": event_id,
                 "timestamp": "2025-01-01T00:00:00Z", "source": "sample",
                 "correlation_id": event_id, "causation_id": event_id, "payload": {}}, **members)


def validate_event_envelope(envelope):
    """Whether all that is required is there, of the right type."""
    return _check(envelope)


def validate_full_event(envelope, validate_uuid_fields=True, validate_naming=True,
                        strict_naming=False):
    """All checks; without validate_uuid_fields or validate_naming, all but those about ids or about
    the event type. strict_naming: warnings are errors."""
    left_out = set() if validate_uuid_fields else {"event_id", "correlation_id", "causation_id"}
    if not validate_naming:
        left_out.add("event_type")
    result = ValidationResult()
    for finding in aep.validate(envelope, strict_naming):
        if finding.field in left_out and finding.code not in ("missing", "blank", "null", "type"):
            continue
        add = result.add_error if finding.severity == "error" else result.add_warning
        add(f"{finding.pointer or '/'}: {finding.text}")
    return result


def validate_uuid_field(value, field_name):
    """Whether a value is a UUID in canonical form."""
    result = _check(_sample(event_id=value), {"event_id"})
    result.errors = [line.replace("event_id", field_name) for line in result.errors]
    result.warnings = []  # of its version
    return result


def validate_timestamp_field(timestamp):
    """Whether it is RFC 3339."""
    return _check(_sample(timestamp=timestamp), {"timestamp"})


def validate_event_naming(event_type, strict=True):
    """Whether it is an event type: a.b.c.vN. strict=False also takes PREFIX_ENTITY_ACTION."""
    if not strict and isinstance(event_type, str) and "_" in event_type and event_type.isascii() \
            and event_type[0].isalpha() and event_type == event_type.upper() \
            and event_type.replace("_", "").isalnum():
        return ValidationResult()
    return _check(_sample(event_type=event_type), {"event_type"})


def validate_schema_reference(schema_ref):
    """Whether it has the form registry://a/b/c/vN."""
    words = schema_ref.partition("://")[2].split("/") if isinstance(schema_ref, str) else []
    return _check(_sample(schema_ref=schema_ref, event_type=".".join(words)), {"schema_ref"})


def validate_partition_key_policy(event_type, partition_key, envelope=None):
    """Warns of a key that is missing or differs from the envelope's correlation_id."""
    result = ValidationResult()
    if not partition_key:
        result.add_warning(f"{event_type} has no partition key: its events are not kept in order")
    elif envelope and envelope.get("correlation_id", partition_key) != partition_key:
        result.add_warning(f"the partition key {partition_key!r} is not the correlation_id "
                           f"{envelope['correlation_id']!r}")
    return result


__all__ = ["ValidationResult", "validate_event_envelope", "validate_event_naming",
           "validate_full_event", "validate_partition_key_policy", "validate_schema_reference",
           "validate_timestamp_field", "validate_uuid_field"]
