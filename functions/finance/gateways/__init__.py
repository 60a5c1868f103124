"""Who pays out for us."""
