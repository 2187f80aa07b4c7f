"""Smart agents: columns of a list that are filled by rule, row by row."""
