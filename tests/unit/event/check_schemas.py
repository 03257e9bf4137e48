# SPDX-License-Identifier: Apache-2.0
"""check_schemas.py SCHEMA_DIR VECTOR_DIR: the shipped JSON Schemas against python3-jsonschema.

The schemas are sound themselves, take every golden envelope of their kind, and refuse every event that
aep_validate() refuses for what a schema can say."""
import json
import pathlib
import sys

import jsonschema

# What a schema cannot say: that two members agree, and which dates the calendar has.
BEYOND = {
    "payload contradicts",
    "more steps than there are",
    "timestamp of the 30th of February",
    "timestamp of a leap day that is none",
}


def load_schemas(folder):
    schemas = {}
    for path in sorted(folder.glob("*.json")):
        schema = json.loads(path.read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        schemas[schema["properties"]["event_type"]["const"]] = schema
    return schemas


def is_valid(schema, event):
    return jsonschema.Draft202012Validator(schema).is_valid(event)


def check_envelopes(schemas, vectors):
    count = 0
    for vector in vectors["envelopes"]:
        event = json.loads(vector["value"])
        if event["event_type"] in schemas:
            errors = list(jsonschema.Draft202012Validator(
                schemas[event["event_type"]]).iter_errors(event))
            assert not errors, f"{vector['name']}: {errors[0].message}"
            assert list(event) == list(schemas[event["event_type"]]["properties"]), vector["name"]
            count += 1
    return count


def check_validation(schemas, vectors):
    count = 0
    for vector in vectors["events"]:
        errors = {f["code"] for f in vector["findings"] if f["severity"] == "error"}
        try:
            event = json.loads(vector["input"])
        except ValueError:
            continue
        if not isinstance(event, dict) or event.get("event_type") not in schemas:
            continue
        valid = is_valid(schemas[event["event_type"]], event)
        if errors and vector["name"] not in BEYOND:
            assert not valid, f"the schema takes: {vector['name']}"
            count += 1
        elif not vector["findings"] and not {"service", "partition_key"} & event.keys():
            assert valid, f"the schema refuses: {vector['name']}"
            count += 1
    return count


def main():
    schemas = load_schemas(pathlib.Path(sys.argv[1]))
    assert len(schemas) == 4, f"{len(schemas)} schemas in {sys.argv[1]}"
    vectors = pathlib.Path(sys.argv[2])
    envelopes = check_envelopes(schemas, json.loads((vectors / "envelopes.json").read_text()))
    events = check_validation(schemas, json.loads((vectors / "validation.json").read_text()))
    assert envelopes > 20 and events > 30, (envelopes, events)
    print(f"4 schemas, {envelopes} envelopes, {events} other events")


main()
