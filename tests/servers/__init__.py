"""Local servers that the tests talk to in place of the cloud."""
