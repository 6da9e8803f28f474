"""The demo shop is believable, repeatable and safe to hand around."""
