"""What happened: figures and tables for people."""
