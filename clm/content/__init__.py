"""Words: templates and a context in, one message's content out; nothing here looks anything up."""
