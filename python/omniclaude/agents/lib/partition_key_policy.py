# SPDX-License-Identifier: Apache-2.0
"""The partition-key policy of events: families, all keyed on correlation_id. The table is aep's."""
import logging
from enum import Enum

import aep

logger = logging.getLogger(__name__)

EventFamily = Enum("EventFamily", {family.name.upper().replace(".", "_"): family.name
                                   for family in aep.families()}, type=str, module=__name__)
EventFamily.__doc__ = "The families of events."


def _policy(family):
    keys = f"{family.keys_per_day_min}-{family.keys_per_day_max} unique keys/day"
    return {"partition_key": family.key_field, "reason": family.reason,
            "cardinality": f"{family.cardinality.capitalize()} (~{keys})"}


PARTITION_KEY_POLICY = {EventFamily(family.name): _policy(family) for family in aep.families()}
DEFAULT_PARTITION_KEY_FIELD = "correlation_id"
VALID_EVENT_FAMILIES = [family.value for family in EventFamily]


def get_event_family(event_type):
    """The family of an event type or topic; None, with a warning, if it has none."""
    family = aep.family_of(event_type) if isinstance(event_type, str) and event_type else None
    if family is None:
        logger.warning("%r belongs to no family of events", event_type)
        return None
    return EventFamily(family.name)


def _as_mapping(envelope):
    if isinstance(envelope, dict):
        return envelope
    dump = getattr(envelope, "model_dump", None)
    return dump() if dump else dict(getattr(envelope, "__dict__", {}))


def get_partition_key_for_event(event_type, envelope):
    """The key of an event's envelope (a mapping or a model); None if it has none."""
    if get_event_family(event_type) is None:
        return None
    try:
        key = aep.partition_key(_as_mapping(envelope))
    except aep.Error:
        key = None
    if key is None:
        logger.warning("the envelope of a %s has no %s", event_type, DEFAULT_PARTITION_KEY_FIELD)
    return key


def get_partition_policy(event_family):
    """partition_key, reason and cardinality of a family; {} if it is none."""
    return PARTITION_KEY_POLICY.get(event_family, {})


def validate_partition_key(event_type, partition_key):
    """Whether an event type has a family and the key is not blank."""
    if not isinstance(partition_key, str) or not partition_key.strip():
        logger.warning("a %s needs a partition key", event_type)
        return False
    return get_event_family(event_type) is not None


def get_all_event_families():
    """All families."""
    return list(EventFamily)


def get_policy_summary():
    """The policies by the families' names."""
    return {family.value: policy for family, policy in PARTITION_KEY_POLICY.items()}


__all__ = ["DEFAULT_PARTITION_KEY_FIELD", "PARTITION_KEY_POLICY", "VALID_EVENT_FAMILIES",
           "EventFamily", "get_all_event_families", "get_event_family",
           "get_partition_key_for_event", "get_partition_policy", "get_policy_summary",
           "validate_partition_key"]
