"""Every five minutes: what changed in the number of accounts is folded into one row per day."""

from functions.identity.service import user_statistics
from shared.schedule import scheduled

handler = scheduled(user_statistics.fold, "identity.fold_user_counts")
