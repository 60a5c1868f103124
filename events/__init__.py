"""Facts that domains publish: one typed, versioned class per fact."""
