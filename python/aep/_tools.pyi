# SPDX-License-Identifier: Apache-2.0
from typing import Literal, NamedTuple

from ._aep import _Envelope

class Family(NamedTuple):
    name: str
    key_field: str
    reason: str
    cardinality: str
    keys_per_day_min: int
    keys_per_day_max: int

class Finding(NamedTuple):
    severity: Literal["error", "warning"]
    code: str
    pointer: str
    field: str
    text: str

def families() -> list[Family]: ...
def family_of(name: str) -> Family | None: ...
def validate(envelope: _Envelope, strict: bool = False) -> list[Finding]: ...
