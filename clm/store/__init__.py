"""The only room that speaks SQL: schema, sessions, one module per noun, migrations."""
