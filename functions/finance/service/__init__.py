"""What finance can do: one function per verb, by concept."""
