"""The process, as Prefect runs it; reads like its description, holds no logic."""
