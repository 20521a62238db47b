"""However streams are cut, versions expire and objects come and go: the store is a snapshot, and in the end the latest.

The machine, the cache and the readers run against a reference server. Rules are what servers, networks and readers do;
after each step every reader's folded events must agree with the store, and whenever the machine has a position the
store must equal the server's state at that version. docs/explanation/model.md says which seeded bugs die of it.

Seeded bugs die only because of all of these: resyncs that are interrupted, plain bookmarks among initial events, the
snapshot compared at every version, versions that stay expired, and the final state compared in `teardown`.

Two machines: in `Conversation` answers arrive as decoded events and items, in `ConversationInBytes` as bytes.
``KUBEINFORMER_MODEL_EXAMPLES=2000`` looks deeper.
"""

import os

import pytest
from hypothesis import HealthCheck, settings
from tests._protocol.conversation import Conversation
from tests._protocol.conversation_in_bytes import ConversationInBytes

_EXAMPLES = int(os.environ.get("KUBEINFORMER_MODEL_EXAMPLES", "250"))
_SETTINGS = settings(
    max_examples=_EXAMPLES,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
pytestmark = pytest.mark.timeout(600 + _EXAMPLES)
TestConversation = Conversation.TestCase
TestConversation.settings = _SETTINGS
TestConversationInBytes = ConversationInBytes.TestCase
TestConversationInBytes.settings = _SETTINGS
