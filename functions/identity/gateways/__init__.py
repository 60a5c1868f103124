"""The vendors identity talks to."""
