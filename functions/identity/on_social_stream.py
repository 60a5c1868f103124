"""Hears the changes of the table group `social`: counts follows, and tells of new ones."""

from functions.identity.service import follows
from shared.dynamo.streams import on_change

handler = on_change(follows.concerns, follows.count, "identity.on_social_stream")
