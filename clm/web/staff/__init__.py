"""The staff pages, for the team alone: what was sent, how words look, how campaigns stand, who a contact is."""
