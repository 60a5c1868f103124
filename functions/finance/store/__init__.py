"""Every query of finance, by what it is about."""
