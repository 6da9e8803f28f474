"""What the process does, on both databases."""
