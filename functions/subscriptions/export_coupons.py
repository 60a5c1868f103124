"""Works off the exports of batches of codes."""

from functions.subscriptions.service.pricing import batches
from shared.batch import each_message

handler = each_message(batches.export, consumer="subscriptions.export_coupons")
