"""Every five minutes: users who behave abnormally are found."""

from functions.identity.service import anomalies
from shared.schedule import scheduled

handler = scheduled(anomalies.detect, "identity.detect_anomalies")
