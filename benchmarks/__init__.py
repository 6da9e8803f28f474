"""How fast clm is, measured against what the same machine and database can do at all."""
