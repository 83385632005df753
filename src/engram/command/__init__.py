"""The command `engram`: begins a study, checks it, runs it and opens its report."""
