"""How fast mailwatch is, as ratios to the barest program that does the same: `make bench`."""
