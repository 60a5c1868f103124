"""What identity receives and sends, one module per concept."""
