"""Each minute: the published copy of the settings is what the table says, whatever happened after a change."""

from functions.admin.service import settings
from shared.schedule import scheduled

handler = scheduled(settings.publish_again, "admin.publish_settings")
