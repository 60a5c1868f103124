"""What must be so of the books, part by part."""
