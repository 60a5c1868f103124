"""Every minute: tell clients which OAuth providers are configured, without letting what tells them read the secret."""

from functions.identity.gateways.oauth_registry import configured
from shared.dynamo import providers
from shared.schedule import scheduled


def publish() -> int:
    """Publish the names; 1 when they changed."""
    return int(providers.publish(configured()))


handler = scheduled(publish, "identity.publish_providers")
