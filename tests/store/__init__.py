"""What the store keeps, on both databases."""
