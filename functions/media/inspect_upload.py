"""Hears that an original has arrived in the private bucket."""

from functions.media import inspection
from shared.batch import each_message

handler = each_message(inspection.on_notice, "media.inspect_upload")
