"""The process, a module a stage: ingest, profile, enrol, advance, dispatch, settle, reconcile."""
