"""What sources promise."""
