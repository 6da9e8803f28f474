"""Processes that are killed, stopped and told to leave, and what they send to that goes away under them."""
