"""``make bench``: what every part costs, both sides of each comparison in one run."""
