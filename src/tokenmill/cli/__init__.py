"""The `tokenmill` command: one module for each group of subcommands."""
