"""Hourly: gives back the room of uploads that never came."""

from functions.media import service
from shared.schedule import scheduled

handler = scheduled(service.expire_uploads, "media.expire_uploads")
