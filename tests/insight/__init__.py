"""What happened, and what is set up, made into what people read."""
