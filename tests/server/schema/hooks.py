"""What schemathesis cannot know of this server: its media types, and which things there are."""

import json
import os
import uuid

import schemathesis

for media_type in ("application/offset+octet-stream", "application/vnd.vitrine.files"):
    schemathesis.serializer.alias(media_type, "application/octet-stream")

# Identifiers by the names of path parameters.
THERE = json.loads(os.environ.get("VITRINE_IDS", "{}"))


def is_identifier(value):
    try:
        uuid.UUID(str(value))
    except ValueError:
        return False
    return True


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Every identifier that is one names something that is there; what is none stays what it is."""
    return {
        name: THERE[name] if name in THERE and is_identifier(value) else value
        for name, value in (path_parameters or {}).items()
    }
