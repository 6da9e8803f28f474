"""What the domain decides, without any database."""
