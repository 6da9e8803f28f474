"""What the benchmarks promise, and that what was made quick is right."""
