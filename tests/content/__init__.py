"""The content room: what marketers write, made into what people read."""
