"""What identity can do, one module per concept."""
