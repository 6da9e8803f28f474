"""The real engine under a virtual clock, a fake provider and a scheduler that one number decides everything of."""
