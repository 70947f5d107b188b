"""Some items of a data set for people to look at: in the terminal, or as one page."""
